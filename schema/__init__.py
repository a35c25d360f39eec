"""What the operator and kube9-cli agree on: the numbered SQL files of the database, and the names and numbers in it.

Installed as the package `kube9_schema`. Every module uses the standard library only, and is imported by both programs.
"""

DATABASE_NAME = "kube9.db"
"""The file in the data folder."""
SCHEMA_VERSION = 12
"""The number of the newest SQL file. kube9-cli reads this version only."""
