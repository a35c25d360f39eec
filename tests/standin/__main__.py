"""The process of a stand-in API server."""

import asyncio
import sys

from tests.standin.server import main

asyncio.run(main(int((sys.argv[1:2] or ["0"])[0]), *sys.argv[2:3]))
