"""The clusters whose operators send to a store, and for which time each of them has sent everything."""

from __future__ import annotations

import json
import time
import zlib

from kube9_cli import patterns
from kube9_cli.arguments import nearest
from kube9_cli.central.client import Client, Record, failed
from kube9_cli.central.logsql import quoted
from kube9_cli.errors import QueryError
from kube9_cli.query import coverage
from kube9_cli.query.connection import Scratch
from kube9_cli.times import iso, parse
from kube9_schema import facts, ids
from kube9_schema.attributes import CLUSTER_NAME, CLUSTER_UID, INSTANCE

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NamedTuple

    from kube9_cli.central.place import Place
    from kube9_cli.selection import Selection
else:
    from kube9_cli.named_tuple import NamedTuple

OF = "kube9.coverage."
"""How the names of the attributes of a coverage record begin."""
RECENT_MS = 180_000
"""Operators send a coverage record each minute. One that is not older says what is so now."""
PLACES = 997
"""An event's number here has the place of its instance; so many there are."""
SUFFIXES = ids.SUFFIXES // PLACES
"""The events of one second that can be told apart."""
NOT_HEARD = "nothing came from this cluster"
NOT_SENT, STILL_SENDING, FROM_LATER = (
    "not sent to the store yet",
    "its record is still being sent",
    "not sent, see SINK_BACKFILL",
)
SINK = "sink"
"""The source of gaps of the sink itself."""


class Cluster(NamedTuple):
    """A cluster, and the databases that its operator has had."""

    name: str
    """As answers show it."""
    uid: str
    instances: tuple[str, ...]
    newest: Record
    """The newest coverage record, and with it the newest database."""

    def said(self, name: str) -> str:
        """An attribute of the newest coverage record; '' if it is absent."""
        return self.newest.get(OF + name, "")

    def ms(self, name: str) -> int | None:
        """An attribute that is a time, in ms since 1970; None if it is absent."""
        text = self.said(name)
        return parse(text, 0) if text else None

    def values(self, name: str) -> Any:
        """An attribute that is a JSON text; None if it is absent."""
        text = self.said(name)
        return json.loads(text) if text else None

    @property
    def heard_ms(self) -> int:
        """When the newest record was made."""
        return parse(self.newest["_time"], 0)

    def is_heard(self, now_ms: int) -> bool:
        """Whether the operator sends."""
        return now_ms - self.heard_ms <= RECENT_MS


