"""The checks: one module for each family. Each check is a pure function of the objects that a run has read."""
