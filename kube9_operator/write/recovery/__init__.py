"""A damaged database: finds the damage, moves the file aside, salvages and restores what it held."""
