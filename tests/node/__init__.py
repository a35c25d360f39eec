"""A real one-node cluster, with the operator as a pod of it."""
