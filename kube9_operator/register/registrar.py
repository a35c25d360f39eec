"""The registrar process: registers the cluster with a kube9 server, or sends collections to it, and ends.

It is a process of its own: a slow or hostile server holds up only this process, which the supervisor ends after its time.
No other process reads the key.
"""

from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from kube9_cli.errors import QueryError
from kube9_cli.query import collections
from kube9_cli.query.connection import Database
from kube9_operator import __version__
from kube9_operator.assess.run import ListFailed
from kube9_operator.clock import now_ms
from kube9_operator.collect.collector import Api
from kube9_operator.collect.gather import gather
from kube9_operator.model.collection import cluster_hash
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.registration import (
    FAILED,
    LIMITED,
    REGISTERED,
    REJECTED,
    Deliver,
    Delivered,
    Register,
    Registered,
    RegistrationFrame,
)
from kube9_operator.register import key, server
from kube9_operator.register.server import COLLECTIONS_PATH, REGISTER_PATH, Answer, Server
from kube9_operator.settings import Settings
from kube9_operator.supervise.beating import beating
from kube9_operator.supervise.findings import Findings
from kube9_operator.supervise.link import Link
from kube9_operator.supervise.messages import RegistrationSaid
from kube9_operator.text import limits
from kube9_operator.watch.client import Client
from kube9_operator.watch.reach import Reach
from kube9_schema import DATABASE_NAME
from kube9_schema.collections import METADATA

HOUR_MS = 3_600_000
DAY_HOURS, MOST_HOURS = 24.0, 168.0
WORDS = ("registered", "reregistered")
MAX_WORD_CHARACTERS = 64
TRIES, WAIT_SECONDS = 3, 1.0
"""A collection is sent so often; the waits are 1 and 2 seconds."""
READ_SECONDS = 30.0


class Unregistered(Exception):
    """The cluster cannot be registered. Its text says why."""


def run(link: Link, pipe: Connection, task: Register | Deliver, settings: Settings, deadlines: Deadlines) -> None:
    """Does one task. Returns when what became of it is committed, or when the link says stop."""
    findings = Findings(link, pipe)
    with beating(link, deadlines, deadlines.register_most):
        link.beat("registering" if isinstance(task, Register) else "sending collections")
        if isinstance(task, Register):
            said, wait_ms = register(link, settings, deadlines)
            if findings.send(RegistrationFrame(said)) and findings.flush():
                link.send(RegistrationSaid(said.outcome, wait_ms))
            return
        for said_of in _deliver(link, settings, task):
            findings.send(RegistrationFrame(said_of))
    findings.flush()


# Registering


def register(link: Link, settings: Settings, deadlines: Deadlines) -> tuple[Registered, int]:
    """Registers, and returns what became of it, and after how many ms to try again if that is not as usual."""
    try:
        api = Api(Client(deadlines.connect, Reach(), deadlines.plugin), deadlines, link)
        to = _server(settings)
        return judged(to.post(REGISTER_PATH, about(api)))
    except key.UnusableKey as error:
        return Registered(now_ms(), REJECTED, str(error)), 0
    except (Unregistered, server.Failed) as error:
        return Registered(now_ms(), FAILED, str(error)), 0


def _server(settings: Settings) -> Server:
    """The server with the key. Raises UnusableKey, Failed, or Unregistered if the key has gone."""
    secret = key.read(Path(settings.api_key_file))
    if not secret:
        raise Unregistered("there is no API key any more")
    return Server(settings.server_url, settings.server_ca_file, secret)


def about(api: Any) -> bytes:
    """The body of the request: what is said about this cluster. Raises Unregistered."""
    try:
        uid = api.cluster_uid()
    except ListFailed as error:
        raise Unregistered(str(error)) from None
    if not uid:
        raise Unregistered("the operator may not get the namespace kube-system, whose uid identifies the cluster")
    gathered = gather(api, [METADATA])
    nodes = gathered.totals.get("nodes")
    return msgspec.json.encode(
        {
            "operatorVersion": __version__,
            "clusterIdentifier": f"sha256:{cluster_hash(uid)}",
            "kubernetesVersion": gathered.version,
            "approximateNodeCount": nodes.count if nodes else 0,
        }
    )


def judged(answer: Answer) -> tuple[Registered, int]:
    """What an answer means, and after how many ms to try again if the server says so."""
    at = now_ms()
    if answer.status == 401:
        return Registered(at, REJECTED, "the server does not accept the API key (401). It is tried again the next day"), 0
    if answer.status == 429:
        return Registered(at, LIMITED, "the server asks to wait (429)"), int(answer.retry_after * 1000)
    if answer.status != 200:
        redirect = ", a redirect, which is not followed" if 300 <= answer.status < 400 else ""
        return Registered(at, FAILED, f"the server answered {answer.status}{redirect}"), 0
    try:
        found = msgspec.json.decode(answer.body, type=server.Registration)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = server.Registration("", "")
    if found.status not in WORDS or not found.cluster_id:
        return Registered(at, FAILED, "the server's answer is not what the contract promises"), 0
    hours = (found.configuration or server.Configuration()).reregistration_interval_hours
    interval_ms = int((hours if hours and 1.0 <= hours <= MOST_HOURS else DAY_HOURS) * HOUR_MS)
    cluster, tier = (limits.line(text, MAX_WORD_CHARACTERS)[0] for text in (found.cluster_id, found.tier))
    return Registered(at, REGISTERED, "", found.status, cluster, tier, interval_ms), interval_ms


# Sending collections


def _deliver(link: Link, settings: Settings, task: Deliver) -> list[Delivered]:
    """Sends collections, and returns what became of each."""
    try:
        to = _server(settings)
        payloads = _payloads(settings, task.collections)
    except (key.UnusableKey, Unregistered, server.Failed, QueryError) as error:
        return [Delivered(now_ms(), one, str(error)) for one in task.collections]
    return delivered(to, payloads, link.stop.wait)


def delivered(to: Any, payloads: dict[str, bytes], wait: Callable[[float], bool]) -> list[Delivered]:
    """Sends collections, and returns what became of each. After one that had no answer, the others are not tried."""
    said, lost = [], ""
    for one, body in payloads.items():
        why = lost
        if not lost:
            try:
                why = sent(to, body, wait)
            except server.Failed as error:
                why = lost = str(error)
        said.append(Delivered(now_ms(), one, why))
    return said


def _payloads(settings: Settings, ids: list[str]) -> dict[str, bytes]:
    """The payloads of those that are still stored. Raises QueryError."""
    found = {}
    database = Database(str(Path(settings.database_folder) / DATABASE_NAME), READ_SECONDS, lambda: 0.0)
    for one in ids:
        try:
            found[one] = collections.payload(database, one).encode()
        except QueryError as error:
            if error.code != "NOT_FOUND":
                raise
    return found


def sent(to: Any, body: bytes, wait: Callable[[float], bool]) -> str:
    """Sends a collection, up to three times. Returns why the server did not take it; '' if it did.

    `wait` returns True to give up. Raises Failed without an answer.
    """
    for number in range(1, TRIES + 1):
        is_last = number == TRIES
        try:
            status = to.post(COLLECTIONS_PATH, body).status
        except server.Failed:
            if is_last or wait(WAIT_SECONDS * number):
                raise
            continue
        if 200 <= status < 300:
            return ""
        if status < 500 or is_last or wait(WAIT_SECONDS * number):
            break
    return f"the server answered {status}"
