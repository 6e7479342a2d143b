"""Who may have a job sung: the route that the task queue calls, tried by everybody else."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpx2
import pytest

from cantilena.adapters.google_identity import FirebaseIdentity, TasksIdentity
from cantilena.adapters.google_keys import SigningKeys
from cantilena.interfaces.http.app import make_app
from cantilena.interfaces.http.composition import (
    Service,
    find_voicebanks,
    make_service,
    open_links,
    open_stores,
)
from cantilena.interfaces.http.singing import Singing
from cantilena.service.job_runs import Outcome
from cantilena.service.telling_jobs import TellingJobs
from cantilena.service.voicebank_list import VoicebankList
from tests.serving.server import Told, listening, settings_of
from tests.tokens import PROJECT, Mint, run_key_server

MINT, STRANGER = Mint(), Mint()
URL, ACCOUNT = "https://sing.example", "tasks@song-1.iam.gserviceaccount.com"
ROUTE = "/internal/jobs/0123456789abcdef0123/run"


@dataclass
class Sung:
    """What is asked to be sung, and the outcome that is given."""

    outcome: Outcome = "done"
    job_ids: list[str] = field(default_factory=list)
    is_ready: bool = True

    @asynccontextmanager
    async def begun(self, service: Service) -> AsyncIterator[None]:
        yield

    async def run(self, job_id: str) -> Outcome:
        self.job_ids.append(job_id)
        return self.outcome


@dataclass(frozen=True)
class Queue:
    """The route, with or without a token."""

    client: httpx2.Client
    sung: Sung

    def call(self, token: str | None, route: str = ROUTE, **headers: str) -> httpx2.Response:
        known = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.client.post(route, headers={**known, **headers})


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queue]:
    settings = settings_of(
        tmp_path_factory.mktemp("data"), identity="firebase", firebase_project=PROJECT, dispatch="tasks",
        service_url=URL, tasks_service_account=ACCOUNT, max_requests_per_minute=30,
    )  # fmt: skip
    sung = Sung()
    with run_key_server(MINT) as keys:
        stores = open_stores(settings)
        service = make_service(
            settings, stores=stores, jobs=TellingJobs(stores.jobs),
            identity=FirebaseIdentity(PROJECT, keys=SigningKeys(keys.url)),
            task_identity=TasksIdentity(audience=URL, account=ACCOUNT, keys=SigningKeys(keys.url)),
            links=open_links(settings), dispatcher=Told(), voicebanks=VoicebankList(find_voicebanks),
        )  # fmt: skip
        app = make_app(service, cast(Singing, sung))
        with listening(app) as url, httpx2.Client(base_url=url, timeout=30.0) as client:
            yield Queue(client, sung)


def test_the_queue_has_a_job_sung(queue: Queue) -> None:
    queue.sung.job_ids.clear()
    assert queue.call(MINT.task(audience=URL, account=ACCOUNT)).status_code == 204
    assert queue.sung.job_ids == ["0123456789abcdef0123"]


@pytest.mark.parametrize("outcome", ["done", "elsewhere", "busy"])
def test_the_queue_is_told_whether_to_come_again(queue: Queue, outcome: Outcome) -> None:
    queue.sung.outcome = outcome
    status = queue.call(MINT.task(audience=URL, account=ACCOUNT)).status_code
    assert (status == 204) is (outcome == "done")
    assert status < 500  # 503 would slow down the whole queue


def test_the_queue_is_not_held_up_by_how_often_it_calls(queue: Queue) -> None:
    queue.sung.outcome = "done"
    token = MINT.task(audience=URL, account=ACCOUNT)
    assert {queue.call(token).status_code for _ in range(40)} == {204}


def _others() -> dict[str, str | None]:
    now = int(time.time())

    def task(**changes: Any) -> str:
        return MINT.task(**{"audience": URL, "account": ACCOUNT, **changes})

    return {
        "nobody": None, "a user": MINT.firebase("clara"), "a user who says to be the queue": MINT.firebase(
            "clara", email=ACCOUNT, email_verified=True), "the queue of another service": task(audience="https://b.example"),
        "for this very route": task(audience=URL + ROUTE), "for the project": task(audience=PROJECT),
        "another account": task(account="other@song-1.iam.gserviceaccount.com"), "a stranger": STRANGER.task(
            audience=URL, account=ACCOUNT), "an account not verified": task(email_verified=False),
        "expired": task(exp=now - 60), "from the future": task(iat=now + 600), "of another issuer": task(iss="https://a.b"),
        "unsigned": task().rpartition(".")[0] + ".", "a word": "queue",
    }  # fmt: skip


@pytest.mark.parametrize("who", _others())
def test_nobody_else_does(queue: Queue, who: str) -> None:
    queue.sung.job_ids.clear()
    names = {
        "X-CloudTasks-QueueName": "cantilena-songs",
        "X-CloudTasks-TaskName": "1",
        "User-Agent": "Google-Cloud-Tasks",
    }
    answer = queue.call(_others()[who], **names)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert queue.sung.job_ids == []


def test_the_queue_is_no_user(queue: Queue) -> None:
    token = MINT.task(audience=URL, account=ACCOUNT)
    answer = queue.client.post("/sessions", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_the_route_is_not_told_of(queue: Queue) -> None:
    assert "internal" not in queue.client.get("/openapi.json").text
    assert queue.client.get(ROUTE).status_code == 405
