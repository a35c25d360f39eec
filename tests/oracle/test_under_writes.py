"""Ten lists at a time while a writer writes and deletes as many events as it adds: a thousand observations a second in
`make test-long PART=oracle-writes`, and in `make test` a quarter of that.
"""

import os
from pathlib import Path

from tests.oracle import __main__ as oracle
from tests.oracle import comparison, history, options, paging, under_writes, writing

SECONDS = float(os.environ.get("KUBE9_ORACLE_SECONDS", "3"))
KEPT = writing.KEPT if "KUBE9_ORACLE_SECONDS" in os.environ else writing.KEPT // 4
AT_ONCE = 10


def test_each_answer_is_of_one_state_that_the_database_had(tmp_path: Path) -> None:
    with under_writes.writer(tmp_path, seed=1, part_new=0.5, kept=KEPT):
        asked = under_writes.ask(tmp_path, 1, SECONDS, AT_ONCE)
    assert len(asked) >= AT_ONCE
    wrong = under_writes.wrong(tmp_path, asked)
    print(f"{len(asked)} answers under writes, {len(wrong)} wrong")
    assert not wrong, "\n\n".join(wrong[:5])


def test_pages_have_exactly_once_what_was_there_at_the_first(tmp_path: Path) -> None:
    with under_writes.writer(tmp_path, seed=2, part_new=0.04, kept=KEPT):
        found = paging.read_some(tmp_path, "2", SECONDS)
    assert found
    states = history.States(tmp_path / writing.JOURNAL)
    wrong = [f"{comparison.arguments(one.given)}: {why}" for one in found if (why := paging.wrong(states, one))]
    print(f"{len(found)} lists read in {sum(len(one.pages) for one in found)} pages under writes, {len(wrong)} wrong")
    assert not wrong, "\n\n".join(wrong[:5])


def test_pages_are_one_list_where_nothing_is_written(tmp_path: Path) -> None:
    case = comparison.case(tmp_path, 1, oracle.NOW_MS)
    for line in range(6):
        found = paging.read(tmp_path, f"still {line}", case.world, case.now_ms)
        assert paging.in_one_order(options.question_of(found.given), case.world, found), comparison.arguments(found.given)
