"""ConfigMaps: that their data was changed, by their metadata alone. Their data is never requested."""

from typing import Any

import msgspec

from kube9_operator.model.resource_states import ConfigMap
from kube9_operator.watch import managed_fields, metadata
from kube9_operator.watch.kind import resource
from kube9_operator.watch.status_map import NAME as OUR_STATUS

LEADER = "control-plane.alpha.kubernetes.io/leader"


class Annotations(msgspec.Struct, frozen=True, gc=False):
    """Of a ConfigMap."""

    leader: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name=LEADER)
    """Who leads: such a ConfigMap is written every few seconds."""


class ConfigMapMeta(metadata.ChangedMeta, frozen=True, rename="camel", gc=False):
    """With annotations."""

    annotations: Annotations | None = None


class Object(msgspec.Struct, frozen=True, gc=False):
    """v1/ConfigMap, without its data."""

    metadata: ConfigMapMeta


def reduce(found: Any, _texts: metadata.Texts) -> ConfigMap:
    """What is compared of a ConfigMap. Without managedFields any new version may be a change of its data."""
    own = found.metadata
    if own.name == OUR_STATUS:
        return ConfigMap()
    digest, changed_ms = managed_fields.of_data(own.managed_fields) or (own.resource_version, 0)
    is_lock = bool((own.annotations or Annotations()).leader)
    return ConfigMap(digest, changed_ms, is_lock, metadata.ms(own.creation_timestamp))


CONFIG_MAPS = resource("configmaps", Object, reduce, metadata_only=True, never_whole=True)
