"""`kube9-cli completion`, and that of `kubectl kube9`: the scripts are those of the parser, and shells complete with them."""

import os
import pty
import re
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
from tests.krew import COMPLETION, PLUGIN
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


# Of `kubectl kube9`, in the form that kubectl asks for


BEFORE = {"--help", "--version", "--operator", "--context", "--cluster", "--user", "--kubeconfig", "--as"}
OF_PLUGIN = [
    ("-", BEFORE),
    ("--c", {"--context", "--cluster"}),
    ("--operator=kube9-system/kube9-operator-0 ev", {"events"}),
    ("--context prod sta", {"status"}),
    ("--context ", {"prod", "stage"}),
    ("--context p", {"prod"}),
    ("--cluster=", {"of-prod", "of-stage"}),
    ("--user ", {"ada"}),
    ("--as ", set()),
    ("--operator kube", {"kube-system", "kube9-system"}),
    ("events list -n ", {"kube-system", "kube9-system", "shop"}),
    ("events list -n kube-*,sh", {"kube-*,shop"}),
    ("events list --namespace=sh", {"shop"}),
    ("events list --cluster ", set()),
    ("events list -n", {"-n"}),
    ("events list -w --severity=info,cr", {"info,critical"}),
    ("events list --color=al", {"always"}),
    ("events list --search * --ti", {"--time", "--timeout"}),
    ("events get e", set()),
    ("events nosuch l", set()),
    ("status events li", set()),
    ("nosuch --sev", set()),
    ("completion b", {"bash"}),
    ("help argocd resource-tree ", {"get"}),
]
OF_CLUSTER = """#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
case "$*" in
    *'get-contexts -o name') printf 'prod\\nstage\\n' ;;
    *get-clusters) printf 'NAME\\nof-prod\\nof-stage\\n' ;;
    *get-users) printf 'NAME\\nada\\n' ;;
    *'get namespaces '*) printf 'namespace/%s\\n' kube-system kube9-system shop ;;
    *) exit 1 ;;
esac
"""
SHELLS = [each for each in ("sh", "dash", "bash", "busybox") if shutil.which(each)]


def completed(folder: Path, shell: str, line: str, kubectl: str = OF_CLUSTER) -> tuple[set[str], str]:
    """How the last word of a line after `kubectl kube9` can go on, and the line for the shell."""
    (folder / "kubectl").write_text(kubectl, encoding="utf-8")
    (folder / "kubectl").chmod(0o755)
    command = [shell, *(["sh"] if shell == "busybox" else []), str(COMPLETION), *line.split(" ")]
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(folder / "calls")}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == "", "a shell would show it on the command line"
    *words, last = done.stdout.splitlines()
    return {word.partition("\t")[0] for word in words}, last


def test_the_tables_are_those_of_the_parser() -> None:
    script = COMPLETION.read_text(encoding="utf-8")
    assert script == completions.plugin(script), "run `make completions`"


@pytest.mark.parametrize("shell", SHELLS)
def test_kubectl_completes(tmp_path: Path, shell: str) -> None:
    for line, wanted in (*COMPLETED, *OF_PLUGIN):
        assert completed(tmp_path, shell, line) == (wanted, ":4"), line
    for line in ("report --output ", "--kubeconfig=conf"):
        assert completed(tmp_path, shell, line) == (set(), ":0"), "files of this machine"


def test_the_cluster_of_the_command_line_is_asked(tmp_path: Path) -> None:
    completed(tmp_path, "sh", "--context prod --kubeconfig=/a --user ada --as bob events list --cluster other -n ")
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    chosen = "--kubeconfig=/a --context=prod --user=ada --as=bob"
    assert calls == [f"{chosen} get namespaces --request-timeout=3s -o name"]


def test_a_cluster_that_does_not_answer_is_no_error(tmp_path: Path) -> None:
    refuses = "#!/bin/sh\necho 'error: no such context' >&2; exit 1\n"
    assert completed(tmp_path, "sh", "events list -n ", refuses) == (set(), ":4")


def test_it_knows_the_options_of_the_plugin() -> None:
    own = re.search(r"own_options\(\) \{.*?\n\}", COMPLETION.read_text(encoding="utf-8"), re.DOTALL)
    assert own
    assert set(re.findall(r"(--[a-z]+)[ |]", own[0])) == BEFORE
    plugin = PLUGIN.read_text(encoding="utf-8")
    assert set(re.findall(r"^ *--(\w+)\) ", plugin, re.MULTILINE)) | {"help"} == {one.strip("-") for one in BEFORE}


def test_shellcheck_finds_nothing() -> None:
    there("shellcheck")
    subprocess.run(["shellcheck", "--shell=sh", COMPLETION], check=True)


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
