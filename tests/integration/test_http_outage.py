"""Stores that answer too late: no request hangs, every answer says when to come again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any

import anyio
import httpx2
import pytest

from cantilena.adapters.no_identity import NoIdentity
from cantilena.interfaces.http.composition import open_stores
from cantilena.ports.objects import StorageError
from tests.serving.server import Instance, serving, settings_of


@dataclass
class Silent:
    """A store that does not answer while its line is cut."""

    store: Any
    connected: Event = field(default_factory=Event)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)

        def answer(*arguments: Any, **named: Any) -> Any:
            self.connected.wait(timeout=20.0)
            return method(*arguments, **named)

        return answer


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Instance, Event]]:
    monkeypatch.setattr("cantilena.interfaces.http.callers.ANSWER_SECONDS", 0.5)
    settings = settings_of(tmp_path)
    stores, connected = open_stores(settings), Event()
    connected.set()
    stores = replace(
        stores,
        sessions=Silent(stores.sessions, connected),  # type: ignore[arg-type]
        jobs=Silent(stores.jobs, connected),  # type: ignore[arg-type]
    )
    with serving(settings, stores=stores) as instance:
        yield instance, connected
        connected.set()


def test_a_store_that_is_silent_makes_nobody_wait(silent: tuple[Instance, Event]) -> None:
    instance, connected = silent
    session_id = instance.new_session()
    job = f"/sessions/{session_id}/jobs/{instance.ask(session_id)['job_id']}"
    connected.clear()
    for method, route in (
        ("POST", "/sessions"), ("GET", f"/sessions/{session_id}"), ("GET", f"/sessions/{session_id}/score"),
        ("PUT", f"/sessions/{session_id}/score"), ("GET", f"/sessions/{session_id}/jobs"), ("GET", job),
        ("GET", f"/sessions/{session_id}/progress"), ("GET", f"{job}/events"), ("POST", f"{job}/cancel"),
        ("GET", f"{job}/outputs/audio.wav"), ("GET", f"{job}?wait=1"),
    ):  # fmt: skip
        begun = time.monotonic()
        answer = instance.client.request(method, route)
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unreachable"), route
        assert answer.json()["retryable"]
        assert int(answer.headers["retry-after"]) > 0
        assert time.monotonic() - begun < 5.0
    assert instance.client.get("/health").status_code == 200
    ready = instance.client.get("/ready")
    assert (ready.status_code, ready.json()["checks"]["jobs"]) == (503, "store_unreachable")

    connected.set()
    assert instance.client.get(job).status_code == 200


def test_many_who_ask_a_silent_store_are_all_answered(silent: tuple[Instance, Event]) -> None:
    instance, connected = silent
    session_id = instance.new_session()
    connected.clear()

    async def ask_all() -> list[int]:
        found: list[int] = []

        async def ask() -> None:
            found.append((await client.get(f"{instance.url}/sessions/{session_id}/progress")).status_code)

        async with httpx2.AsyncClient(timeout=20.0) as client, anyio.create_task_group() as group:
            for _ in range(150):
                group.start_soon(ask)
        return found

    begun = time.monotonic()
    assert anyio.run(ask_all) == [503] * 150
    assert time.monotonic() - begun < 10.0


@pytest.mark.parametrize("identity", ["none", "firebase"])
def test_where_a_store_lies_is_for_the_log(tmp_path: Path, identity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path, identity=identity, firebase_project="a-project")
    denied = StorageError(
        "storage_denied", "gs://a-bucket/sessions/x may not be read.", hint="Give the account a role."
    )

    def refuse(name: str, **_: Any) -> None:
        raise denied

    with serving(settings, identity=NoIdentity()) as instance:
        session_id = instance.new_session()
        monkeypatch.setattr(instance.service.stores.objects, "stream", refuse)
        answer = instance.client.get(f"/sessions/{session_id}/score")
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_denied")
    assert ("a-bucket" in answer.text) == (identity == "none")
