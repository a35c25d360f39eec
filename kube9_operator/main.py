"""The entry point of kube9-operator: wiring only. Imports are made when they are needed."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as `typing` has it, whose import would delay every query
if TYPE_CHECKING:
    from kube9_operator.model.deadlines import Deadlines


def main() -> int:
    """Runs the operator, or hands `query …` or `assess …` to the CLI before it imports anything else. Returns the exit code."""
    if sys.argv[1:2] in (["query"], ["assess"]):
        from kube9_cli.main import end, run

        is_query = sys.argv[1] == "query"
        end(run(sys.argv[2:], "kube9-operator query") if is_query else run(sys.argv[1:], "kube9-operator"))
    from kube9_operator.supervise.signals import end_at_once

    end_at_once()
    from kube9_operator import __version__, interpreter
    from kube9_operator.parser import get_parser

    given = get_parser().parse_args()
    if given.command == "rules":
        interpreter.set_up()
        try:
            from kube9_operator.rules_check import check
        except ImportError as error:
            return _cannot_run(interpreter.incomplete(error))
        return check(given.file, given.events, given.output)
    if given.version:
        try:
            sys.stdout.write(f"kube9-operator {__version__}\n")
            sys.stdout.flush()
        except OSError as error:
            sys.stderr.write(f"kube9-operator: the version cannot be written: {error.strerror}\n")
            os._exit(1)  # at a normal exit Python would try again
        return 0
    return serve()


def serve(deadlines: Deadlines | None = None) -> int:
    """Runs the operator until a signal stops it. Returns the exit code. Tests pass shorter deadlines."""
    from kube9_operator import interpreter

    interpreter.set_up()
    from kube9_operator.supervise.signals import end_at_once

    end_at_once()
    try:
        _find(IMPORTED_LATE)
        return _serve(deadlines)
    except ImportError as error:
        return _cannot_run(interpreter.incomplete(error))


IMPORTED_LATE = ("prometheus_client", "kube9_schema")
"""Modules that are imported late. Without one of them the operator would fail after the start, or again and again."""


def _find(names: tuple[str, ...]) -> None:
    """Raises ImportError if a module is missing. Does not import it: that would cost memory and time."""
    import importlib.util

    for name in names:
        if sys.modules.get(name) is None and importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}")


def _cannot_run(*reasons: str) -> int:
    """Prints why a restart cannot help, one line for each reason. Returns the exit code."""
    sys.stderr.write("".join(f"kube9-operator: {reason}\n" for reason in reasons))
    return 78  # EX_CONFIG of sysexits.h; supervise.exits.EXIT_FOR_GOOD cannot be imported where a module is missing


def _serve(deadlines: Deadlines | None) -> int:
    import tempfile
    from pathlib import Path

    from kube9_operator import __version__, logs, settings
    from kube9_operator.assess.requests import Requests
    from kube9_operator.assess.schedule import Schedule
    from kube9_operator.collect.schedule import Schedule as CollectionSchedule
    from kube9_operator.http.pages import Pages
    from kube9_operator.http.prometheus import exposition
    from kube9_operator.http.server import serve as serve_http
    from kube9_operator.model.deadlines import Deadlines
    from kube9_operator.model.sources import PROCESSES, PUBLISHER
    from kube9_operator.register.key import Watched
    from kube9_operator.register.schedule import Schedule as RegistrationSchedule
    from kube9_operator.supervise.aggregation import MetricTotals
    from kube9_operator.supervise.health import Health
    from kube9_operator.supervise.operator_events import OperatorEvents
    from kube9_operator.supervise.process import Role
    from kube9_operator.supervise.sides import SideRole
    from kube9_operator.supervise.supervisor import Supervisor
    from kube9_operator.supervise.volume import Volume
    from kube9_schema import DATABASE_NAME
    from kube9_schema.plain import plain

    try:
        chosen = settings.from_environment(os.environ)
    except settings.SettingError as error:
        return _cannot_run(*map(plain, error.args))
    try:
        tempfile.gettempdir()  # for the fork server's socket
    except FileNotFoundError as error:
        return _cannot_run(f"TMPDIR={os.environ.get('TMPDIR', '')}: must be a writable folder: {error.strerror}")
    logs.configure(chosen.log_level, "supervisor")
    logs.get().info("operator.starting", version=__version__, database=chosen.database_folder)
    deadlines = deadlines or Deadlines()
    health = Health(tuple(chosen.watched()), deadlines.confirmation, deadlines.hang)
    metrics = MetricTotals()
    database = Path(chosen.database_folder) / DATABASE_NAME
    volume = Volume(database, chosen.database_max_mib * 2**20, deadlines)
    volume.begin()
    pages = Pages(health, metrics, volume, exposition(__version__, metrics, health, volume))
    try:
        port = serve_http(chosen.health_port, pages.page, deadlines.http_request)
    except OSError as error:
        return _cannot_run(f"HEALTH_PORT={chosen.health_port}: cannot listen on this port: {error.strerror}")
    logs.get().info("http.listening", port=port)
    schedule = Schedule(chosen, deadlines)
    sides = [SideRole(Role("assessor", "kube9_operator.assess.assessor:run", (chosen, deadlines)), schedule)]
    registration = RegistrationSchedule(Watched(chosen.api_key_file).stamp, deadlines)
    if chosen.api_key_file:
        registrar = Role("registrar", "kube9_operator.register.registrar:run", (chosen, deadlines))
        sides.append(SideRole(registrar, registration))
    if chosen.collections_enabled:
        collector = Role("collector", "kube9_operator.collect.collector:run", (chosen, deadlines))
        sides.append(SideRole(collector, CollectionSchedule(chosen, deadlines, stored=registration.collected)))
    if chosen.insights_enabled:
        sides.append(SideRole(Role("analyzer", "kube9_operator.analyze.analyzer:run", (chosen, deadlines))))
    if chosen.sink_url:
        sides.append(SideRole(Role("sink", "kube9_operator.sink.process:run", (chosen, deadlines))))
    supervisor = Supervisor(
        writer=Role("writer", "kube9_operator.write.writer:run", (chosen, deadlines)),
        watchers=[
            Role(name, "kube9_operator.watch.watcher:run", (name, chosen, deadlines), name == PUBLISHER) for name in PROCESSES
        ],
        sides=sides,
        deadlines=deadlines,
        log_level=chosen.log_level,
        preload="kube9_operator.preload",
        health=health,
        metrics=metrics,
        operator_events=OperatorEvents(__version__, chosen.namespace, health),
    )
    requests = Requests(schedule, str(database), chosen.assessment_timeout_seconds)
    requests.begin()
    try:
        return supervisor.run()
    finally:
        requests.end()
