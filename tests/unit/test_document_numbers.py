"""Numbers in the documents, and in the alerts of the chart, are those of the code."""

import re
from pathlib import Path

import pytest
import yaml

from kube9_cli.query import connection, events, notes, paging, related, summary
from kube9_cli.query import coverage as cli_coverage
from kube9_operator import bad_requests
from kube9_operator.http import server
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.tally import MOST_NAMESPACE_LABELS, MOST_REASON_LABELS
from kube9_operator.supervise import event_outbox
from kube9_operator.text import engine, limits, redact
from kube9_operator.watch import comparer, decoding, plugin, unreadable
from kube9_operator.watch.kinds import KINDS
from kube9_operator.write import pace
from kube9_operator.write.events import bounds, coverage, deletion, filing, size_limit
from kube9_operator.write.recovery import quarantine, restore
from kube9_operator.write.resources import service_pods
from kube9_operator.write.resources.detect import endpoints
from kube9_operator.write.sqlite import database
from kube9_schema.intervals import CONFIRMATION_SECONDS, SILENCE_SECONDS

ROOT = Path(__file__).parent.parent.parent
ALERTS = ROOT / "helm" / "kube9-operator" / "alerts" / "kube9-operator.yaml"
D = Deadlines()
WORDS = {1: "one", 2: "two", 3: "three", 5: "five", 10: "ten"}


def minutes(seconds: float) -> str:
    """A time as the documents write it: two minutes, 15 minutes."""
    number = round(seconds / 60)
    assert number * 60 == seconds
    return f"{WORDS.get(number, number)} minutes"


SAID = {
    "internals": (
        f"the next watch may last {D.bookmarked_least // 60} to {D.bookmarked_most // 60} minutes",
        f"replaced if nothing arrives for {D.bookmark:g} s",
        f"Otherwise, the next watch ends after {D.watch_least} to {D.watch_most} s",
        f"A line of more than {decoding.MAX_OBJECT_BYTES // 2**20} MiB is never held in memory",
        f"tried again every {minutes(D.denied_retry)}",
        f"requests it again after {WORDS[int(D.empty_list)]} seconds",
        f"stops reading for up to {D.patience:g} seconds",
        f"lists all Events every {minutes(D.compare)} (less often if there are more than {comparer.ORDINARY_EVENTS:,})",
        f"has confirmed a source for {minutes(D.confirmation)}",
        f"is moved every {minutes(D.lasting)}",
        f"half of its maximum in the last {minutes(endpoints.WINDOW_MS / 1000)}",
        f"A loss is recorded if it lasts for {D.settle:g} s",
        f"At most {event_outbox.MAX_WAITING} events wait",
        f"and also when the newest period has {filing.PERIOD_EVENTS:,} events",
        f"If the texts of a page exceed {events.UNPACKED_BYTES // 2**20} MiB, further rows are compressed",
    ),
    "cli": (
        f"shown if they were seen in the {minutes(related.BEFORE_MS / 1000)} before the event began",
        f"At most {related.MOST} are shown, those that began last",
        f"`hints`, with at most {WORDS[notes.MOST_HINTS]} entries",
        f"has at most {summary.MOST_GROUPS:,} groups",
        f"reason: the newest {cli_coverage.MAX_GAPS}, newest first",
        f"`until` may be up to {minutes(CONFIRMATION_SECONDS)} ago",
    ),
    "extension": (
        f"A cursor contains the ids of at most {paging.MOST_SHOWN:,} events",
        f"In lists of more than {paging.MOST_SHOWN:,} events",
        f"merged if there would be more than {summary.MOST_GROUPS:,} of them",
        f"`gaps` lists at most {cli_coverage.MAX_GAPS} periods",
        f"`until` may be up to {minutes(CONFIRMATION_SECONDS)} ago",
    ),
    "metrics": (
        f"the latest {WORDS[unreadable.LATEST]} objects that could not be decoded",
        f"more log lines than allowed ({bounds.LINES} in {minutes(bounds.LINES_SECONDS)})",
        f"The first {MOST_NAMESPACE_LABELS} namespaces have their own label",
        f"Only the first {MOST_NAMESPACE_LABELS} namespaces and the first {MOST_REASON_LABELS} reasons",
        f"A request may have at most {server.MAX_REQUEST_BYTES // 1024} KiB",
        f"A request and its response together may take at most {D.http_request:g} s",
        f"at most {server.MAX_CONNECTIONS} connections",
        f"logged at most once per {bad_requests.LOG_SECONDS:g} s",
        f"For {minutes(D.confirmation)}, a watch was not confirmed",
        f"For the first {minutes(D.confirmation)} after a start, every watch counts as confirmed",
    ),
    "operations": (
        f"after {SILENCE_SECONDS:g} seconds, `kube9-cli status` shows `not running`",
        f"names the latest {WORDS[unreadable.LATEST]} objects",
        f"at most {bounds.LINES} lines about a namespace in {minutes(bounds.LINES_SECONDS)}",
        f"names at most one object of each namespace, and {WORDS[unreadable.MOST_NAMESPACES]} in total, per minute",
        f"A line of more than {decoding.MAX_OBJECT_BYTES // 2**20} MiB is skipped",
        f"stops reading for up to {D.patience:g} s",
    ),
    "reliability": (
        f"first after {D.database_retry_first:g} s, later every {D.database_retry_most:g} s",
        f"smaller, down to {pace.LEAST_BATCH} items",
        f"while a commit takes longer than {D.hang / 2:g} s",
        f"after {WORDS[restore.TRIES]} attempts that saved no further event",
        f"keeps the {WORDS[quarantine.KEPT]} newest damaged files",
        f"The second operator waits {D.lock_wait:g} s",
        f"{D.retry_first:g} s at first, then twice as long each time, up to {D.retry_most:g} s",
        f"Tries again every {minutes(D.denied_retry)}",
        f"The check runs {WORDS[int(D.inspect_first)]} second after each start",
    ),
    "security": (
        f"at most {server.MAX_REQUEST_BYTES // 1024} KiB and {D.http_request:g} s, and {server.MAX_CONNECTIONS} connections",
        f"A text with more than {engine.MAX_CANDIDATES} places",
        f"Redaction searches the first {redact.MAX_LOOKED_AT:,} characters",
        f"A description is then cut to {limits.MAX_DESCRIPTION_CHARACTERS:,} characters",
        f"may take {D.plugin:g} s and print {plugin.MOST_BYTES // 2**20} MiB",
        f"1/{bounds.WORDS_PART} of the size limit for each day and namespace",
        f"at least {bounds.WORDS_LEAST_BYTES // 1024} KiB and at most {bounds.WORDS_MOST_BYTES // 2**20} MiB",
        f"{service_pods.MOST_OF_SERVICE:,} former pods per service, {service_pods.MOST_OF_ALL:,} in total",
        f"{coverage.MAX_DEAD_LETTERS:,}. Near the size limit also 1/{size_limit.UNUSED_PART} of the size limit",
        f"| {bounds.LINES} in {minutes(bounds.LINES_SECONDS)}. For objects that cannot be decoded: one a minute",
        f"{MOST_NAMESPACE_LABELS} namespaces have their own label",
        f"names the namespace and the limit for {minutes(bounds.LASTS_SECONDS)}",
        f"`/healthz` names the first {WORDS[bounds.MOST_NAMED]}, and says how many more there are",
        f"lists the {WORDS[deletion.MOST_NAMESPACES_NAMED]} namespaces that lost most events",
        f"are cut to {bounds.MOST_CHARACTERS} characters",
        f"SQLite gets {connection.HEAP_BYTES // 2**20} MiB of heap",
    ),
}
"""By document what it says with numbers of the code."""


