"""An object, as the parts of the operator name it to each other."""

import msgspec


class Ref(msgspec.Struct, frozen=True):
    """An object that events are about."""

    kind: str = ""
    group: str = ""
    """Its API group; '' for Kubernetes' own kinds."""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    """'' if it is unknown, and of nodes, which are known by their names."""