class Fleet:
    """The clusters that are asked about."""

    def __init__(self, client: Client, place: Place, scratch: Callable[[], Scratch]) -> None:
        """Reads which clusters there are, and the newest coverage record of each. Raises QueryError.

        `scratch` makes an empty database, in which coverage is computed.
        """
        self._client, self._make_scratch = client, scratch
        self._made: Scratch | None = None
        now_ms = time.time_ns() // 1_000_000
        known = list(client.rows(f'{{kube9.stream="coverage"}} | uniq by ({INSTANCE}, {CLUSTER_UID}, {CLUSTER_NAME})'))
        if not known:
            details = f"{client.url}: no operator has sent anything to it; SINK_URL of an operator says where it sends"
            raise failed("The store has no records of kube9-operator", details)
        self.clusters = _chosen(_clusters(known, self._newest(known, now_ms)), place.clusters)
        self.instances = sorted(one for cluster in self.clusters for one in cluster.instances)
        self._places = _places(sorted({one[INSTANCE] for one in known}))
        self._of_place = {self._places[one]: cluster for cluster in self.clusters for one in cluster.instances}

    def _newest(self, known: list[Record], now_ms: int) -> dict[str, Record]:
        """The newest coverage record of each instance."""
        stream = 'kube9.stream="coverage"'
        found: dict[str, Record] = {}
        for one in self._client.rows(f'{{{stream}}} _time:>="{iso(now_ms - RECENT_MS)}"'):
            if one["_time"] > found.get(one[INSTANCE], {"_time": ""})["_time"]:
                found[one[INSTANCE]] = one
        for missing in {one[INSTANCE] for one in known} - found.keys():
            for one in self._client.rows(f"{{{stream},{INSTANCE}={quoted(missing)}}}", limit=1):
                found[missing] = one
        return found

    # Which event is which

    def inner(self, number: int, instance: str) -> int:
        """The number that an event has in the database of the question: those of several clusters differ."""
        second, suffix = divmod(number, ids.SUFFIXES)
        if suffix >= SUFFIXES:
            raise failed("The store has an event that cannot be numbered", f"{ids.encode(number)} of {instance}")
        return second * ids.SUFFIXES + suffix * PLACES + self._places[instance]

    def all_inner(self, number: int) -> dict[int, str]:
        """The numbers that events with this id can have, each with its cluster."""
        return {self.inner(number, one): cluster.name for cluster in self.clusters for one in cluster.instances}

    def outer(self, inner: int) -> int:
        """The number of the event in its own cluster."""
        second, rest = divmod(inner, ids.SUFFIXES)
        return second * ids.SUFFIXES + rest // PLACES

    def of(self, inner: int) -> Cluster:
        """The cluster of an event."""
        return self._of_place[inner % ids.SUFFIXES % PLACES]

    def named(self, inner: int, event: dict[str, Any]) -> dict[str, Any]:
        """An event as clients see it, with its cluster."""
        return {"cluster": self.of(inner).name} | event | {"id": ids.encode(self.outer(inner))}

    def version(self) -> str:
        """The versions of the operators."""
        return ", ".join(sorted({one.said("version") for one in self.clusters} - {""})) or "unknown"

    def settled_ms(self) -> int:
        """What was recorded before this time has come from all clusters."""
        return min(cluster.ms("settled_until") or 0 for cluster in self.clusters)

    # For which time the answer is complete

    def covered(self, selection: Selection) -> dict[str, Any]:
        """The coverage of an answer: that of each cluster, and what is so for all of them."""
        each = [(cluster, self._of_cluster(cluster, selection)) for cluster in self.clusters]
        gaps = [{"cluster": cluster.name} | gap for cluster, one in each for gap in one["gaps"]]
        gaps.sort(key=lambda gap: (gap["to"], gap["from"]), reverse=True)
        left = sum(one.get("gaps_left_out", 0) for _, one in each) + len(gaps[coverage.MAX_GAPS :])
        known = {}
        if all("from" in one for _, one in each):
            begin, end = max(one["from"] for _, one in each), min(one["until"] for _, one in each)
            known = {"from": begin, "until": end} if begin < end else {}
        return {
            "complete": all(one["complete"] for _, one in each),
            "gaps": gaps[: coverage.MAX_GAPS],
            "unavailable": sorted({source for _, one in each for source in one["unavailable"]}),
            **known,
            **({"gaps_left_out": left} if left else {}),
            "clusters": [{"cluster": cluster.name} | _short(one) for cluster, one in each],
        }

    def _of_cluster(self, cluster: Cluster, selection: Selection) -> dict[str, Any]:
        now_ms = time.time_ns() // 1_000_000
        heard_ms = cluster.heard_ms
        is_heard = cluster.is_heard(now_ms)
        as_of_ms = min(heard_ms, now_ms) if is_heard else now_ms
        found = coverage.at(self._filled(cluster), selection, "", as_of_ms)
        until = now_ms if selection.until_ms is None else min(selection.until_ms, now_ms)
        found["gaps"] = [gap | {"to": iso(until)} if "ongoing" in gap else gap for gap in found["gaps"]]
        if not is_heard:
            since = f"{NOT_HEARD} since {iso(heard_ms)}"
            late = (coverage.DID_NOT_RUN, coverage.JUST_STARTED, coverage.NOT_WATCHED)
            found["gaps"] = [gap | {"reason": since} if gap["reason"] in late else gap for gap in found["gaps"]]
        gaps = self._of_sink(cluster, selection, until)
        if gaps:
            found |= {"complete": False, "gaps": [*gaps, *found["gaps"]]}
            end = min((gap["from"] for gap in gaps if gap.get("ongoing")), default="")
            if end and "until" in found and end < found["until"]:
                if found["from"] < end:
                    found["until"] = end
                else:
                    del found["from"], found["until"]
        return found

    def _of_sink(self, cluster: Cluster, selection: Selection, until: int) -> list[dict[str, Any]]:
        """What was recorded in the asked time, which ends at `until`, and has not come."""
        since = selection.since_ms or 0
        settled, begun = cluster.ms("settled_until"), cluster.ms("sent_from")
        found = []
        if settled is None:
            found.append(_gap(since, until, STILL_SENDING, ongoing=True))
        elif cluster.heard_ms - settled > RECENT_MS and settled < until:
            found.append(_gap(max(settled, since), until, NOT_SENT, ongoing=True))
        if begun is not None and since < begun and selection.since_ms is not None:
            found.append(_gap(since, min(begun, until), FROM_LATER))
        return found

    def close(self) -> None:
        """Removes the database of the coverage."""
        if self._made is not None:
            self._made.close()

    def _filled(self, cluster: Cluster) -> Scratch:
        """A database in whose tables is what a coverage record says."""
        if self._made is None:
            self._made = self._make_scratch()
        write = self._made.write
        for table in ("sources", "gaps", "facts"):
            write(f"DELETE FROM {table}", [()])  # noqa: S608
        columns = "source, covered_from_ms, proved_until_ms, unavailable, unavailable_since_ms"
        write(f"INSERT INTO sources ({columns}) VALUES (?, ?, ?, ?, ?)", _sources(cluster))  # noqa: S608
        write(
            "INSERT OR IGNORE INTO gaps (id, source, from_ms, to_ms, reason) VALUES (?, ?, ?, ?, ?)",
            [
                (number, gap["source"], parse(gap["from"], 0), parse(gap["to"], 0), gap["reason"])
                for number, gap in enumerate(cluster.values("gaps") or (), 1)
            ],
        )
        stored: dict[str, Any] = {
            facts.FIRST_START: cluster.ms("first_start"),
            facts.STARTED: cluster.ms("started"),
            facts.LAST_COMMIT: cluster.ms("last_commit"),
            facts.HEALTH: json.dumps(
                {"troubles": {one["source"]: one["trouble"] for one in cluster.values("sources") or () if "trouble" in one}}
            ),
        }
        write("INSERT INTO facts VALUES (?, ?)", [(name, value) for name, value in stored.items() if value is not None])
        return self._made


