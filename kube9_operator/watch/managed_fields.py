"""Who changed what of an object, and when, by its managedFields. Pure.

The API server keeps one entry for each manager, operation and subresource: which fields it owns, and when it last changed any
of them. Of the fields only the few paths are read that the operator compares; a branch that is not read is skipped without
being decoded, however deep it is. https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime

import msgspec

from kube9_operator.model.changes import Writer
from kube9_operator.watch import metadata
from kube9_operator.watch.decoding import NOT_DECODED
from kube9_operator.watch.event_times import SKEW_MS

MAX_WRITERS = 20
"""Of one object; the latest. There are seldom more than five."""
MAX_PATHS = 400
"""Of one object's entries together."""

Fields = dict[str, msgspec.Raw]
"""Fields one level deep, by their names in FieldsV1: `f:image`, `k:{"name":"app"}`."""
NOTHING = msgspec.Raw(b"")


class PodSpecFields(msgspec.Struct, frozen=True, gc=False):
    """Of the specification of pods."""

    containers: dict[str, Fields] | None = msgspec.field(default=None, name="f:containers")
    init_containers: dict[str, Fields] | None = msgspec.field(default=None, name="f:initContainers")
    volumes: Fields | None = msgspec.field(default=None, name="f:volumes")
    service_account: msgspec.Raw = msgspec.field(default=NOTHING, name="f:serviceAccountName")


class TemplateMetaFields(msgspec.Struct, frozen=True, gc=False):
    """Of a template's metadata."""

    annotations: Fields | None = msgspec.field(default=None, name="f:annotations")


class TemplateFields(msgspec.Struct, frozen=True, gc=False):
    """Of a pod template."""

    metadata: TemplateMetaFields | None = msgspec.field(default=None, name="f:metadata")
    spec: PodSpecFields | None = msgspec.field(default=None, name="f:spec")


class JobSpecFields(msgspec.Struct, frozen=True, gc=False):
    """Of a CronJob's Jobs."""

    template: TemplateFields | None = msgspec.field(default=None, name="f:template")


class JobTemplateFields(msgspec.Struct, frozen=True, gc=False):
    """Of what a CronJob's Jobs are made from."""

    spec: JobSpecFields | None = msgspec.field(default=None, name="f:spec")


class SpecFields(msgspec.Struct, frozen=True, gc=False):
    """Of what is asked for."""

    replicas: msgspec.Raw = msgspec.field(default=NOTHING, name="f:replicas")
    strategy: msgspec.Raw = msgspec.field(default=NOTHING, name="f:strategy")
    update_strategy: msgspec.Raw = msgspec.field(default=NOTHING, name="f:updateStrategy")
    unschedulable: msgspec.Raw = msgspec.field(default=NOTHING, name="f:unschedulable")
    schedule: msgspec.Raw = msgspec.field(default=NOTHING, name="f:schedule")
    suspend: msgspec.Raw = msgspec.field(default=NOTHING, name="f:suspend")
    template: TemplateFields | None = msgspec.field(default=None, name="f:template")
    job_template: JobTemplateFields | None = msgspec.field(default=None, name="f:jobTemplate")


