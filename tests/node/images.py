"""The images of the node: a Python on Debian, of which its other pods are made too, and the operator's, by `make image`.

What takes longest is kept outside the clone, beside the binaries of the cluster. Several runs of the tests share it: whoever
builds holds the lock of the store until the image is in an archive of its own.
"""

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
NODE_IMAGE = "localhost/kube9-node:trixie"
"""A Debian with Python, in the place of Python's own images. Alone it waits until it is killed, as the pause of a pod does."""
OPERATOR_IMAGE = "localhost/kube9-operator"
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
DEFINITION = 'FROM scratch\nADD debian.tar /\nENTRYPOINT ["sleep", "infinity"]\n'


@contextlib.contextmanager
def building() -> Iterator[None]:
    """Nobody else on this machine uses the store meanwhile."""
    with (cache() / "lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def node_image() -> Path:
    """The archive of NODE_IMAGE, made where there is none (half a minute, once a machine)."""
    with building():
        return _node_image(cache())


def _node_image(folder: Path) -> Path:
    archive = folder / "node.tar"
    if not archive.exists():
        debian = folder / "debian.tar"
        mmdebstrap = ("mmdebstrap", "--quiet", "--variant=minbase", "--format=tar", f"--include={PACKAGES}", "trixie")
        run(*mmdebstrap, folder / "debian.new")
        (folder / "debian.new").rename(debian)
        (folder / "Containerfile").write_text(DEFINITION, encoding="utf-8")
        run(*buildah(), "build", "-t", NODE_IMAGE, "-f", folder / "Containerfile", folder)
        _push(NODE_IMAGE, archive)
        debian.unlink()
    return archive


def operator_image(tag: str, folder: Path, source: Path = ROOT) -> Path:
    """The archive of OPERATOR_IMAGE:`tag` in `folder`, built from `source` as the README says, on NODE_IMAGE."""
    name = f"{OPERATOR_IMAGE}:{tag}"
    variables = [f"{variable}={value}" for variable, value in build_variables().items()]
    with building():
        run("make", "-C", source, "image", f"IMAGE={name}", *variables)
        return archive_of(name, folder)


def build_variables() -> dict[str, str]:
    """What `make image` is told on this machine: by what it builds, and on what."""
    node_image()
    options = ["--layers", "--isolation chroot", f"--build-arg PYTHON_IMAGE={NODE_IMAGE}"]
    # Whom this machine trusts, and where it has its packages from.
    options += ["-v /etc/ssl/certs:/etc/ssl/certs:ro"]
    options += [f"--build-arg {name}={os.environ[name]}" for name in ("PIP_INDEX_URL",) if os.environ.get(name)]
    return {"BUILDER": " ".join(buildah()), "IMAGE_FLAGS": " ".join(options)}


def archive_of(image: str, folder: Path) -> Path:
    """An image that was built, as an archive in this folder, for the node to load."""
    archive = folder / "image.tar"
    _push(image, archive)
    return archive


def buildah() -> list[str]:
    """The command of buildah with a store of our own."""
    return ["buildah", "--storage-driver", "overlay", "--root", str(cache() / "store"), "--runroot", str(cache() / "run")]


def cache() -> Path:
    """Where images are kept."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kube9-operator" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run(*command: object) -> None:
    """Raises AssertionError with what the command said where it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"


def _push(name: str, archive: Path) -> None:
    """Writes an image to an archive, which is only ever seen whole. Layers stay uncompressed: that is the slow part."""
    new = archive.with_suffix(".new")
    new.unlink(missing_ok=True)
    run(*buildah(), "push", name, f"docker-archive:{new}:{name}")
    new.rename(archive)
