"""What finding the rule of an Event, its facts and its key costs: Events of a real node, and those of event-shapes.jsonl."""

import json
import time
from pathlib import Path

import msgspec

from kube9_operator.model.rules import loader, matcher
from kube9_operator.model.rules.matcher import Chosen, Table
from kube9_operator.watch.observations import Event, said_by

DATA = Path(__file__).parent.parent / "data"
ROUNDS = 200


def run(_large: Path) -> None:
    began = time.process_time()
    rules = loader.built_in()
    read = time.process_time() - began
    chosen = Chosen(table=Table())
    print(f"{len(rules)} rules, read and checked in {read * 1000:.0f} ms")
    real = [json.loads(line) for line in (DATA / "events-1.36.3.jsonl").read_text(encoding="utf-8").splitlines()]
    shapes = [json.loads(line)["event"] for line in (DATA / "event-shapes.jsonl").read_text(encoding="utf-8").splitlines()]
    for name, given in (("Events of a real node", real), ("shapes of event-shapes.jsonl", shapes)):
        every = [said_by(msgspec.convert(one, Event)) for one in given]
        for repeated, what in ((False, "each reason for the first time"), (True, "reasons seen before")):
            took = 0.0
            for _ in range(ROUNDS):
                table = chosen.table if repeated else None
                if table is None:
                    chosen = Chosen(table=Table())
                began = time.process_time()
                for one in every:
                    verdict = matcher.judge(one, chosen)
                    if verdict.rule and verdict.recorded:
                        facts = verdict.rule.facts(one)
                        verdict.rule.key(one, facts)
                took += time.process_time() - began
            print(f"{name}, {what}: {took / ROUNDS / len(every) * 1e6:.2f} us an Event")
