"""Hides from a process what only developers have: structlog imports rich where it is installed, 7 MiB of all processes."""

import sys

sys.modules["rich"] = None  # type: ignore[assignment]
