"""Writes which packages the image has, as a CycloneDX document, from what pip says of those that are installed.

    pip inspect | python3 image/sbom.py > FILE

The report of `pip inspect` is described at https://pip.pypa.io/en/stable/reference/inspect-report/, the document at
https://cyclonedx.org/docs/1.6/json/. The same packages give the same bytes: it has neither a time nor a serial number.
docs/decisions/0007-sbom.md says why it is our own.
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

OPERATOR = "kube9-operator"
LONGEST_LICENSE = 80
"""What is longer is no name but the text of a license."""


def document(report: dict[str, Any]) -> dict[str, Any]:
    """The document for a report of pip. The operator is what the other packages are parts of."""
    packages = {name_of(one["metadata"]["name"]): one["metadata"] for one in report["installed"]}
    components = {name: component(packages[name]) for name in sorted(packages)}
    operator = components[OPERATOR] | {"type": "application"}
    needs = [
        {"ref": made["bom-ref"], "dependsOn": [components[each]["bom-ref"] for each in needed(packages[name], packages)]}
        for name, made in components.items()
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": operator},
        "components": [made for name, made in components.items() if name != OPERATOR],
        "dependencies": needs,
    }


def component(package: dict[str, Any]) -> dict[str, Any]:
    """A package as a component."""
    name, version = name_of(package["name"]), package["version"]
    purl = f"pkg:pypi/{name}@{version}"
    made = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    licenses = list(licenses_of(package))
    return made | ({"licenses": licenses} if licenses else {})


def licenses_of(package: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The licenses that a package names: as an expression, or in older packages by classifiers or a free text."""
    expression, text = package.get("license_expression"), package.get("license", "").strip()
    classifiers = [one.rpartition(" :: ")[2] for one in package.get("classifier", ()) if one.startswith("License :: OSI")]
    if expression:
        yield {"expression": expression}
    elif classifiers:
        yield from ({"license": {"name": one}} for one in classifiers)
    elif text and "\n" not in text and len(text) <= LONGEST_LICENSE:
        yield {"license": {"name": text}}


def needed(package: dict[str, Any], installed: dict[str, Any]) -> list[str]:
    """The installed packages that a package requires. What only an extra of it requires is left out."""
    found = set()
    for requirement in package.get("requires_dist", ()):
        name, _, marker = requirement.partition(";")
        first = re.match(r"[\w.-]+", name)
        if first and "extra" not in marker:
            found.add(name_of(first[0]))
    return sorted(found & installed.keys())


def name_of(text: str) -> str:
    """The normal form of a package's name."""
    return re.sub(r"[-_.]+", "-", text).lower()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(json.load(sys.stdin)), indent=1) + "\n")
