"""Assesses how the cluster is configured: reads each kind of object once, and judges what was read by checks."""
