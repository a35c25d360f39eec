"""Registration as it travels: what the registrar is to do, and what it tells the writer. Neither SQL nor Kubernetes."""

import msgspec

REGISTERED, REJECTED, LIMITED, FAILED = "registered", "rejected", "limited", "failed"
OUTCOMES = (REGISTERED, REJECTED, LIMITED, FAILED)
"""What becomes of a registration. A rejected key is tried again the next day, a limited one when the server says so."""
SENT, NOT_SENT = "sent", "failed"
DELIVERIES = (SENT, NOT_SENT)
"""What becomes of a collection that is sent to the server."""


class Register(msgspec.Struct, frozen=True):
    """A task of the registrar: to register the cluster."""

    requested_ms: int


class Deliver(msgspec.Struct, frozen=True):
    """A task of the registrar: to send collections."""

    collections: list[str]
    """Their ids."""


class Registered(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """What became of a registration."""

    at_ms: int
    outcome: str
    reason: str
    """Why it is not registered; '' if it is."""
    status: str = ""
    """As the server calls it: registered or reregistered."""
    cluster_id: str = ""
    """By which the server knows the cluster."""
    tier: str = ""
    interval_ms: int = 0
    """After this time it registers again."""


class Delivered(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """What became of a collection that was to be sent. `reason` is why it was not, '' if it was."""

    at_ms: int
    collection: str
    reason: str


class RegistrationFrame(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """What the registrar tells the writer."""

    said: Registered | Delivered
