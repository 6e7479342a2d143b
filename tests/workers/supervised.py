"""A program that has a worker, prints the id of its process and does nothing more: somebody is to kill it."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from cantilena.settings import child_environment, load_settings
from cantilena.worker import Worker


async def main() -> None:
    environment = child_environment(load_settings())
    command = [sys.executable, "-m", "tests.workers.server"]
    async with Worker(files=Path(), environment=environment, command=command) as worker:
        await worker.wait_ready(60)
        print(worker.pid, flush=True)
        await anyio.sleep_forever()


anyio.run(main)
