"""Objects that could not be decoded: named, and no flood."""

from typing import Any

from kube9_operator.watch.decoding import Identity
from kube9_operator.watch.unreadable import LATEST, MOST_NAMESPACES, WINDOW_SECONDS, Unreadable, UnreadableObjects


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append({"event": event} | fields)


def named(name: str, namespace: str = "shop", version: str = "7", why: str = "odd") -> Unreadable:
    return Unreadable(Identity(namespace, name, "u1", version), why)


def test_the_latest_are_named_once_each() -> None:
    log: Any = Log()
    objects = UnreadableObjects(log)
    objects.saw([named(f"web-{number}") for number in (*range(20), 18)])
    assert objects.latest() == [f"shop/web-{number} at version 7" for number in (15, 16, 17, 19, 18)]
    assert len(objects.latest()) == LATEST


def test_a_flood_of_one_namespace_is_one_line_a_minute() -> None:
    log: Any = Log()
    now = [0.0]
    objects = UnreadableObjects(log, lambda: now[0])
    for _ in range(1_000):
        objects.saw([named("web"), named("web-2")])
    assert [(line["event"], line["object"]) for line in log.lines] == [("lines.undecodable", "shop/web at version 7")]
    objects.saw([named("db", "data")])
    assert [line["object"] for line in log.lines[1:]] == ["data/db at version 7"], "another's is still named"
    now[0] += WINDOW_SECONDS
    objects.saw([named("web")])
    assert [(line["event"], line.get("objects")) for line in log.lines[2:]] == [
        ("lines.undecodable.more", 1_999),
        ("lines.undecodable", None),
    ]


def test_a_flood_of_namespaces_is_bounded() -> None:
    log: Any = Log()
    objects = UnreadableObjects(log, lambda: 0.0)
    objects.saw([named("web", f"n{number}") for number in range(1_000)])
    assert len(log.lines) == MOST_NAMESPACES


def test_names_are_cut_and_printable() -> None:
    log: Any = Log()
    objects = UnreadableObjects(log)
    objects.saw([named("\x1b[31m\u202e" + "x" * 10_000, why="bell\x07" * 1_000), Unreadable(Identity(), "no JSON")])
    first, second = objects.latest()
    assert first.startswith("shop/?[31m?xxx")
    assert len(first) < 800
    assert second == "? at version ?"
    assert all(len(line["why"]) <= 500 and line["why"].isprintable() for line in log.lines)