@pytest.mark.parametrize("page", SAID)
def test_numbers_are_those_of_the_code(page: str) -> None:
    text = " ".join((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8").split()).lower()
    assert [said for said in SAID[page] if said.lower() not in text] == []


def test_what_is_requested_as_metadata_is_what_the_documents_say() -> None:
    only = {name for name, kind in KINDS.items() if kind.metadata_only}
    for page, before, after in (
        ("security", "requests only the metadata of ", "."),
        ("internals", "\n- ", " are requested as PartialObjectMetadata"),
    ):
        text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        said = text.partition(before)[2].partition(after)[0] if after == "." else text.partition(after)[0].rpartition(before)[2]
        assert set(re.split(", | and ", said.lower())) == only, page
    whole = " ".join((ROOT / "docs" / "security.md").read_text(encoding="utf-8").split())
    said = whole.partition("it receives whole objects: ")[2].partition(".")[0]
    assert set(re.split(", | and ", said.lower())) == KINDS.keys() - only


def test_the_alert_about_the_size_limit_fires_before_events_are_deleted() -> None:
    """Events are deleted so that the database stays below a part of its limit, less what is kept free for the WAL."""
    rules = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]
    (alert,) = [rule for rule in rules if rule["alert"] == "Kube9OperatorDatabaseNearLimit"]
    part = re.search(r"> ([0-9.]+) \* kube9_events_storage_limit_bytes", alert["expr"])
    assert part
    assert float(part[1]) < size_limit.PRESSED * (1 - 1 / database.WAL_PART)
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert f"more than {float(part[1]):.0%} of its size limit".replace("%", " %") in operations
    below, default = pressed(1024), pressed(4096)
    said = " ".join(operations.split())
    assert f"at about {below} of a limit of 1 GiB, and at about {default} of a limit of 4 GiB (the chart's default)" in said
    assert f"the operator begins to delete events at about {default} of the size limit" in said


def pressed(limit_mib: int) -> str:
    """The part of a size limit from which on events are deleted."""
    limit = limit_mib * 2**20
    return f"{size_limit.PRESSED * (1 - database.wal_limit_bytes(limit) / limit):.0%}".replace("%", " %")
