"""Events: stores and merges them, keeps their coverage, deletes them."""
