"""Nothing secret is left: not in the database, not in its WAL, not in the log, not over HTTP, wherever in an Event it was."""

from pathlib import Path

import pytest

from tests import secrets
from tests.operator import Operator, until
from tests.standin import StandIn, warning


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn) -> Operator:
    return Operator(tmp_path, standin.kubeconfig(tmp_path), LOG_LEVEL="debug")


def test_no_secret_is_left_anywhere(operator: Operator, standin: StandIn) -> None:
    events, hidden = [], set()
    for number, (sentence, found) in enumerate(secrets.SENTENCES):
        hidden |= set(found)
        if sentence.startswith("cut by its source"):  # which is at the end of a message
            events += [
                warning(f"end-{number}", "Odd", sentence),
                warning(f"broken-{number}", "Odd", sentence) | {"count": sentence},
            ]
            continue
        events += [
            warning(f"start-{number}", "Failed", f'Failed to pull image "{sentence}": {sentence}'),
            # Across the cut of a description, and far behind it.
            *(warning(f"cut-{number}-{at}", "Odd", "x " * (at // 2) + sentence) for at in range(940, 1_000, 12)),
            warning(f"row-{number}", "FailedMount", f'MountVolume.SetUp failed for volume "{sentence}" : {sentence}'),
            warning(f"fields-{number}", "Odd", "in the fields", source={"component": sentence, "host": sentence})
            | {"reason": sentence},
            warning(f"broken-{number}", "Odd", sentence) | {"count": sentence},
        ]
    standin.write(*events)
    with operator:
        until(operator.events, "the list")
        until(lambda: operator.accounting()["received"] >= len(events), "all of them")
        assert operator.accounting()["undecodable"] == len(secrets.SENTENCES)
        # The counters are reported after the commit that the accounting shows.
        until(
            lambda: operator.counter("kube9_secrets_redacted_total") >= len(secrets.SENTENCES) * 3, "every secret to be counted"
        )
        seen = operator.health()[1]
        counted, metrics = operator.counter("kube9_secrets_redacted_total"), operator.health("/metrics")[1]
        listed = str(operator.events())
    left = {path.name: path.read_bytes() for path in operator.data.iterdir() if path.is_file()}
    assert {"kube9.db", "kube9.db-wal"} <= set(left)
    places = {**left, "log": operator.log_path.read_bytes(), "health": str(seen).encode(), "metrics": metrics.encode()}
    places["cli"] = listed.encode()
    for secret in hidden:
        for part in (secret, secret[:-1], secret[: max(7, len(secret) // 2)]):
            for name, content in places.items() if len(part) > 6 else ():
                assert part.encode() not in content, (part, name)
    assert "[REDACTED]" in listed
    logged = sum(line["secrets"] for line in operator.log() if line["event"] == "event.redacted")
    assert logged > 0, "said as often as one namespace may fill the log"
    assert any(line["event"] == "lines.undecodable" for line in operator.log())
    assert counted >= logged
