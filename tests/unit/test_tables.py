"""The declared columns are those of a migrated database."""

import pytest

from kube9_operator.write.sqlite import database, migrations
from kube9_schema import tables


@pytest.mark.parametrize("table", tables.COLUMNS)
def test_columns_are_those_of_the_database(table: str) -> None:
    connection = database.Connection(":memory:")
    migrations.migrate(connection, migrations.known())
    found = [row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]
    connection.close()
    assert list(tables.COLUMNS[table]) == found


def test_primary_keys_come_first_where_rows_have_no_rowid() -> None:
    """Otherwise integrity_check of SQLite 3.40 reports columns that are NULL and are not."""
    connection = database.Connection(":memory:")
    migrations.migrate(connection, migrations.known())
    without = [row[0] for row in connection.execute("SELECT name FROM pragma_table_list WHERE wr AND schema = 'main'")]
    assert {"scalings", "totals"} <= set(without)
    for table in without:
        keys = [row[0] > 0 for row in connection.execute("SELECT pk FROM pragma_table_info(?)", (table,))]
        assert keys == sorted(keys, reverse=True), table
    connection.close()
