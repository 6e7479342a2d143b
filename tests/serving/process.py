"""``cantilena serve`` as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.workers.processes import wait_until

_START = "from cantilena.interfaces.cli.main import run; run()"
_ADDRESS = re.compile(r"http://\S+")
_ENDS_WITHIN = 10.0


@dataclass
class ServeProcess:
    """A process that serves: its address, and the log that it writes."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def children(self) -> list[int]:
        """Processes that it started."""
        listed = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for children in listed for pid in children.read_text().split()]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Tell it to stop; gives the code that it left with, in time."""
        self.process.send_signal(number)
        return self.process.wait(timeout=_ENDS_WITHIN)


@contextmanager
def serve_process(
    folder: Path, environment: Mapping[str, str] | None = None, *, arguments: tuple[str, ...] = ("--port", "0")
) -> Iterator[ServeProcess]:
    """Start it with everything in a folder; it is killed with the block if it still runs."""
    folder.mkdir(parents=True, exist_ok=True)
    out, log = folder / "serve.out", folder / "serve.log"
    settings = {
        "DATA_DIR": str(folder / "data"), "LOG_FORMAT": "json", "LOG_LEVEL": "INFO",
        "CANTILENA_CACHE_DIR": str(folder / "cache"), **(environment or {}),
    }  # fmt: skip
    with out.open("wb") as output, log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, "serve", *arguments],
            env={**os.environ, **settings},
            stdout=output,
            stderr=errors,
        )
    try:
        wait_until(lambda: b"http://" in out.read_bytes() or process.poll() is not None, seconds=30.0)
        found = _ADDRESS.search(out.read_text())
        assert found is not None, log.read_text()
        yield ServeProcess(url=found[0], process=process, log=log)
    finally:
        process.kill()
        process.wait()
