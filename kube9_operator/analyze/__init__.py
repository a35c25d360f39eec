"""Insights: what follows from the record. Rules are pure; the analyzer feeds them and keeps what they find."""
