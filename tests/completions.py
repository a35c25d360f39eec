"""`make completions`: writes the scripts that `kube9-cli completion` prints, from the parser."""

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
        values = VALUES | VALUES_OF.get(command.prog, {})
        for action in command._actions:
            name = action.option_strings[-1] if action.option_strings else action.dest
            if isinstance(action, argparse._SubParsersAction):
                continue
            if "--format" in action.option_strings:
                action.choices = [form for form in command.get_default("formats") if not form.startswith(options.CUSTOM)]
            elif name in values:
                action.choices = list(values[name])
            elif name == "topic":
                action.choices = [each.prog.split()[-1] for each in levels(parser) if each is not parser]
            elif name in FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            action.help = short(action.help or "", listed=action.choices is not None, name=str(action.metavar))
    return shtab.complete(parser, shell).rstrip() + "\n"


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
