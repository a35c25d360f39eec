"""Serves health and metrics."""
