"""`make documents`: writes the tables of rules and readers into docs/events.md, from the rules themselves."""

from collections.abc import Iterator
from pathlib import Path

from kube9_operator.model.observation import SEVERITIES
from kube9_operator.model.rules import loader, matcher, readers
from kube9_operator.model.rules.rule import WAIT, Match, Rule, values

EVENTS = Path(__file__).parent.parent / "docs" / "events.md"
BEGIN, END = "<!-- {}: written by `make documents` -->", "<!-- {} end -->"
HEADER = ("rule", "severity", "title", "Events", "counts as one event", "metadata")


def table() -> str:
    """All built-in rules as Markdown, in the order in which they are tried."""
    compiled = {rule.id: rule for rule in matcher.built_in_table().rules}
    text = ""
    for section in loader.built_in_sections():
        text += f"\n### {section.title}\n\n| {' | '.join(HEADER)} |\n|{' --- |' * len(HEADER)}\n"
        for rule in section.rules:
            text += f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in _cells(rule, compiled[rule.id]))} |\n"
    return text + "\n"


def readers_table() -> str:
    """What each reader finds."""
    text = "\n| reader | fields | where it finds them |\n| --- | --- | --- |\n"
    for name, reader in sorted(readers.READERS.items()):
        fields = ", ".join(f"`{field}`" for field in (*reader.fields, *reader.only_key))
        text += f"| `{name}` | {fields} | {' '.join((reader.read.__doc__ or '').partition(chr(10) * 2)[0].split())} |\n"
    return text + "\n"


def whole(text: str) -> str:
    """The document with the tables as they should be."""
    for name, made in (("rules", table()), ("readers", readers_table())):
        begin, end = BEGIN.format(name), END.format(name)
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if not found or not ended:
            raise SystemExit(f"{EVENTS}: the lines {begin} and {end} must be there")
        text = f"{before}{begin}\n{made}{end}{after}"
    return text


def _cells(rule: Rule, compiled: matcher.Compiled) -> tuple[str, ...]:
    matches = "; ".join(_matches(rule.match))
    said = f"{matches}. *{rule.note}*" if rule.note else matches
    if rule.ignore:
        return rule.id, "left out", "", said, "", ""
    title = compiled.title.replace("{kind}", "<Kind>").replace("{reason}", "<Reason>").replace(" {target}", " <Kind>")
    metadata = ", ".join(f"`{field}`" for field in compiled.fields)
    return rule.id, SEVERITIES[compiled.severity], title, said, _folded(rule, compiled), metadata


def _folded(rule: Rule, compiled: matcher.Compiled) -> str:
    if rule.joins:
        return f"with rule *{rule.joins}*" + ("" if compiled.primary else ", secondary")
    if compiled.repeat == "each":
        return "no: each Event is a separate event"
    return f"by {_listed(('object', *(f'`{field}`' for field in compiled.fold_by)))}"


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _matches(match: Match) -> Iterator[str]:
    """What a match says, part by part."""
    about = _any(match.kind)
    if match.group != ():
        about = f"{about or 'any kind'} of {_any(match.group)}"
    reason = "any other" if match.reason == "*" else _any(match.reason)
    yield from filter(None, (about, reason))
    for begin, texts in (("type", match.type), ("from", match.emitter)):
        if texts:
            yield f"{begin} {_any(texts)}"
    for begin, texts in (("message begins", match.message_prefix), ("message contains", match.message_contains)):
        if texts:
            yield f"{begin} " + " or ".join(f"`{one.strip()}`" for one in values(texts))
    if match.min_count:
        yield f"from count {match.min_count} on"
    if match.min_seconds:
        yield f"for `{WAIT}`" if match.min_seconds == WAIT else f"for {match.min_seconds} s"


def _any(given: str | tuple[str, ...]) -> str:
    return ", ".join(f"`{one}`" if one else "core" for one in values(given))


if __name__ == "__main__":
    EVENTS.write_text(whole(EVENTS.read_text(encoding="utf-8")), encoding="utf-8")
