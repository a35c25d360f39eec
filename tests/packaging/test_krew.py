"""`make krew` makes what Krew installs, by the commands of docs/cli.md and docs/install.md."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.packaging.copied import copied, make
from tests.tools import tool
from tests.typed import Shell

pytestmark = pytest.mark.cluster


def test_krew_installs_it_and_removes_it(tmp_path: Path) -> None:
    clone, programs, root = copied(tmp_path / "clone"), tmp_path / "programs", tmp_path / "krew"
    make(clone, "krew", "URI=https://example.org/folder")
    programs.mkdir()
    (programs / "kubectl-krew").symlink_to(tool("krew"))
    # A virtual environment on the PATH has the plugin, too.
    others = [one for one in os.environ["PATH"].split(os.pathsep) if not (Path(one) / "kubectl-kube9").exists()]
    path = (str(root / "bin"), str(programs), str(Path(tool("kubectl")).parent), *others)
    environment = os.environ | {"KREW_ROOT": str(root), "PATH": os.pathsep.join(path)}
    shell = Shell(clone, environment, {})
    shell.span("docs/cli.md", "kubectl krew install")
    assert (root / "bin" / "kubectl-kube9").exists()
    assert "Ask kube9-operator what happened" in shell.run("kubectl kube9 --help")
    assert shell.run("kubectl __complete kube9 ev") == ":0\n", "Krew puts only the plugin on the PATH"
    shell.span("docs/cli.md", 'cp "${KREW_ROOT')
    assert "kubectl completion bash" in shell.span("docs/cli.md", "kubectl completion --help")
    assert shell.run("kubectl __complete kube9 ev") == "events\tList events\n:4\n"
    assert shell.run("kubectl __complete kube9 events list --severity=info,cr") == "info,critical\n:4\n"
    assert shell.run("kubectl __complete kube9 report --output ''") == ":0\n", "a file of this machine"
    # Krew has an index of plugins where it has been used before; it removes nothing without one.
    subprocess.run(["git", "init", "-q", root / "index" / "default"], check=True)
    shell.span("docs/install.md", "kubectl krew uninstall")
    assert not (root / "bin" / "kubectl-kube9").exists()
