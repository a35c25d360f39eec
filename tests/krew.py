"""`make krew`: the plugin `kubectl kube9` for Krew: an archive and the manifest that names its hash, in the folder `dist`."""

import gzip
import hashlib
import io
import sys
import tarfile
from pathlib import Path

import yaml

from kube9_operator import __version__

ROOT = Path(__file__).parent.parent
PLUGIN = ROOT / "plugin" / "kubectl-kube9"
COMPLETION = ROOT / "plugin" / "kubectl_complete-kube9"
"""kubectl runs it for completion if it is on the PATH, where Krew does not put it."""
FILES = ((PLUGIN, 0o755), (COMPLETION, 0o755), (ROOT / "LICENSE", 0o644))
HOME = "https://github.com/kube9/kube9-operator"
DESCRIPTION = """\
Asks kube9-operator what happened in the cluster: which objects, when, how often, and what
changed before. It runs kube9-cli in the operator's pod, with the width, the colours and the
time zone of this terminal. Reports are written to a file on this machine.
"""
CAVEATS = """\
The cluster needs kube9-operator, and you need the permission to exec into its pod. Begin with:
  kubectl kube9 status
For completion with the Tab key, put the second file of the plugin on the PATH:
  cp "${KREW_ROOT:-$HOME/.krew}"/store/kube9/v*/kubectl_complete-kube9 "${KREW_ROOT:-$HOME/.krew}/bin"
"""


def archive() -> bytes:
    """The plugin, its completion and its license as .tar.gz, the same bytes each time."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for path, mode in FILES:
            content = path.read_bytes()
            entry = tarfile.TarInfo(path.name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def manifest(address: str, packed: bytes) -> str:
    """The manifest for an archive that can be downloaded from this address."""
    platform = {
        "selector": {"matchExpressions": [{"key": "os", "operator": "In", "values": ["linux", "darwin"]}]},
        "uri": address,
        "sha256": hashlib.sha256(packed).hexdigest(),
        "bin": PLUGIN.name,
        "files": [{"from": name, "to": "."} for name in (path.name for path, _ in FILES)],
    }
    plugin = {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "kube9"},
        "spec": {
            "version": f"v{__version__}",
            "homepage": HOME,
            "shortDescription": "Ask kube9-operator what happened",
            "description": DESCRIPTION,
            "caveats": CAVEATS,
            "platforms": [platform],
        },
    }
    return yaml.safe_dump(plugin, sort_keys=False)


def main(folder: Path, address: str) -> None:
    """Writes both. `address` is the folder from which the archive can be downloaded."""
    name = f"kubectl-kube9-{__version__}.tar.gz"
    packed = archive()
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(packed)
    (folder / "kube9.yaml").write_text(manifest(f"{address.rstrip('/')}/{name}", packed), encoding="utf-8")
    print(folder / name, folder / "kube9.yaml")


if __name__ == "__main__":
    main(ROOT / "dist", sys.argv[1] if len(sys.argv) > 1 else f"{HOME}/releases/download/v{__version__}")
