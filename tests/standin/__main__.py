"""The process of a stand-in API server."""

import asyncio
import sys
from pathlib import Path

from tests.standin.server import main

asyncio.run(main(int((sys.argv[1:2] or ["0"])[0]), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
