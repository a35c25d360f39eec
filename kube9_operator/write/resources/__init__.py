"""States of resources: compares them, and finds what changed."""
