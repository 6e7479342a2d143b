"""Several processes of `cantilena serve` that share their stores, to be killed at will, and a client of them."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2

from tests.serving.process import ServeProcess, serve_process


@dataclass
class Api:
    """One process, from its start to its end; ``killed_at`` is in seconds of the wall clock."""

    serve: ServeProcess
    life: ExitStack
    killed_at: float | None = None

    def lines(self) -> Iterator[Mapping[str, Any]]:
        """What it logged; a line that its death cut off is left out."""
        for line in self.serve.log.read_text("utf-8", "replace").splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict):
                yield said


@dataclass
class Fleet:
    """The processes; ``all`` are those that ended, too."""

    folder: Path
    environment: Mapping[str, str]
    living: list[Api] = field(default_factory=list)
    all: list[Api] = field(default_factory=list)

    def start(self) -> Api:
        """Start one more; it listens."""
        with ExitStack() as stack:
            serve = stack.enter_context(serve_process(self.folder / f"api-{len(self.all)}", self.environment))
            api = Api(serve=serve, life=stack.pop_all())
        self.all.append(api)
        self.living.append(api)
        return api

    def kill(self, api: Api) -> None:
        """End one at once, and whatever it started with it."""
        self.living.remove(api)
        api.killed_at = time.time()
        api.life.close()


@contextmanager
def running_fleet(fleet: Fleet, count: int) -> Iterator[Fleet]:
    """Start so many processes; those that live at the end are killed."""
    try:
        for _ in range(count):
            fleet.start()
        yield fleet
    finally:
        for api in list(fleet.living):
            fleet.kill(api)


class Client:
    """Asks any process that lives, and another one where that fails; ``token`` says who asks."""

    def __init__(self, fleet: Fleet, *, token: str | None = None, patience: float = 60.0) -> None:
        self.fleet = fleet
        self._patience = patience
        self._turn = itertools.count()
        self._http = httpx2.Client(timeout=10.0, headers={"Authorization": f"Bearer {token}"} if token else {})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """The answer of whoever gives one that is not 5xx."""
        end = time.monotonic() + self._patience
        while True:
            living = list(self.fleet.living)
            answer = None
            if living:
                url = f"{living[next(self._turn) % len(living)].serve.url}{path}"
                with suppress(httpx2.TransportError):
                    answer = self._http.request(method, url, **request)
            if answer is not None and answer.status_code < 500:
                return answer
            assert time.monotonic() < end, answer
            time.sleep(0.05)
