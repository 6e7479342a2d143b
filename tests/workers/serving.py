"""Processes of `cantilena serve`, to be killed at will, and a client that asks whichever of them lives."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

_START = "from cantilena.interfaces.cli.main import run; run()"


@dataclass
class Api:
    """One process of the server, from its start to its end.

    Attributes
    ----------
    number : int
        No two lives have the same.
    killed_at : float or None
        When it was killed; seconds of the wall clock.
    """

    number: int
    process: subprocess.Popen[str]
    log: Path
    url: str = ""
    killed_at: float | None = None

    @property
    def workers(self) -> list[int]:
        """Ids of its workers' processes."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == self.process.pid:
                found.append(int(stat.parent.name))
        return found

    def lines(self) -> Iterator[Mapping[str, Any]]:
        """What it logged; a line that its death cut off is left out."""
        for line in self.log.read_text("utf-8", "replace").splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict):
                yield said


@dataclass
class Fleet:
    """Processes that share their stores."""

    folder: Path
    environment: Mapping[str, str]
    living: list[Api] = field(default_factory=list)
    all: list[Api] = field(default_factory=list)

    def start(self) -> Api:
        """Start one more; it is ready when it says where it listens."""
        number = len(self.all)
        log = self.folder / f"api-{number}.log"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, "serve", "--port", "0"],
                env=self.environment, stdout=subprocess.PIPE, stderr=stderr, text=True,
            )  # fmt: skip
        api = Api(number=number, process=process, log=log)
        self.all.append(api)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://" in line, log.read_text("utf-8", "replace")
        api.url = line[line.index("http://") :].strip()
        self.living.append(api)
        return api

    def kill(self, api: Api) -> None:
        """End one at once, and whatever it started with it."""
        self.living.remove(api)
        api.process.send_signal(signal.SIGKILL)
        api.process.wait(10)
        api.killed_at = time.time()
        assert api.process.stdout is not None
        api.process.stdout.close()

    def close(self) -> None:
        for api in list(self.living):
            self.kill(api)


@contextmanager
def running_fleet(folder: Path, count: int, **environment: str) -> Iterator[Fleet]:
    """So many processes, whose environment is this one's and what is given; those that live at the end are killed."""
    fleet = Fleet(folder=folder, environment={**os.environ, "LOG_FORMAT": "json", **environment})
    try:
        for _ in range(count):
            fleet.start()
        yield fleet
    finally:
        fleet.close()


class Client:
    """Asks any process that lives, and another one where that fails."""

    def __init__(self, fleet: Fleet, *, patience: float = 60.0) -> None:
        self._fleet = fleet
        self._patience = patience
        self._turn = itertools.count()
        self._http = httpx2.Client(timeout=10.0)

    def ask(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """The answer of whoever gives one that is not 5xx."""
        end = time.monotonic() + self._patience
        while True:
            living = list(self._fleet.living)
            answer = None
            if living:
                url = f"{living[next(self._turn) % len(living)].url}{path}"
                with suppress(httpx2.TransportError):
                    answer = self._http.request(method, url, **request)
            if answer is not None and answer.status_code < 500:
                return answer
            assert time.monotonic() < end, answer
            time.sleep(0.05)

    def close(self) -> None:
        self._http.close()
