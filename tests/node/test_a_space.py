"""A space of the tests leaves nothing on the machine. First in the alphabet: there is one space at a time."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.node.space import CONTROL_GROUP, LINK, hierarchies
from tests.operator import until

pytestmark = pytest.mark.node

KILLED = """
import sys, time
from pathlib import Path
from tests.node.space import Space
space = Space(Path(sys.argv[1])).__enter__()
space.start("sh", "-c", "sleep 1000 & mount -t tmpfs none /mnt && sleep 1000", name="sleeper")
print("made", flush=True)
time.sleep(1000)
"""


def test_a_space_dies_with_who_made_it(binaries: Path, tmp_path: Path) -> None:
    maker = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE)
    assert maker.stdout
    assert maker.stdout.readline() == b"made\n"
    assert (Path("/sys/class/net") / LINK).exists()
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    maker.stdout.close()
    until(lambda: not (Path("/sys/class/net") / LINK).exists(), "the network to be gone")
    groups = [hierarchy / CONTROL_GROUP for hierarchy in hierarchies()]
    assert not [group for group in groups if group.exists() and (group / "cgroup.procs").read_text(encoding="ascii")]
    assert str(tmp_path) not in Path("/proc/mounts").read_text(encoding="utf-8")
