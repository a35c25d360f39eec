"""What is compared of a workload's pod template besides images: each part as a digest and, if it is no secret, a short text.

The states stay small: a part is some 60 bytes. Values of environment variables are never kept; each has a digest of 24 bits
that is salted with the object's uid. That is enough to see a change, and too little to confirm a guess.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from kube9_operator.model.resource_states import Part
from kube9_operator.watch import metadata
from kube9_operator.watch.decoding import NOT_DECODED

MAX_SHOWN_CHARACTERS = 200
MAX_PARTS = 200
MAX_NAMES = 200
"""Environment variables of one container that are told apart; the rest share a digest."""
REST = "…"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""The annotation that `kubectl rollout restart` sets."""
RESTART_PATH = f"spec.template.metadata.annotations[{RESTARTED_AT}]"
VOLUME_NAMES = ("name", "secretName", "claimName", "path", "driver", "server")
"""Of a volume's source what says which one it is."""
NOTHING = msgspec.Raw(b"")


class Variable(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An environment variable."""

    name: str | None = None
    value: str | None = None
    value_from: msgspec.Raw = NOTHING


class Container(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A container of a pod's template."""

    name: str | None = None
    image: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[Variable] | None = None
    env_from: msgspec.Raw = NOTHING
    resources: msgspec.Raw = NOTHING
    volume_mounts: msgspec.Raw = NOTHING
    liveness_probe: msgspec.Raw = NOTHING
    readiness_probe: msgspec.Raw = NOTHING
    startup_probe: msgspec.Raw = NOTHING


class PodSpec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Of a pod's template."""

    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    volumes: list[dict[str, msgspec.Raw]] | None = None
    service_account_name: str | None = None


class Annotations(msgspec.Struct, frozen=True, gc=False):
    """Of a pod's template."""

    restarted_at: str | None = msgspec.field(default=None, name=RESTARTED_AT)


class TemplateMeta(msgspec.Struct, frozen=True, gc=False):
    """A template's metadata."""

    annotations: Annotations | None = None
    labels: dict[str, str] | None = None


class Template(msgspec.Struct, frozen=True, gc=False):
    """What a workload's pods are made from."""

    metadata: TemplateMeta | None = None
    spec: PodSpec | None = None


_any = msgspec.json.Decoder()
_sorted = msgspec.json.Encoder(order="sorted")


def containers(spec: PodSpec) -> Iterator[tuple[str, Container]]:
    """Every container with its path: `containers[app]`, `initContainers[first]`."""
    for kind, found in (("initContainers", spec.init_containers), ("containers", spec.containers)):
        for one in found or ():
            yield f"{kind}[{metadata.name(one.name)}]", one


def plain_parts(asked: dict[str, str | msgspec.Raw], texts: metadata.Texts, salt: str) -> dict[str, Part]:
    """The parts beside the template by their paths, `spec.strategy`; those that are empty are left out."""
    return {
        path: _said(value, texts, salt) if isinstance(value, str) else _plain(value, texts)
        for path, value in asked.items()
        if value
    }


def parts(template: Template, texts: metadata.Texts, salt: str) -> dict[str, Part]:
    """The parts of a template by their paths, which are relative to the pods' specification unless they begin with `spec.`."""
    spec = template.spec or PodSpec()
    found: dict[str, Part] = {}
    restarted_at = ((template.metadata or TemplateMeta()).annotations or Annotations()).restarted_at
    if restarted_at:
        found[RESTART_PATH] = _said(restarted_at, texts, salt)
    if spec.service_account_name:
        found["serviceAccountName"] = _said(spec.service_account_name, texts, salt)
    for volume in spec.volumes or ():
        name, shown = _volume(volume)
        found[f"volumes[{name}]"] = Part(_digest(salt, _canonical(volume)), texts.short(shown, MAX_SHOWN_CHARACTERS))
    for path, container in containers(spec):
        found |= {f"{path}.{name}": part for name, part in _of_container(container, texts, salt)}
    if len(found) > MAX_PARTS:
        rest = dict(list(found.items())[MAX_PARTS:])
        found = dict(list(found.items())[:MAX_PARTS]) | {REST: Part(_digest(salt, repr(sorted(rest.items())).encode()))}
    return found


def environment(spec: PodSpec, salt: str) -> dict[str, dict[str, int]]:
    """Of each container the digests of its environment variables, by their names."""
    found = {}
    for path, container in containers(spec):
        digests: dict[str, int] = {}
        for one in container.env or ():
            name = metadata.name(one.name) if len(digests) < MAX_NAMES else REST
            value = bytes(one.value_from) if one.value_from else (one.value or "").encode("utf-8", "surrogatepass")
            digests[name] = _digest(f"{salt}/{path}/{name}/{digests.get(name, '')}", value)
        if digests:
            found[path] = digests
    return found


def _of_container(container: Container, texts: metadata.Texts, salt: str) -> Iterator[tuple[str, Part]]:
    for name, words in (("command", container.command), ("args", container.args)):
        if words:
            # Beside each other as in a shell: that is how a secret after its option is known.
            yield name, _said(" ".join(words), texts, salt)
    for name, raw in (("resources", container.resources), ("volumeMounts", container.volume_mounts)):
        if raw and bytes(raw) not in (b"{}", b"[]", b"null"):
            yield name, _plain(raw, texts)
    if container.env_from:
        yield "envFrom", _plain(container.env_from, texts)
    for name, raw in (
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    ):
        if raw and bytes(raw) != b"null":
            shown = _probe(_decoded(raw))
            yield name, Part(_digest(salt, _canonical(_decoded(raw))), texts.short(shown, MAX_SHOWN_CHARACTERS))


def _said(text: str, texts: metadata.Texts, salt: str) -> Part:
    return Part(_digest(salt, text.encode("utf-8", "surrogatepass")), texts.short(text, MAX_SHOWN_CHARACTERS))


def _plain(raw: msgspec.Raw, texts: metadata.Texts) -> Part:
    """A part that holds no secret by its nature; it goes through redaction all the same."""
    text = _canonical(_decoded(raw))
    return Part(_digest("", text), texts.short(text.decode("utf-8", "replace"), MAX_SHOWN_CHARACTERS))


def _probe(probe: Any) -> str:
    """A probe without the values of its headers, which may be credentials."""
    if not isinstance(probe, dict):
        return ""
    shown = dict(probe)
    asked, command = shown.get("httpGet"), shown.get("exec")
    if isinstance(asked, dict) and isinstance(asked.get("httpHeaders"), list):
        names = [one.get("name") for one in asked["httpHeaders"] if isinstance(one, dict)]
        shown["httpGet"] = asked | {"httpHeaders": names}
    if isinstance(command, dict) and isinstance(command.get("command"), list):
        shown["exec"] = " ".join(map(str, command["command"]))
    return _sorted.encode(shown).decode()


def _volume(volume: dict[str, msgspec.Raw]) -> tuple[str, str]:
    """A volume's name, and what it is: `configMap web`, `persistentVolumeClaim data`, `emptyDir`."""
    name = _decoded(volume.get("name", NOTHING))
    kind = next((key for key in volume if key != "name"), "")
    source = _decoded(volume[kind]) if kind else None
    of = next((source[key] for key in VOLUME_NAMES if isinstance(source.get(key), str)), "") if isinstance(source, dict) else ""
    return metadata.name(name if isinstance(name, str) else ""), f"{kind} {of}".strip()


def _decoded(raw: msgspec.Raw) -> Any:
    try:
        return _any.decode(raw) if raw else None
    except NOT_DECODED:
        return bytes(raw).decode("utf-8", "replace")


def _canonical(value: Any) -> bytes:
    """The same bytes for the same value, whatever order its keys came in."""
    if isinstance(value, dict):
        value = {key: _decoded(one) if isinstance(one, msgspec.Raw) else one for key, one in value.items()}
    return _sorted.encode(value)


def _digest(salt: str, value: bytes) -> int:
    """24 bits."""
    key = hashlib.blake2b(salt.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return int.from_bytes(hashlib.blake2b(value, digest_size=3, key=key).digest(), "big")
