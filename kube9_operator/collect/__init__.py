"""Collections: what the cluster consists of, in numbers and without names."""
