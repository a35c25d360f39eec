"""The tallies are what a walk over all events counts, whatever happens to the events."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kube9_operator.write.sqlite import database, migrations

COLUMNS = 23
HOURS = st.integers(0, 80)
change = st.one_of(
    st.tuples(st.just("insert"), HOURS, HOURS, st.integers(0, 2), st.integers(0, 1), st.integers(0, 3), st.integers(0, 1)),
    st.tuples(st.just("times"), st.integers(0, 9), HOURS, HOURS),
    st.tuples(st.just("severity"), st.integers(0, 9), st.integers(0, 3)),
    st.tuples(st.just("delete"), st.integers(0, 9)),
)


@given(st.lists(change, max_size=30))
def test_the_tallies_are_what_a_walk_counts(changes: list[tuple[Any, ...]]) -> None:
    connection = database.Connection(":memory:")
    migrations.migrate(connection, migrations.known())
    for number, (what, *values) in enumerate(changes):
        if what == "insert":
            last, first, namespace, kind, severity, event_type = values
            row = (number, max(last, first), min(last, first), namespace, kind, severity, event_type)
            rest = (0,) * (COLUMNS - len(row))
            marks = ", ".join("?" * COLUMNS)
            connection.execute(f"INSERT INTO events VALUES ({marks})", (*row, *rest[:6], 1, *rest[7:]))
        elif what == "times":
            event, last, first = values
            times = (max(last, first), min(last, first), event)
            connection.execute("UPDATE events SET last_hour = ?, first_hour = ? WHERE id = ?", times)
        elif what == "severity":
            connection.execute("UPDATE events SET severity = ? WHERE id = ?", (values[1], values[0]))
        else:
            connection.execute("DELETE FROM events WHERE id = ?", (values[0],))
    walked = {
        (of_first, *row)
        for of_first, column in enumerate(("last_hour", "first_hour"))
        for row in connection.execute(
            f"SELECT {column} / 24, namespace, kind, severity, type, count(*) FROM events GROUP BY 1, 2, 3, 4, 5"
        )
    }
    assert set(connection.execute("SELECT * FROM tallies")) == walked
    connection.close()