class OwnedFields(msgspec.Struct, frozen=True, gc=False):
    """The fields of an entry, as far as they are compared."""

    spec: SpecFields | None = msgspec.field(default=None, name="f:spec")
    data: msgspec.Raw = msgspec.field(default=NOTHING, name="f:data")
    binary_data: msgspec.Raw = msgspec.field(default=NOTHING, name="f:binaryData")


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An entry of managedFields."""

    manager: str | None = None
    operation: str | None = None
    subresource: str | None = None
    time: datetime | None = None
    fields: msgspec.Raw = msgspec.field(default=NOTHING, name="fieldsV1")


_entries = msgspec.json.Decoder(list[Entry])
_owned = msgspec.json.Decoder(OwnedFields)
_one_level = msgspec.json.Decoder(Fields)


def writers(managed_fields: msgspec.Raw, server_ms: int = 0) -> list[Writer]:
    """The entries of managedFields, those without a time and then the latest first; none if they cannot be read.

    A time ahead of `server_ms`, the server's Date in ms since 1970 (0: unknown), does not count: that entry is left out.
    Entries of the status are left out too: whoever writes it changes nothing that was asked for.
    """
    if not managed_fields:
        return []
    try:
        entries = _entries.decode(managed_fields)
    except NOT_DECODED:
        return []
    found, room = [], MAX_PATHS
    for entry in entries:
        time_ms = metadata.ms(entry.time)
        if entry.subresource == "status" or (server_ms and time_ms > server_ms + SKEW_MS):
            continue
        paths = _paths(entry.fields)[:room]
        room -= len(paths)
        found.append(Writer(metadata.name(entry.manager), metadata.name(entry.subresource), time_ms, paths))
    return sorted(found, key=lambda one: (one.time_ms != 0, -one.time_ms))[:MAX_WRITERS]


def of_data(managed_fields: msgspec.Raw) -> tuple[str, int] | None:
    """Of a ConfigMap a digest of who wrote its data and when, and when that was last, in ms; None if nothing is said.

    Who removes a key does not own anything new, so the digest covers the names of the keys too.
    """
    try:
        entries = _entries.decode(managed_fields) if managed_fields else []
    except NOT_DECODED:
        return None
    found, changed_ms = [], 0
    for entry in entries:
        try:
            owned = _owned.decode(entry.fields) if entry.fields else OwnedFields()
        except NOT_DECODED:
            continue
        if owned.data or owned.binary_data:
            said = (entry.manager, entry.operation, entry.subresource, metadata.ms(entry.time))
            found.append(f"{said} {bytes(owned.data)!r} {bytes(owned.binary_data)!r}")
            changed_ms = max(changed_ms, metadata.ms(entry.time))
    if not entries:
        return None
    return hashlib.blake2b("\n".join(sorted(found)).encode(), digest_size=8).hexdigest(), changed_ms


def _paths(fields: msgspec.Raw) -> list[str]:
    """The paths that an entry owns, written as a change names them."""
    try:
        return list(_each(_owned.decode(fields))) if fields else []
    except NOT_DECODED:
        return []


def _each(owned: OwnedFields) -> Iterator[str]:
    for name, there in (("data", owned.data), ("binaryData", owned.binary_data)):
        if there:
            yield name
    spec = owned.spec
    if spec is None:
        return
    named = {
        "replicas": spec.replicas,
        "strategy": spec.strategy,
        "updateStrategy": spec.update_strategy,
        "unschedulable": spec.unschedulable,
        "schedule": spec.schedule,
        "suspend": spec.suspend,
    }
    yield from (f"spec.{name}" for name, there in named.items() if there)
    # A CronJob's template is called as that of other workloads, one level higher than it is.
    template = spec.template or ((spec.job_template or JobTemplateFields()).spec or JobSpecFields()).template
    if template is None:
        return
    annotations = (template.metadata or TemplateMetaFields()).annotations or {}
    yield from (f"spec.template.metadata.annotations[{key[2:]}]" for key in annotations if key.startswith("f:"))
    pods = template.spec or PodSpecFields()
    if pods.service_account:
        yield "spec.template.spec.serviceAccountName"
    yield from (f"spec.template.spec.volumes[{name}]" for name in map(_name, pods.volumes or ()) if name)
    for kind, containers in (("containers", pods.containers), ("initContainers", pods.init_containers)):
        for key, inner in (containers or {}).items():
            if name := _name(key):
                yield from _of_container(f"spec.template.spec.{kind}[{name}]", inner)


def _of_container(path: str, fields: Fields) -> Iterator[str]:
    for key, inner in fields.items():
        if not key.startswith("f:"):
            continue
        yield f"{path}.{key[2:]}"
        if key == "f:env":
            yield from (f"{path}.env[{name}]" for name in map(_name, _one_level.decode(inner)) if name)


def _name(key: str) -> str:
    """The name in the key of a list's item, `k:{"name":"app"}`; '' for any other key."""
    if not key.startswith("k:"):
        return ""
    try:
        found = json.loads(key[2:])
    except ValueError:
        return ""
    name = found.get("name") if isinstance(found, dict) else None
    return metadata.name(name) if isinstance(name, str) else ""
