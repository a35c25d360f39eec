"""The operator's socket, on which `kube9-cli` asks for an assessment: where it is, and what is said there.

Each message is a JSON object on a line. A client sends one request; the operator answers with one or more messages:

    {"mode": "pillar", "pillar": "security", "check_id": "", "timeout_seconds": 0}

    {"refused": "RUNNING", "details": "asm_…"}
or
    {"accepted": "asm_…"}
    {"progress": {"checks_done": 12, "checks_total": 31, "reading": "pods", "objects": 4500}}    any number of these
    {"ended": "asm_…"}                                                                           its results are in the database
"""

import hashlib
import os

FOLDER = "/tmp/kube9"  # noqa: S108  # its owner and mode are checked before anything is made in it
MAX_MESSAGE_BYTES = 4096
MAX_CHECK_ID_CHARACTERS = 100
MAX_TIMEOUT_SECONDS = 604_800

RUNNING, INVALID = "RUNNING", "INVALID"
"""Why a request is refused: another assessment runs; it is none, or has a wrong value."""


def socket_path(database: str) -> str:
    """Returns the path of the socket of the operator that records into this file. Several operators may share a machine."""
    real = os.fsencode(os.path.realpath(database))
    return os.path.join(FOLDER, f"{hashlib.sha256(real).hexdigest()[:16]}.sock")
