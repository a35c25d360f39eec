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
