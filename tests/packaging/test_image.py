"""What the image is made of: locked dependencies that agree with our bounds, and less of them than they bring."""

import configparser
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kube9_operator import __version__

ROOT = Path(__file__).parent.parent.parent
IMAGE = ROOT / "image"
LOCKS = (IMAGE / "requirements.txt", IMAGE / "build-requirements.txt")


def locked(path: Path) -> dict[str, str]:
    """The version of each project of a lock file, each of which has hashes and neither a marker nor an address."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    versions = {}
    for line in text.replace("\\\n", " ").splitlines():
        found = re.fullmatch(r"([a-z0-9-]+)==(\S+)((?: +--hash=sha256:[0-9a-f]{64})+)", line)
        assert found, line
        versions[found[1]] = found[2]
    return versions


def test_the_locks_are_within_the_bounds() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    of_run, of_build = map(locked, LOCKS)
    wanted = setup["options"]["install_requires"].split("\n")
    wanted += tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    versions = of_build | of_run
    for one in map(Requirement, filter(None, wanted)):
        assert versions[canonicalize_name(one.name)] in one.specifier, one
    ours = {canonicalize_name(Requirement(one).name) for one in setup["options"]["install_requires"].split("\n") if one}
    assert ours <= set(of_run)
    assert "argparse-manpage" in set(of_build) - set(of_run), "it is for the build alone"


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_index(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash)", text, re.MULTILINE)


def test_the_base_is_one_release_and_whoever_builds_may_choose() -> None:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    assert re.search(r"^ARG PYTHON_IMAGE=\S+:3\.\d+\.\d+-slim-[a-z]+$", text, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${PYTHON_IMAGE}", "dependencies", "${PYTHON_IMAGE}"]


def check(*lines: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the build's check, after `lines` of Python that take something away."""
    (folder / "sitecustomize.py").write_text("\n".join(("import sys", *lines)), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.run([sys.executable, IMAGE / "check.py"], capture_output=True, text=True, check=False, env=environment)


def test_the_check_passes_with_all_that_is_needed(tmp_path: Path) -> None:
    done = check(folder=tmp_path)
    assert done.returncode == 0, done.stderr


NEEDED = ("kubernetes.config.exec_provider", "kubernetes.client.rest", "yaml", "apsw", "prometheus_client")


@pytest.mark.parametrize("taken", NEEDED)
def test_the_check_fails_without_what_is_needed(tmp_path: Path, taken: str) -> None:
    done = check(f"sys.modules[{taken!r}] = None", folder=tmp_path)
    assert done.returncode != 0
    assert taken in done.stderr


def test_what_nothing_imports_is_deleted_and_a_new_layout_is_noticed(tmp_path: Path) -> None:
    for name in ("client/models/v1_pod", "client/models/__init__", "client/api/core_v1_api", "aio/x", "client/rest"):
        path = tmp_path / "kubernetes" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    others = ("apsw/tests/x.py", "apsw/sqlite_extra_binaries/x", "apsw/__init__.pyi", "pydantic/v1/x.py", "pydantic/main.py")
    for name in others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    prune = [sys.executable, IMAGE / "prune.py", tmp_path]
    assert subprocess.run(prune, check=False).returncode == 0
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"kubernetes/client/models/__init__.py", "kubernetes/client/rest.py", "pydantic/main.py"}
    again = subprocess.run(prune, check=False, capture_output=True, text=True)
    assert again.returncode == 1
    assert again.stderr.startswith("prune: no kubernetes/client/models")


def test_the_base_may_be_pinned_by_digest() -> None:
    def base(*options: str) -> list[str]:
        command = ["make", "-n", "image", "BUILDER=builder", *options]
        said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        return re.findall(r"--build-arg PYTHON_IMAGE=(\S+)", said)

    digest = f"sha256:{'0' * 64}"
    assert base() == []
    assert base(f"PYTHON_DIGEST={digest}") == [f"docker.io/library/python@{digest}"]
    wrong = ["make", "image", "BUILDER=false", "PYTHON_DIGEST=3.13"]
    done = subprocess.run(wrong, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode, "PYTHON_DIGEST=3.13: must be sha256:" in done.stderr) == (2, True)


