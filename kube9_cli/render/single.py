"""Prints events one by one, each with everything that is known about it."""

from __future__ import annotations

from kube9_cli.options import Options

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any


def print_events(options: Options, found: list[dict[str, Any]]) -> None:
    """Prints the events. As JSON and YAML, one event is an object, and several are a list `events`."""
    if options.for_people:
        from kube9_cli.render import event, look

        shown, wide = look.of(options), options.format == "wide"
        print("\n\n".join("\n".join(event.lines(one, shown, wide)) for one in found))
    elif options.format in ("json", "yaml"):
        from kube9_cli.render import serialize

        answer = found[0] if len(found) == 1 else {"events": found}
        print(serialize.as_yaml(answer) if options.format == "yaml" else serialize.as_json(answer) + "\n", end="")
    else:
        from kube9_cli.render import listing

        listing.print_events(options, found)
