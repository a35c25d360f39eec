"""The assessor process: makes one assessment, sends its results to the writer, and ends."""

import time
from multiprocessing.connection import Connection

from kube9_operator.assess.listing import Listing
from kube9_operator.assess.model import Progress, Result
from kube9_operator.assess.registry import CHECKS
from kube9_operator.assess.run import assess_run, selected
from kube9_operator.assess.schedule import Prepare
from kube9_operator.clock import now_ms
from kube9_operator.model.assessment import AssessmentFrame, Begun, Checked, Checks, Ended, Request
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.settings import Settings
from kube9_operator.supervise.beating import beating
from kube9_operator.supervise.findings import Findings
from kube9_operator.supervise.link import Link
from kube9_operator.supervise.messages import AssessmentProgress
from kube9_operator.watch.client import Client
from kube9_operator.watch.reach import Reach

PROGRESS_SECONDS = 0.2
"""Progress is reported at most this often, and whenever another list begins."""


def run(link: Link, pipe: Connection, task: Prepare | Request, settings: Settings, deadlines: Deadlines) -> None:
    """Does one task. Returns when its results are committed, or when the link says stop."""
    findings = Findings(link, pipe)
    if isinstance(task, Prepare):
        _prepare(findings, task)
    else:
        with beating(link, deadlines, task.timeout_seconds + deadlines.assess_grace):
            client = Client(deadlines.connect, Reach(), deadlines.plugin)
            listing = Listing(client, deadlines, settings.assessment_config_maps, wait=lambda seconds: _wait(link, seconds))
            _assess(link, findings, listing, task)
    findings.flush()


def _prepare(findings: Findings, task: Prepare) -> None:
    """Stores which checks there are, and how what is given up has ended."""
    findings.send(AssessmentFrame([Checks([(one.id, one.name, one.pillar, one.severity) for one in CHECKS])]))
    for lost in task.lost:
        begun = [Begun(lost.request, lost.request.requested_ms, 0)] if lost.request else []
        findings.send(AssessmentFrame([*begun, Ended(lost.id, now_ms(), lost.reason)]))


def _assess(link: Link, findings: Findings, listing: Listing, request: Request) -> None:
    """Makes an assessment, and sends each result as soon as it is there. Sends no end if the process has to stop."""
    ends_at = time.monotonic() + request.timeout_seconds
    reported_at, reading = 0.0, ""

    def report(progress: Progress) -> None:
        nonlocal reported_at, reading
        link.beat(f"reading {progress.reading}" if progress.reading else "assessing")
        now = time.monotonic()
        if now - reported_at >= PROGRESS_SECONDS or progress.reading not in ("", reading):
            reported_at, reading = now, progress.reading
            link.send(AssessmentProgress(request.id, *_told(progress)))

    def expired() -> bool:
        return link.stop.is_set() or time.monotonic() > ends_at

    checks = selected(request.mode, request.pillar, request.check_id)
    findings.send(AssessmentFrame([Begun(request, now_ms(), len(checks))]))
    for result in assess_run(listing, request.mode, request.pillar, request.check_id, report, expired):
        if link.stop.is_set() or not findings.send(AssessmentFrame([_checked(request.id, result)])):
            return
    findings.send(AssessmentFrame([Ended(request.id, now_ms())]))


def _told(progress: Progress) -> tuple[int, int, str, int]:
    return progress.checks_done, progress.checks_total, progress.reading, progress.objects


def _checked(assessment: str, result: Result) -> Checked:
    return Checked(
        assessment,
        result.check_id,
        result.status,
        result.message,
        result.remediation,
        list(result.offenders),
        result.offenders_total,
        result.error_code,
        now_ms(),
        result.duration_ms,
    )


def _wait(link: Link, seconds: float) -> None:
    link.stop.wait(seconds)
