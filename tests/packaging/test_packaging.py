"""What is built: the source distribution, the wheel, and the man pages in both."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from kube9_cli.commands.completion import SHELLS

ROOT = Path(__file__).parent.parent.parent
GOLDEN = Path(__file__).parent
PAGES = ("kube9-cli.1", "kube9-operator.1")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a wheel made from a source distribution made from a copy of the tree, with man/ beside."""
    tree = tmp_path_factory.mktemp("tree")
    leave_out = shutil.ignore_patterns(".*", "man", "build", "dist", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(ROOT, tree, dirs_exist_ok=True, ignore=leave_out)
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "-o", tree / "dist", tree],
        check=True,
        capture_output=True,
        env=os.environ | {"COLUMNS": "80"},
    )
    return tree


def test_both_carry_schema_and_man_pages(built: Path) -> None:
    with zipfile.ZipFile(next((built / "dist").glob("*.whl"))) as wheel:
        names = wheel.namelist()
    with tarfile.open(next((built / "dist").glob("*.tar.gz"))) as source:
        sources = source.getnames()
    files = [path.name for path in (ROOT / "schema").glob("*.sql")]
    assert files
    for name in files:
        assert f"kube9_schema/{name}" in names
        assert any(one.endswith(f"/schema/{name}") for one in sources)
    for shell in SHELLS:
        assert f"kube9_cli/completions/kube9-cli.{shell}" in names
    assert {"kube9_cli/page/report.css", "kube9_cli/page/report.js"} <= set(names)
    for script in ("kubectl-kube9", "kubectl_complete-kube9"):
        assert any(one.endswith(f".data/scripts/{script}") for one in names)
        assert any(one.endswith(f"/plugin/{script}") for one in sources)
    for page in PAGES:
        assert any(one.endswith(f"/data/share/man/man1/{page}") for one in names)
        assert any(one.endswith(f"/man/{page}") for one in sources)
    assert not [one for one in names if one.startswith("tests")]


def test_the_wheel_runs_without_what_makes_the_man_pages(built: Path, tmp_path: Path) -> None:
    (wheel,) = (built / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        (metadata,) = [name for name in file.namelist() if name.endswith(".dist-info/METADATA")]
        wanted = [line for line in file.read(metadata).decode().splitlines() if line.startswith("Requires-Dist: argparse")]
    assert wanted == ['Requires-Dist: argparse-manpage[setuptools]<5,>=4.8; extra == "dev"']
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", tmp_path, wheel]
    subprocess.run(install, check=True, capture_output=True)
    for page in PAGES:
        assert (tmp_path / "share" / "man" / "man1" / page).stat().st_size > 1_000
    plugin = subprocess.run([tmp_path / "bin" / "kubectl-kube9", "--help"], capture_output=True, text=True, check=True)
    assert plugin.stdout.startswith("Ask kube9-operator what happened in the cluster")
    completes = [tmp_path / "bin" / "kubectl_complete-kube9", "events", "li"]
    completed = subprocess.run(completes, capture_output=True, text=True, check=True)
    assert completed.stdout.splitlines() == ["list\tList events, newest first", ":4"]
    for module in ("kube9_cli.main", "kube9_operator.main"):
        lines = (
            "import sys",
            "sys.modules['argparse_manpage'] = sys.modules['build_manpages'] = None",
            f"import {module} as made",
            "print(made.__file__)",
            "sys.argv = ['made', '--version']",
            "sys.exit(made.main())",
        )
        command, environment = [sys.executable, "-c", "\n".join(lines)], os.environ | {"PYTHONPATH": str(tmp_path)}
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
        where, version = done.stdout.splitlines()
        assert Path(where).is_relative_to(tmp_path), "what was installed is what runs"
        assert re.fullmatch(r"\S+ \d+\.\d+\.\d+", version)


@pytest.mark.parametrize("page", PAGES)
def test_the_man_pages_are_those_that_were_read(built: Path, page: str) -> None:
    """Regenerate with `make man` and copy man/*.1 to tests/packaging/*.golden, after reading them."""
    made = (built / "man" / page).read_text(encoding="utf-8").splitlines()
    assert re.match(r'\.TH KUBE9\\-\w+ "1"', made[0])
    assert made[1:] == (GOLDEN / f"{page}.golden").read_text(encoding="utf-8").splitlines()[1:]


@pytest.mark.parametrize("page", PAGES)
def test_the_man_pages_are_clean(built: Path, page: str) -> None:
    if not (shutil.which("mandoc") and shutil.which("lexgrog")):
        pytest.skip("needs mandoc and lexgrog: apt-get install mandoc man-db")
    made = (built / "man" / page).read_text(encoding="utf-8")
    # The title's hyphen is escaped for groff, which mandoc takes for a part of the name.
    title, rest = made.split("\n", 1)
    text = title.replace("\\-", "-") + "\n" + rest
    lint = subprocess.run(["mandoc", "-Tlint", "-W", "warning"], input=text, capture_output=True, text=True, check=False)
    assert (lint.returncode, lint.stdout) == (0, "")
    found = subprocess.run(["lexgrog", built / "man" / page], capture_output=True, text=True, check=True)
    assert f'"{page.removesuffix(".1")} - ' in found.stdout
