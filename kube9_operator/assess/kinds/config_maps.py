"""ConfigMaps: which of their keys look like secrets. The values are looked at here and nowhere else."""

from typing import Any

import msgspec

from kube9_operator.assess import suspicion
from kube9_operator.assess.cluster import ConfigMap
from kube9_operator.assess.kinds.forms import Meta, Reading, word


class Object(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A ConfigMap."""

    metadata: Meta
    data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None


def _reduce(found: Any) -> ConfigMap | None:
    keys = tuple(word(key) for key, value in (found.data or {}).items() if suspicion.in_config_map(key, value))
    binary = tuple(word(key) for key, value in (found.binary_data or {}).items() if suspicion.in_binary_data(key, value))
    if not keys and not binary:
        return None
    return ConfigMap(word(found.metadata.namespace), word(found.metadata.name), keys, binary)


CONFIGMAPS = Reading("configmaps", "", "v1", Object, _reduce, 20)
