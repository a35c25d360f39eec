"""Prints answers: JSON, YAML and tables."""
