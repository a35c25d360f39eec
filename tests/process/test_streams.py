"""The streams, signals and files of a kube9-cli process, whatever whoever starts it has closed, filled or decided."""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import cli_database
from tests.operator import BIN

COUNT = 200
PROGRAMS = ([str(BIN / "kube9-cli")], [str(BIN / "kube9-operator"), "query"])
MOMENTS = 40
LEAST_STRUCK = 10
"""So many of the processes must not have ended before the signal. On an idle machine it is nearly all."""
LONGEST_SECONDS = 0.03
NOBODY_READS = "nobody reads"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("streams")
    cli_database.build(made, COUNT)
    return made


def commands(folder: Path) -> dict[str, tuple[list[str], int]]:
    """Command lines that print on stdout, on stderr, or on both, with their exit codes."""
    database = ["--db", str(folder)]
    return {
        "list": (["events", "list", "-o", "json", *database], 0),
        "table": (["events", "list", "-o", "table", *database], 0),
        "status": (["status", "-o", "yaml", *database], 0),
        "unknown id": (["events", "get", "evt_20200101_000000_000000", "-o", "json", *database], 1),
        "wrong": (["events", "list", "--limit=-1", "-o", "json"], 1),
        "too late": (["events", "list", "--timeout=0.000001", "-o", "json", *database], 2),
        "help": (["events", "list", "--help"], 0),
        "version": (["--version"], 0),
    }


NAMES = tuple(commands(Path()))


def is_caught(pid: int) -> bool:
    """Whether the process has a handler for SIGINT: Python's own, as long as nothing of ours has run."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        for line in status.splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (signal.SIGINT - 1) & 1)
    return False


@pytest.mark.parametrize("program", PROGRAMS, ids=" ".join)
def test_ctrl_c_is_quiet_from_our_first_line_on(folder: Path, program: list[str]) -> None:
    chance, struck = random.Random(7), 0
    for _ in range(MOMENTS):
        command = [*program, "events", "list", "-o", "json", "--db", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asking:
            started = False
            while asking.poll() is None and not (started and not is_caught(asking.pid)):
                started = started or is_caught(asking.pid)
            time.sleep(chance.random() * LONGEST_SECONDS)
            asking.send_signal(signal.SIGINT)
            answer, said = asking.communicate()
            assert said == b""
            assert asking.returncode in (0, -signal.SIGINT)
            assert asking.returncode or len(json.loads(answer)["events"]) == 50
            struck += asking.returncode != 0
    assert struck >= LEAST_STRUCK


@pytest.mark.parametrize("program", PROGRAMS, ids=" ".join)
def test_every_import_of_the_start_is_quiet_when_ctrl_c_meets_it(folder: Path, program: list[str]) -> None:
    """The same without chance: an audit hook sends the signal when the number-th module is imported after our first one."""
    package = "kube9_operator" if len(program) > 1 else "kube9_cli"
    lines = (
        "import os, sys",
        "left = int(sys.argv.pop(1))",
        "del sys.argv[0]",
        "def hook(event, arguments):",
        "    global left",
        "    if event == 'import':",
        "        left -= 1",
        "        left or os.kill(os.getpid(), 2)",
        f"import {package}",
        "sys.addaudithook(hook)",
        f"from {package}.main import main",
        "sys.exit(main())",
    )
    for number in (1, 2, 5, 13):
        command = [BIN / "python", "-c", "\n".join(lines), str(number), *program, "events", "list", "--db", str(folder)]
        done = subprocess.run(command, capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b""), number


def test_a_job_in_the_background_stays_deaf_to_ctrl_c(folder: Path) -> None:
    command = f"trap '' INT; kill -INT $$; exec {BIN}/kube9-cli events list --limit=1000 -o json --db {folder}"
    with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE) as asking:
        assert asking.stdout
        begun = asking.stdout.read(1)
        asking.send_signal(signal.SIGINT)
        assert len(json.loads(begun + asking.stdout.read())["events"]) == COUNT
    assert asking.returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_any_streams_may_be_closed(folder: Path, name: str) -> None:
    arguments, code = commands(folder)[name]
    before = (folder / "kube9.db").read_bytes()
    whole = subprocess.run([*PROGRAMS[0], *arguments], capture_output=True, check=False)
    for closed in range(8):
        shut = " ".join(how for bit, how in enumerate(("<&-", ">&-", "2>&-")) if closed >> bit & 1)
        done = subprocess.run(
            ["sh", "-c", f'exec "$@" {shut}', "sh", *PROGRAMS[0], *arguments], capture_output=True, check=False
        )
        assert done.returncode == (1 if closed & 2 else code), shut
        if not closed & 2:
            assert same(done.stdout, whole.stdout), shut
        elif not closed & 4:
            assert json.loads(done.stderr)["code"] == "OUTPUT", shut
        assert b"Traceback" not in done.stderr, shut
    assert (folder / "kube9.db").read_bytes() == before


def same(answer: bytes, other: bytes) -> bool:
    """Whether two answers are alike. Each says for which time it is complete, and how long ago that was."""
    return answer[:100] == other[:100] and answer.count(b"\n") == other.count(b"\n")


@contextlib.contextmanager
def spoilt(how: str) -> Iterator[int]:
    """A descriptor that cannot be written."""
    if how == NOBODY_READS:
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open(how, os.O_RDONLY if how == os.devnull else os.O_WRONLY)
    try:
        yield writer
    finally:
        os.close(writer)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["/dev/full", os.devnull, NOBODY_READS])
def test_stdout_and_stderr_may_be_impossible_to_write(folder: Path, how: str, name: str) -> None:
    """A full disk, a descriptor for reading only, and a reader that has gone."""
    arguments, code = commands(folder)[name]
    whole = subprocess.run([*PROGRAMS[0], *arguments], capture_output=True, check=False)
    gone = -signal.SIGPIPE if how == NOBODY_READS else 1
    for stdout, stderr in ((True, False), (False, True), (True, True)):
        with spoilt(how) as bad:
            done = subprocess.run(
                [*PROGRAMS[0], *arguments],
                stdout=bad if stdout else subprocess.PIPE,
                stderr=bad if stderr else subprocess.PIPE,
                check=False,
            )
        if stdout and whole.stdout:
            assert done.returncode == gone
        elif stderr and whole.stderr:  # a table says there for which time it is complete
            assert done.returncode == (gone if gone < 0 else code or 1)
        else:
            assert done.returncode == code
        if not stderr:
            assert b"Traceback" not in done.stderr
            assert done.stderr.count(b"\n") <= 1
        if not stdout:
            assert same(done.stdout, whole.stdout)


def no_room() -> None:
    """Lets this process write no file: as if /tmp, and every other folder, were full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


SORTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) SELECT hex(randomblob(30)) k FROM n"
ASKING = f"""
import sys
from kube9_cli.errors import QueryError
from kube9_cli.query.connection import Database
try:
    print(len(Database(sys.argv[1], 60, lambda: 0.0).all("{SORTING} ORDER BY k")))
except QueryError as error:
    print(error)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: sudo make test")
def test_a_sort_without_room_for_its_temporary_file_says_so(folder: Path, tmp_path: Path) -> None:
    """No question sorts that much; a later one may."""
    shutil.copy(folder / "kube9.db", tmp_path)
    (tmp_path / "temporary").mkdir()
    mount = f"mount -t tmpfs -o size=64k tmpfs {tmp_path}/temporary"
    fill = f"{{ dd if=/dev/zero of={tmp_path}/temporary/rest bs=1k count=100 2>&- || :; }}"
    said = []
    for prepare in (f"{mount} && {fill}", mount.replace("64k", "64m")):
        command = ["unshare", "-m", "sh", "-c", f'{prepare} && exec "$@"', "sh", BIN / "python", "-c", ASKING]
        done = subprocess.run(
            [*command, tmp_path / "kube9.db"],
            env=os.environ | {"SQLITE_TMPDIR": str(tmp_path / "temporary")},
            capture_output=True,
            text=True,
            check=True,
        )
        said.append(done.stdout.strip())
    assert said == ["There is no room for temporary files", "60000"]


@pytest.mark.parametrize("temporary", ["", "absent"], ids=["full", "not there"])
def test_no_room_for_temporary_files(folder: Path, tmp_path: Path, temporary: str) -> None:
    shutil.copy(folder / "kube9.db", tmp_path)
    environment = os.environ | {"TMPDIR": str(tmp_path / temporary), "DB_PATH": str(tmp_path)}
    first = subprocess.run([*PROGRAMS[0], "events", "list", "-o", "json"], env=environment, capture_output=True, check=True)
    for arguments in (
        ["events", "list", "--limit=1000", "-o", "json"],
        ["events", "list", "--limit=1000", "--sort=created", "--severity=warning", "-o", "yaml"],
        ["events", "get", json.loads(first.stdout)["events"][0]["id"], "-o", "json"],
        ["status", "-o", "json"],
    ):
        done = subprocess.run([*PROGRAMS[0], *arguments], env=environment, capture_output=True, check=False, preexec_fn=no_room)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["kube9.db"]


@pytest.mark.parametrize("asked", ["option", "environment"])
def test_the_end_of_stdin_ends_a_watch(folder: Path, asked: str) -> None:
    words = ["--exit-on-stdin-close"] if asked == "option" else []
    environment = os.environ | ({} if words else {"KUBE9_EXIT_ON_STDIN_CLOSE": "1"})
    command = [BIN / "kube9-cli", "events", "list", "--watch", "-o", "jsonl", "--db", folder, *words]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as watching:
        assert watching.stdin
        assert watching.stdout
        assert json.loads(watching.stdout.readline())["id"]
        watching.stdin.write(b"what is typed\n")
        watching.stdin.flush()
        assert watching.poll() is None
        watching.stdin.close()
        assert watching.wait() == 129


def test_the_end_of_stdin_ends_an_answer_that_nobody_reads(folder: Path) -> None:
    """As in a pod after kubectl has gone: stdout is open, and full."""
    command = [BIN / "kube9-cli", "events", "export", "--exit-on-stdin-close", "--db", folder]
    reads, writes = os.pipe()
    fill(writes)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=writes, stderr=subprocess.PIPE) as exporting:
        assert exporting.stdin
        exporting.stdin.close()
        assert exporting.wait() == 129
        assert exporting.stderr
        assert exporting.stderr.read() == b""
    os.close(reads)
    os.close(writes)


def fill(pipe: int) -> None:
    """Writes into a pipe until it takes no more."""
    os.set_blocking(pipe, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(pipe, bytes(4096)):
            pass
    os.set_blocking(pipe, True)
