"""Reads the database: which events match, how many, and how complete the answer is."""
