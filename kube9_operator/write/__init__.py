"""The writer: from frames to committed rows."""
