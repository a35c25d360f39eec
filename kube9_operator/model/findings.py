"""Findings: the messages from side processes (analyzer, assessor, collector, registrar) to the writer, and their encoding.

Applying a finding again changes nothing, because a process may send it twice. Both ends are always of the same version of the
program, so fields may change freely.
"""

import msgspec

from kube9_operator.model.assessment import AssessmentFrame
from kube9_operator.model.collection import CollectionFrame
from kube9_operator.model.insight import InsightFrame
from kube9_operator.model.registration import RegistrationFrame

MAX_FINDING_BYTES = 65_536
"""The largest encoded finding. The writer ends a process that sends a larger one."""


Finding = AssessmentFrame | CollectionFrame | InsightFrame | RegistrationFrame
"""Applied in one transaction, together with the events that tell of it."""


class Numbered(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A finding on its way to the writer, who acknowledges it by its number."""

    number: int
    """1, 2, 3, … in each process. After a new writer, those that were not acknowledged come again."""
    finding: Finding


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Numbered] = msgspec.msgpack.Decoder(Numbered)


def encode(numbered: Numbered) -> bytes:
    """Encodes a finding as msgpack. Raises ValueError if it is larger than MAX_FINDING_BYTES."""
    data = _encoder.encode(numbered)
    if len(data) > MAX_FINDING_BYTES:
        raise ValueError(f"a finding of {len(data)} bytes; at most {MAX_FINDING_BYTES} are allowed")
    return data


def decode(data: bytes) -> Numbered:
    """Returns the finding of `encode`. Raises msgspec.ValidationError or DecodeError for anything else."""
    return _decoder.decode(data)
