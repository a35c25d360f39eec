"""The operator starts in any folder, and leaves signals to whoever started it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kube9_operator.supervise import signals


def test_a_folder_that_was_removed(tmp_path: Path) -> None:
    """The shell's is still in it."""
    gone = tmp_path / "gone"
    gone.mkdir()
    asked = "import kube9_operator.interpreter as i; i.set_up(); import sys; print('' in sys.path[:1])"
    command = f'cd {gone} && rmdir {gone} && exec {sys.executable} -c "{asked}"'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


@pytest.mark.parametrize("ignored", [False, True])
def test_a_hangup_is_ignored_where_nohup_says_so(ignored: bool) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        assert (signal.SIGHUP in signals.asked_to_stop()) is not ignored
        assert signal.SIGTERM in signals.asked_to_stop()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_plug_in_gets_signals_as_from_a_shell() -> None:
    from kube9_operator.watch import plugin

    with signals.signals_held_back():
        said = plugin.run(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"], dict(os.environ), None, 30.0).decode()
    masks = {line.split(":")[0]: int(line.split(":")[1], 16) for line in said.splitlines()}
    assert masks["SigBlk"] == 0
    assert not masks["SigIgn"] & (1 << (signal.SIGPIPE - 1))
