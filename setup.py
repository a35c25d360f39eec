"""Makes the parsers importable for the man pages, which are built before anything is installed. All else is in setup.cfg."""

import importlib
import sys
from pathlib import Path

from setuptools import setup

sys.path.insert(0, str(Path(__file__).parent))
sys.modules["kube9_schema"] = importlib.import_module("schema")
setup()
