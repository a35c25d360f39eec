"""`make completions`: writes what `kube9-cli completion` prints, and the tables of plugin/kubectl_complete-kube9."""

import argparse
from collections.abc import Mapping

import shtab

from kube9_cli import options
from kube9_cli.commands import assess, collections, completion, events
from kube9_cli.grouping import FIELDS, ORDERS
from kube9_cli.parser import get_parser
from kube9_schema.assessments import MODES, PILLARS, STATES, STATUSES
from kube9_schema.codes import EVENT_TYPES, SEVERITIES
from kube9_schema.collections import TYPES
from tests.commands import levels
from tests.krew import COMPLETION

VALUES: Mapping[str, tuple[str, ...]] = {
    "--color": options.COLOURS,
    "--count": events.COUNTS,
    "--severity": (*SEVERITIES, *(f"{name}+" for name in SEVERITIES[1:-1])),
    "--mode": MODES,
    "--pillar": PILLARS,
    "--result": STATUSES,
    "--state": STATES,
    "--time": options.CLOCKS,
    "--type": EVENT_TYPES,
    "shell": completion.SHELLS,
}
"""The values of options and arguments that are one of a few."""
VALUES_OF = {
    "kube9-cli assess list": {"--state": (assess.QUEUED, *STATES)},
    "kube9-cli events list": {"--sort": events.ORDERS},
    "kube9-cli collections list": {"--state": collections.STORED, "--type": TYPES},
    "kube9-cli events summary": {"--by": FIELDS, "--sort": ORDERS},
}
"""The same for options that differ between commands."""
FILES = ("--db", "--store-headers", "--store-ca")
MOST_CHARACTERS = 80
"""A shell shows a description on one line beside its option."""


def made(shell: str) -> str:
    """The script for a shell."""
    parser = get_parser()
    for command in levels(parser):
        command.description = short(command.description or "")
        for action in command._actions:
            name = action.option_strings[-1] if action.option_strings else action.dest
            if isinstance(action, argparse._SubParsersAction):
                continue
            if values := values_of(command, action):
                action.choices = list(values)
            elif name == "topic":
                action.choices = [each.prog.split()[-1] for each in levels(parser) if each is not parser]
            elif name in FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            action.help = short(action.help or "", listed=action.choices is not None, name=str(action.metavar))
    return shtab.complete(parser, shell).rstrip() + "\n"


def plugin(script: str) -> str:
    """The script that completes `kubectl kube9`, with the tables of now."""
    head, begin, rest = script.partition("# tables begin")
    return f"{head}{begin}{rest.partition(chr(10))[0]}\n{tables()}{''.join(rest.partition('# tables end')[1:])}"


def tables() -> str:
    """The commands and their options, as functions of the shell that print lines with fields between `|`."""
    parser = get_parser()
    commands, options_of = list[str](), dict[tuple[str, str, str], list[str]]()
    for command in levels(parser):
        name = command.prog.partition(" ")[2]
        if not name:
            continue
        commands.append(_row(name, short(command.description or "")))
        for action in command._actions:
            if action.option_strings:
                value = "-" if action.nargs == 0 else _value(command, action)
                described = short(short(action.help or "", listed=value[0] in "=,", name=str(action.metavar)))
                options_of.setdefault((" ".join(action.option_strings), value, described), []).append(name)
    rows = [_row(*option, ",".join(names)) for option, names in options_of.items()]
    return _function("commands", commands) + _function("options", rows) + _function("shells", list(completion.SHELLS))


def _value(command: argparse.ArgumentParser, action: argparse.Action) -> str:
    """What an option takes. Paths such as that of --db are paths in the pod, but for that of a report."""
    name = action.option_strings[-1]
    if (command.prog, name) == ("kube9-cli report", "--output"):
        return "files"
    if name in ("--namespace", "--object-namespace"):
        return "namespaces"
    values = values_of(command, action)
    mark = "," if str(action.metavar).endswith("[,...]") else "="
    return mark + " ".join(values) if values else "text"


def _row(*fields: str) -> str:
    assert not any("|" in field or "\n" in field for field in fields)
    return "|".join(fields)


def _function(name: str, lines: list[str]) -> str:
    return "\n".join((f"{name}() {{", "    cat <<'END'", *lines, "END", "}", "", ""))


def values_of(command: argparse.ArgumentParser, action: argparse.Action) -> tuple[str, ...]:
    """The values of an option or argument that are known; () if they are not."""
    values = VALUES | VALUES_OF.get(command.prog, {})
    if "--format" in action.option_strings:
        return tuple(form for form in command.get_default("formats") if not form.startswith(options.CUSTOM))
    return values.get(action.option_strings[-1] if action.option_strings else action.dest, ())


def short(text: str, listed: bool = False, name: str = "") -> str:
    """The beginning of a help text: as much as a shell shows on one line. Values that the shell lists are left out."""
    if listed:
        before = text.partition(": ")[0]
        return f"the {name.lower()}" if before == "one of" else before
    for end in (". ", "; ", " (", ": ", ", "):
        if len(text) > MOST_CHARACTERS:
            text = text.partition(end)[0]
    return text.rstrip(".")


if __name__ == "__main__":
    for each in completion.SHELLS:
        with open(completion.script(each), "w", encoding="utf-8") as file:
            file.write(made(each))
    COMPLETION.write_text(plugin(COMPLETION.read_text(encoding="utf-8")), encoding="utf-8")
