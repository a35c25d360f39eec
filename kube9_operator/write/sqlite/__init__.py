"""The database file: connection, transactions, migrations, checkpoints, lock and room."""