def test_the_builder_may_be_chosen(tmp_path: Path) -> None:
    """A stand-in for docker, which says what it was told."""
    (tmp_path / "docker").write_text('#!/bin/sh\necho "$0" "$@"\n', encoding="utf-8")
    (tmp_path / "docker").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = ["make", "image", "BUILDER=docker"]
    said = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    assert re.search(rf"^{tmp_path}/docker build .* -t localhost/kube9-operator:\S+ -f Containerfile \.$", said, re.MULTILINE)


def test_make_image_says_what_it_needs() -> None:
    done = subprocess.run(["make", "image", "BUILDER="], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("make image: needs buildah, podman or docker")


def test_what_is_copied_is_given_to_the_build() -> None:
    """Everything that the Containerfile copies from the checkout exists, and .dockerignore leaves it in."""
    copied = [
        name
        for line in (ROOT / "Containerfile").read_text(encoding="utf-8").splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    ]
    given = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")}
    assert len(copied) > 8
    assert [name for name in copied if name not in given or not (ROOT / name).exists()] == []


def inspected() -> dict[str, Any]:
    """What pip says of the packages of this environment."""
    command = [sys.executable, "-m", "pip", "inspect", "--local"]
    report: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return report


def list_of_packages(report: dict[str, Any]) -> dict[str, Any]:
    """The document that the build of the image makes."""
    command, text = [sys.executable, IMAGE / "sbom.py"], json.dumps(report)
    made: dict[str, Any] = json.loads(subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout)
    return made


def test_the_list_of_packages_has_all_of_them_and_nothing_else() -> None:
    report = inspected()
    made = list_of_packages(report)
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    installed = {canonicalize_name(one["metadata"]["name"]): one["metadata"]["version"] for one in report["installed"]}
    operator = made["metadata"]["component"]
    assert {one["name"]: one["version"] for one in (operator, *made["components"])} == installed
    refs = {one["bom-ref"] for one in (operator, *made["components"])}
    assert {one["ref"] for one in made["dependencies"]} == refs
    needs = {one["ref"]: one["dependsOn"] for one in made["dependencies"]}
    assert {each for one in needs.values() for each in one} <= refs
    ours = {one.partition("@")[0] for one in needs[operator["bom-ref"]]}
    assert {"pkg:pypi/apsw", "pkg:pypi/kubernetes"} <= ours
    assert "pkg:pypi/pytest" not in ours, "an extra"
    assert list_of_packages(report) == made


def test_the_list_of_packages_says_the_licenses() -> None:
    own = {"name": "kube9-operator", "version": "1", "license_expression": "MIT"}
    old = {"name": "Old_Package", "version": "2", "license": "the whole text\nof a license"}
    classified = {"name": "b", "version": "3", "classifier": ["License :: OSI Approved :: MIT License", "Topic :: X"]}
    named = {"name": "c", "version": "4", "license": "BSD"}
    made = list_of_packages({"installed": [{"metadata": one} for one in (own, old, classified, named)]})
    assert made["metadata"]["component"]["licenses"] == [{"expression": "MIT"}]
    licenses = {one["name"]: one.get("licenses") for one in made["components"]}
    assert licenses == {
        "old-package": None,
        "b": [{"license": {"name": "MIT License"}}],
        "c": [{"license": {"name": "BSD"}}],
    }


def test_the_image_says_from_what_it_was_built() -> None:
    command = ["make", "-n", "image", "BUILDER=builder"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    given = dict(re.findall(r"--build-arg (VERSION|REVISION)=(\S+)", said))
    labels = (ROOT / "Containerfile").read_text(encoding="utf-8").rpartition("LABEL ")[2]
    assert set(given) == set(re.findall(r'"\$\{(\w+)\}"', labels)) - {"PYTHON_IMAGE"}
    version = subprocess.run(["make", "-s", "version"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert given["VERSION"] == version.strip() == __version__
