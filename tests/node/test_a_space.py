"""A space of the tests leaves nothing on the machine."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.node.space import hierarchies
from tests.operator import until

KILLED = """
import sys, time
from pathlib import Path
from tests.node.space import Space
space = Space(Path(sys.argv[1])).__enter__()
space.start("sh", "-c", "sleep 1000 & mount -t tmpfs none /mnt && sleep 1000", name="sleeper")
print(space.name, flush=True)
time.sleep(1000)
"""


def test_a_space_dies_with_who_made_it(binaries: Path, tmp_path: Path) -> None:
    maker = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE)
    assert maker.stdout
    name = maker.stdout.readline().decode().strip()
    link = Path("/sys/class/net") / name
    assert link.exists()
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    maker.stdout.close()
    until(lambda: not link.exists(), "the network to be gone")
    groups = [hierarchy / name for hierarchy in hierarchies()]
    assert not [group for group in groups if group.exists() and (group / "cgroup.procs").read_text(encoding="ascii")]
    assert str(tmp_path) not in Path("/proc/mounts").read_text(encoding="utf-8")
