"""What the image is made of: locked dependencies that agree with our bounds, and less of them than they bring."""

import configparser
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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
