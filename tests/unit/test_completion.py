"""`kube9-cli completion`: the scripts are those of the parser, and shells complete with them."""

import os
import pty
import select
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from kube9_cli.commands import completion
from kube9_cli.commands.events import ACTIONS
from kube9_cli.parser import get_parser
from tests import completions
from tests.cli import run_cli
from tests.commands import levels
from tests.operator import BIN
from tests.typed import span

NOWHERE = Path("/nowhere")
COMPLETED = [
    ("", {one.prog.split()[1] for one in levels(get_parser()) if " " in one.prog}),
    ("ev", {"events"}),
    ("events ", set(ACTIONS)),
    ("events s", {"summary"}),
    ("events list --sev", {"--severity"}),
    ("events list --severity e", {"error", "error+"}),
    ("events list -n shop --color ", {"auto", "always", "never"}),
    ("events list --since 1h --sort c", {"created", "count"}),
    ("events summary --by name", {"namespace", "name"}),
    ("status -o ", {"json", "yaml", "table", "wide"}),
    ("completion ", set(completion.SHELLS)),
    ("help events ti", {"timeline"}),
]
"""What follows the name of the program on a command line, and how its last word can go on."""


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_the_script_is_that_of_the_parser(shell: str) -> None:
    made = completions.made(shell)
    assert Path(completion.script(shell)).read_text(encoding="utf-8") == made, "run `make completions`"
    with pytest.raises(SystemExit, match=r"^0$"):
        run_cli(NOWHERE, "completion", shell)


def test_the_command_prints_the_script_without_a_database(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        completion.check(type("Given", (), {"shell": "fish"}))  # type: ignore[arg-type]
    assert capsys.readouterr().out == completions.made("fish")


def test_an_unknown_shell_is_an_error_that_names_the_others() -> None:
    done = run_cli(NOWHERE, "completion", "bsh")
    assert (done.returncode, done.stdout) == (1, "")
    assert "it must be one of: bash, zsh, fish; did you mean bash?" in done.stderr


@pytest.mark.parametrize(("line", "wanted"), COMPLETED)
def test_bash_completes(line: str, wanted: set[str]) -> None:
    words = ["kube9-cli", *line.split(" ")]
    script = f"""
        source {shlex.quote(completion.script("bash"))}
        COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}
        complete -p kube9-cli | grep -q -- '-F _shtab_kube9_cli kube9-cli$' && _shtab_kube9_cli
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)
    assert (set(done.stdout.split()), done.stderr) == (wanted, "")


@pytest.mark.parametrize(("line", "wanted"), COMPLETED)
def test_fish_completes(line: str, wanted: set[str]) -> None:
    script = f"source {shlex.quote(completion.script('fish'))}; complete -C {shlex.quote(f'kube9-cli {line}')}"
    done = subprocess.run([there("fish"), "--no-config", "-c", script], capture_output=True, text=True, check=True)
    assert ({one.partition("\t")[0] for one in done.stdout.splitlines()}, done.stderr) == (wanted, "")


def test_zsh_reads_the_script() -> None:
    done = subprocess.run([there("zsh"), "-f", "-n", completion.script("zsh")], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_the_tabulator_completes_in_a_bash_on_a_terminal() -> None:
    """From the first letters of a command to a whole line, as somebody types it."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], {"TERM": "dumb", "PS1": "> ", "PATH": path})
    try:
        os.write(terminal, f"{span('docs/cli.md', 'source <(')}; PS1=ready$PS1\n".encode())
        seen(terminal, "ready>")
        os.write(terminal, b"kube9-cli ev\tl\t--severity crit\t-o jsonl; exit\n")
        assert "kube9-cli events list --severity critical -o jsonl" in seen(terminal, "exit\r\n").replace("\a", "")
    finally:
        os.close(terminal)
        os.waitpid(child, 0)


def there(shell: str) -> str:
    """The path of a shell. Skips the test where it is not installed."""
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"needs {shell}: apt-get install {shell}")
    return path


def seen(terminal: int, text: str) -> str:
    """What a terminal shows until it shows this text."""
    shown, until = "", time.monotonic() + 30
    while text not in shown and time.monotonic() < until:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 4096).decode(errors="replace")
            except OSError:  # bash has ended
                break
    return shown
