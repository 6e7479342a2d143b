"""A server that never gets ready; a program of its own, quick to start.

``python -m tests.workers.broken MODE [FILE]``; MODE is ``silent``, ``flood`` (prints what is no message) or ``dies``
(unless there is the file: then it is a server like any other).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

mode = sys.argv[1]
if mode == "silent":
    time.sleep(600)
while mode == "flood":
    os.write(1, b"Hello!\n" * 1000)
if len(sys.argv) < 3 or not Path(sys.argv[2]).exists():
    sys.exit(3)

from tests.workers import server  # noqa: E402

server.main()
