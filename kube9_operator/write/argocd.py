"""Stores whether Argo CD is there, and makes the block `argocd` of the status ConfigMap."""

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from kube9_operator.clock import iso
from kube9_operator.model.frame import ArgoCdFound
from kube9_operator.model.sources import APPLICATIONS
from kube9_operator.supervise.link import Link
from kube9_operator.supervise.messages import ArgoCdReport
from kube9_operator.write.events import stored
from kube9_operator.write.events.facts import Facts
from kube9_operator.write.sqlite.database import one, rows
from kube9_operator.write.sqlite.session import Participant, Session
from kube9_schema import facts

PAUSE_SECONDS = 5.0
"""Between two reports: in a rollout of everything, Applications change all the time."""
MAX_STATUSES = 20
"""Different words of sync and health that are counted."""


class ArgoCd(Participant):
    """Works in the transactions of the session."""

    def __init__(self, session: Session, link: Link, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._connection = session.connection
        self._facts = Facts(session.connection)
        self._link = link
        self._monotonic = monotonic
        self._is_due = True
        self._made_at = 0.0
        self._known: dict[str, Any] = {}
        self._report: ArgoCdReport | None = None
        session.register(self)

    def ignored(self, now_ms: int) -> None:
        """Forgets Argo CD: it is switched off."""
        self.found(ArgoCdFound(checked_ms=now_ms))

    def found(self, control: ArgoCdFound) -> None:
        """Stores what was found."""
        known: dict[str, Any] = {
            "detected": control.detected,
            "namespace": control.namespace or None,
            "version": control.version or None,
            "checked_ms": control.checked_ms,
        }
        if control.capable is not None:
            known["capable"] = control.capable
        if control.error_code:
            known["error"] = {"code": control.error_code, "message": control.error_message}
        self._facts.set(facts.ARGOCD, json.dumps(known))
        self._is_due = True

    def changed(self) -> None:
        """Notes that Applications may have changed."""
        self._is_due = True

    def before_commit(self) -> None:
        """Makes the report, if something may have changed and the last one is not from just now."""
        self._report = None
        if self._is_due and (not self._known or self._monotonic() - self._made_at >= PAUSE_SECONDS):
            block = self.block()
            if block is not None and block | {"applications": _counts(block)} != self._known:
                self._report = ArgoCdReport(json.dumps(block))
                self._known = block | {"applications": _counts(block)}
            self._made_at, self._is_due = self._monotonic(), False

    def rolled_back(self) -> None:
        """The report is made again."""
        self._report, self._known, self._is_due = None, {}, True

    def committed(self) -> None:
        """Reports what has changed."""
        if self._report is not None:
            self._link.send(self._report)

    def block(self) -> dict[str, Any] | None:
        """Returns the block, as the extension reads it; None before the first look for Argo CD."""
        text = self._facts.get(facts.ARGOCD, "")
        if not text:
            return None
        known = json.loads(str(text))
        found: dict[str, Any] = {
            "detected": known["detected"],
            "namespace": known["namespace"],
            "version": known["version"],
            "lastChecked": iso(known["checked_ms"]),
        }
        found |= self._applications()
        if "capable" in known:
            found["resourceTreeCapable"] = known["capable"]
        if "error" in known:
            found["resourceTreeLastError"] = known["error"]
        return found

    def _applications(self) -> dict[str, Any]:
        """How many Applications there are, by sync status and by health; nothing if there are none."""
        syncs, healths = Counter[str](), Counter[str]()
        for (state,) in rows(self._connection, "SELECT state FROM states WHERE source = ?", (APPLICATIONS,)):
            application = stored.state(APPLICATIONS, state)
            syncs[application.sync or "Unknown"] += 1
            healths[application.health or "Unknown"] += 1
        if not syncs:
            return {}
        row = one(self._connection, "SELECT proved_until_ms FROM sources WHERE source = ?", (APPLICATIONS,))
        collected_ms = row[0] if row is not None else None
        return {
            "applications": {
                "storedCount": syncs.total(),
                "lastCollectedAt": iso(collected_ms) if collected_ms else None,
                "syncStatusCounts": dict(syncs.most_common(MAX_STATUSES)),
                "healthStatusCounts": dict(healths.most_common(MAX_STATUSES)),
            }
        }


def _counts(block: dict[str, Any]) -> dict[str, Any]:
    """What is compared of a block's Applications: when they were last seen changes all the time."""
    return {key: value for key, value in block.get("applications", {}).items() if key != "lastCollectedAt"}