def _sources(cluster: Cluster) -> Iterable[tuple[Any, ...]]:
    for one in cluster.values("sources") or ():
        times = (parse(one[key], 0) if key in one else None for key in ("from", "until", "unavailable_since"))
        begun, confirmed, unavailable_since = times
        yield one["source"], begun, confirmed, one.get("unavailable"), unavailable_since


def _gap(from_ms: int, to_ms: int, reason: str, ongoing: bool = False) -> dict[str, Any]:
    shown = {"source": SINK, "from": iso(from_ms), "to": iso(max(from_ms, to_ms)), "reason": reason}
    return shown | ({"ongoing": True} if ongoing else {})


def _short(found: dict[str, Any]) -> dict[str, Any]:
    """The coverage of a cluster without its gaps, which the whole answer lists."""
    return {key: value for key, value in found.items() if key not in ("gaps", "gaps_left_out")}


def _clusters(known: list[Record], newest: dict[str, Record]) -> list[Cluster]:
    """The clusters by name. The instances of one uid are one cluster."""
    instances: dict[str, list[str]] = {}
    for one in known:
        its = instances.setdefault(one.get(CLUSTER_UID) or one[INSTANCE], [])
        if one[INSTANCE] not in its and one[INSTANCE] in newest:
            its.append(one[INSTANCE])
    found = []
    for uid, its in instances.items():
        if its:
            last = max((newest[one] for one in its), key=lambda record: record["_time"])
            found.append(Cluster(last.get(CLUSTER_NAME) or uid, uid, tuple(sorted(its)), last))
    names = [one.name for one in found]
    named = (one._replace(name=f"{one.name}/{one.uid}") if names.count(one.name) > 1 else one for one in found)
    return sorted(named, key=lambda one: one.name)


def _chosen(clusters: list[Cluster], wanted: tuple[str, ...]) -> list[Cluster]:
    """Those that are asked for. Raises QueryError for a name that no cluster has."""
    if not wanted:
        return clusters
    found = []
    for name in wanted:
        matches = patterns.matcher((name,), any_case=False)
        some = [one for one in clusters if matches(one.name) or matches(one.uid) or matches(one.newest.get(CLUSTER_NAME, ""))]
        if not some:
            names = [one.name for one in clusters]
            details = f"the store has records of: {', '.join(names)}{nearest(name, names)}"
            raise QueryError(f"Invalid --cluster {name}", details, "INVALID_ARGUMENT")
        found += [one for one in some if one not in found]
    return sorted(found, key=lambda one: one.name)


def _places(instances: list[str]) -> dict[str, int]:
    """A place for each instance, which stays when others come, so that pages go on."""
    if len(instances) > PLACES:
        raise failed("The store has too many clusters", f"{len(instances)}; {PLACES} can be told apart")
    places: dict[str, int] = {}
    for one in instances:
        place = zlib.crc32(one.encode()) % PLACES
        while place in places.values():
            place = (place + 1) % PLACES
        places[one] = place
    return places
