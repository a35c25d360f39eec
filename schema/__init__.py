"""Numbered SQL files NNNN_name.sql, forward only; installed as the package `kube9_schema`."""
