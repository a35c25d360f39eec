"""A megabyte of hostile text through redaction, and ordinary messages: linear, tens of milliseconds of processor time."""

import json
import random
import time
from pathlib import Path

from kube9_operator.text import limits

DATA = Path(__file__).parent.parent / "data" / "events-1.36.3.jsonl"
EXAMPLES = [json.loads(line)["secret"] + " " for line in DATA.with_name("rule-examples.jsonl").read_bytes().splitlines()]
BYTES = 1_000_000
PIECES = (
    *(
        "a",
        "eyJ",
        "eyJ.",
        "xeyJ",
        "://",
        "://a:b/",
        "://a:b@",
        "Bearer ",
        "bearer:",
        "bearer:realm=",
        "token:",
        "password:",
        "=",
    ),
    *(
        '"":',
        '"token":"',
        '\\"token\\":\\"',
        "\\",
        'password="\\"',
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "AKIA",
        "xAKIA",
    ),
    *(
        "ghp_",
        "authorization:",
        "authorization: bearer ",
        "basic ",
        "--token ",
        "--token- ",
        " ",
        "\n",
        "\r\n",
        "é",
        'token=" ',
    ),
    *("password=a ", "x" * 63 + "=", "token: ", '"password": ', "\U0001f600", "İ"),
    *EXAMPLES,
)


def run(_large: Path) -> None:
    """Each piece repeated, alone and after what begins a secret; random bytes; and what Kubernetes wrote."""
    worst = []
    for before in ("", "Bearer ", "password=", "eyJ", "postgres://u:", "-----BEGIN PRIVATE KEY-----"):
        for piece in PIECES:
            text = (before + piece * (BYTES // len(piece.encode()) + 1))[:BYTES]
            worst.append((_ms(text), f"{before}{piece!r} * n"))
    chance = random.Random(1)
    for number in range(20):
        marks = "".join(chance.choice(PIECES) * chance.randrange(1, 50) for _ in range(20))
        worst.append((_ms((marks * (BYTES // len(marks) + 1))[:BYTES]), f"mixture {number}"))
    worst.append((_ms(chance.randbytes(BYTES).decode("latin-1")), "random bytes"))
    worst.sort(reverse=True)
    print(f"{len(worst)} hostile texts of a megabyte: median {worst[len(worst) // 2][0]:.1f} ms; the worst:")
    for took, name in worst[:5]:
        print(f"  {took:.1f} ms  {name}")
    messages = [json.loads(line).get("message") or "" for line in DATA.open("rb")]
    began = time.process_time()
    for _ in range(100):
        for message in messages:
            limits.line(message, 1_000)
    print(f"an ordinary message: {(time.process_time() - began) / 100 / len(messages) * 1e6:.1f} us")


def _ms(text: str) -> float:
    began = time.process_time()
    limits.line(text, 1_000)
    return (time.process_time() - began) * 1000
