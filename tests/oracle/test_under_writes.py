"""Ten lists at a time while a writer writes a thousand observations a second and deletes as many events as it adds."""

import os
from pathlib import Path

from tests.oracle import under_writes

SECONDS = float(os.environ.get("KUBE9_ORACLE_SECONDS", "5"))
AT_ONCE = 10


def test_each_answer_is_of_one_state_that_the_database_had(tmp_path: Path) -> None:
    with under_writes.writer(tmp_path, seed=1):
        asked = under_writes.ask(tmp_path, 1, SECONDS, AT_ONCE)
    assert len(asked) >= AT_ONCE
    wrong = under_writes.wrong(tmp_path, asked)
    print(f"{len(asked)} answers under writes, {len(wrong)} wrong")
    assert not wrong, "\n\n".join(wrong[:5])
