"""`make krew`: a manifest as Krew wants it (its v1alpha2), and an archive that it describes."""

import hashlib
import re
import tarfile
from pathlib import Path

import yaml

from tests import krew


def test_the_manifest_is_of_the_archive(tmp_path: Path) -> None:
    krew.main(tmp_path, "https://example.org/here/")
    manifest = yaml.safe_load((tmp_path / "kube9.yaml").read_text(encoding="utf-8"))
    (packed,) = tmp_path.glob("*.tar.gz")
    assert (manifest["kind"], manifest["metadata"]) == ("Plugin", {"name": "kube9"})
    spec = manifest["spec"]
    assert re.fullmatch(r"v\d+\.\d+\.\d+", spec["version"])
    assert {"homepage", "shortDescription", "description", "caveats"} < set(spec)
    (platform,) = spec["platforms"]
    assert platform["uri"] == f"https://example.org/here/{packed.name}"
    assert platform["sha256"] == hashlib.sha256(packed.read_bytes()).hexdigest()
    with tarfile.open(packed) as archive:
        members = {member.name: member for member in archive.getmembers()}
        assert archive.extractfile("kubectl-kube9").read() == krew.PLUGIN.read_bytes()  # type: ignore[union-attr]
    assert [one["from"] for one in platform["files"]] == list(members)
    assert platform["bin"] == "kubectl-kube9"
    assert members["kubectl-kube9"].mode == 0o755


def test_the_archive_is_the_same_each_time() -> None:
    assert krew.archive() == krew.archive()
