"""Steering: POST /NAME with a JSON body to the second address. Each function takes the cluster and the decoded body."""

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

from tests.standin.client import warning
from tests.standin.cluster import EVENTS, Cluster, encode, line, now


def do_write(cluster: Cluster, body: Any) -> None:
    """Creates or changes Events."""
    for event in body:
        cluster.write(EVENTS, event)


def do_put(cluster: Cluster, body: Any) -> None:
    """Creates or changes objects, each given as a resource ("pods") and the object."""
    for resource, written in body:
        cluster.write(resource, written)


def do_remove(cluster: Cluster, body: Any) -> None:
    """Deletes objects, each given as resource, namespace ("" for none) and name."""
    for resource, namespace, name in body:
        cluster.delete(resource, (namespace, name))


def do_refuse(cluster: Cluster, body: Any) -> None:
    """From now on requests for these resources are refused with this status, 0 for no longer; who watches is cut off."""
    for resource, code in body.items():
        cluster.collections[resource].refused = code
    cluster.cut()


def do_install(cluster: Cluster, body: Any) -> None:
    """From now on exactly these custom resources have definitions. With a definition go its objects and its watches."""
    for resource in cluster.installed - set(body):
        for key in list(cluster.collections[resource].objects):
            cluster.delete(resource, key)
    cluster.installed = set(body)
    cluster.woken()


def do_bookmarks(cluster: Cluster, body: Any) -> None:
    """From now on bookmarks come this often, in seconds."""
    cluster.bookmark_seconds = body


def do_delete(cluster: Cluster, body: Any) -> None:
    """Deletes Events, each given as namespace and name."""
    for namespace, name in body:
        cluster.delete(EVENTS, (namespace, name))


def do_prepare(cluster: Cluster, body: Any) -> None:
    """Makes `count` Warnings of as many pods ready, each seen `times` times, for `release` to let loose at once; they happened
    `when`, or when the stand-in was born.
    """
    for number in range(body["from"], body["from"] + body["count"]):
        name = f"web-{number % 97}-5d9c7b8f6d-{number:07d}"
        event = warning(name, body["reason"], "the probe failed: HTTP 503", body["times"], body.get("when"))
        version = cluster.version + len(cluster.prepared) + 1
        event["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": now(), "resourceVersion": str(version)}
        text = encode(event)
        cluster.prepared.append((("shop", event["metadata"]["name"]), text, line("MODIFIED", text)))


def do_release(cluster: Cluster, _body: Any) -> None:
    """Lets loose what is prepared; nothing else may be written in between."""
    for key, text, watched in cluster.prepared:
        cluster.version += 1
        cluster.events.objects[key] = text
        cluster.events.history.append((cluster.version, watched))
    cluster.prepared.clear()


def do_expire(cluster: Cluster, body: Any) -> None:
    """All but so many Events expire, and as much is kept of what became of them."""
    for key in list(cluster.events.objects)[: max(0, len(cluster.events.objects) - body)]:
        cluster.delete(EVENTS, key)
    if len(cluster.events.history) > 2 * body:
        cluster.compacted = max(cluster.compacted, cluster.events.history[-body][0])
        del cluster.events.history[:-body]
    cluster.snapshots.clear()  # compaction takes them too: whoever was reading a list page by page begins again


def do_compact(cluster: Cluster, _body: Any) -> None:
    """Forgets the history, as etcd does every five minutes."""
    cluster.compact()


def do_restore(cluster: Cluster, body: Any) -> None:
    """Goes back to an earlier version, as a restored backup does."""
    cluster.restore(body)


def do_replace(cluster: Cluster, _body: Any) -> None:
    """Another cluster behind the same address."""
    cluster.replace()


def do_delete_namespace(cluster: Cluster, body: Any) -> None:
    """Deletes a namespace, and its Events with it."""
    cluster.gone.add(body)
    for key in [key for key in cluster.events.objects if key[0] == body]:
        cluster.delete(EVENTS, key)


def do_cut(cluster: Cluster, _body: Any) -> None:
    """Breaks every watch off."""
    cluster.cut()


def do_let_go(cluster: Cluster, _body: Any) -> None:
    """Lets go of the answers that are held back."""
    cluster.let_go.set()
    cluster.let_go = asyncio.Event()


def do_away(cluster: Cluster, body: Any) -> None:
    """For so many seconds nobody listens; who watches is cut off."""
    cluster.away.put_nowait(body)
    cluster.cut()


def do_answer(cluster: Cluster, body: Any) -> None:
    """The next requests get these answers: each {"code": …, "headers": {…}, "body": "…"}, or {"line": {…}} for a watch."""
    for one in body:
        cluster.plans.append(
            {"fault": "line", "on": "watch"} | one if "line" in one else {"fault": "answer", "on": "any"} | one
        )


def do_plan(cluster: Cluster, body: Any) -> None:
    """Each {"fault": one of FAULTS, "on": …, …} befalls the next request of its kind, once, or `times` times; the earliest that
    fits is taken. Kinds are "watch", "list" (any), "look" (limit=1), "first" and "page" (of a list: continued), "any"; of
    Events, or of the resource that is given as "of", which may be "all"; the first of them are left out that "after" says.
    """
    for one in body:
        cluster.plans += [one] * one.get("times", 1)


def do_token(cluster: Cluster, body: Any) -> None:
    """From now on only this bearer token is accepted, '' for anybody; who watches is cut off."""
    cluster.token = body
    cluster.cut()


def do_certificate(cluster: Cluster, body: Any) -> None:
    """From now on the certificate that is in this folder; who watches is cut off."""
    assert cluster.tls
    cluster.tls.load_cert_chain(f"{body}/tls.crt", f"{body}/tls.key")
    cluster.cut()


def do_plans(cluster: Cluster, _body: Any) -> Any:
    """What is planned and has not happened."""
    return cluster.plans


def do_requests(cluster: Cluster, body: Any) -> Any:
    """What was asked of Events, or of the resource that is given, so far: paths with their queries."""
    return [target for resource, target in cluster.requests if resource == (body or EVENTS)]


def do_applied(cluster: Cluster, _body: Any) -> Any:
    """Objects by path, as they were last applied."""
    return cluster.applied


def do_answer_apply(cluster: Cluster, body: Any) -> None:
    """From now on, whoever applies an object gets this code."""
    cluster.apply_code = body


def do_held(cluster: Cluster, _body: Any) -> Any:
    """Of each object what an Event of it counts now."""
    events = [json.loads(text) for text in cluster.events.objects.values()]
    return {event["involvedObject"]["name"]: event["count"] for event in events}


CONTROLS: dict[str, Callable[[Cluster, Any], Any]] = {
    function.__name__.removeprefix("do_"): function
    for function in (
        *(do_put, do_remove, do_refuse, do_install, do_bookmarks),
        *(
            do_write,
            do_delete,
            do_prepare,
            do_release,
            do_expire,
            do_compact,
            do_restore,
            do_replace,
            do_delete_namespace,
            do_cut,
            do_let_go,
            do_away,
        ),
        *(do_answer, do_plan, do_token, do_certificate, do_plans, do_requests, do_applied, do_answer_apply, do_held),
    )
}
