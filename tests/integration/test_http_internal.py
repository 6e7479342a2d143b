"""The route that the task queue calls: only for the queue, and its answers say whether to come again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from cantilena.adapters.google_identity import TasksIdentity
from cantilena.adapters.google_keys import SigningKeys
from cantilena.errors import CantilenaError
from cantilena.interfaces.http.callers import Desk
from cantilena.interfaces.http.internal_routes import internal_routes
from cantilena.interfaces.http.problems import answer_known
from cantilena.ports.jobs import JobStoreError
from cantilena.service.job_runs import Outcome
from tests.serving.server import listening, serving, settings_of
from tests.tokens.mint import Mint
from tests.tokens.server import run_key_server

URL = "https://sing.example"
ACCOUNT = "tasks@a-project.iam.gserviceaccount.com"
MINT = Mint()


class Runs:
    """Sings nothing, and says what it is told to say."""

    def __init__(self) -> None:
        self.outcome: Outcome | CantilenaError = "done"
        self.asked: list[str] = []

    async def run(self, job_id: str) -> Outcome:
        self.asked.append(job_id)
        if isinstance(self.outcome, CantilenaError):
            raise self.outcome
        return self.outcome


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def client(tmp_path: Path, runs: Runs) -> Iterator[httpx2.Client]:
    with serving(settings_of(tmp_path)) as instance, run_key_server(MINT) as keys:
        identity = TasksIdentity(audience=URL, account=ACCOUNT, keys=SigningKeys(keys.url))
        app = FastAPI(exception_handlers={CantilenaError: answer_known})
        app.router.routes += internal_routes(Desk(instance.service), identity, runs.run).routes
        with listening(app) as url, httpx2.Client(base_url=url) as client:
            yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        ("done", 204, ""),
        ("elsewhere", 409, "job_elsewhere"),
        ("busy", 409, "worker_busy"),
        (JobStoreError("jobs_unreachable", "No.", retryable=True), 503, "jobs_unreachable"),
    ],
)
def test_the_queue_is_told_whether_to_come_again(
    client: httpx2.Client, runs: Runs, outcome: Outcome | CantilenaError, status: int, code: str
) -> None:
    runs.outcome = outcome
    answer = client.post("/internal/jobs/a-job/run", headers=bearer(MINT.task(audience=URL, account=ACCOUNT)))
    assert answer.status_code == status
    assert (answer.json()["code"] if answer.content else "") == code
    assert ("retry-after" in answer.headers) == (status == 503)
    assert runs.asked == ["a-job"]


@pytest.mark.parametrize(
    "token",
    [
        None,
        "nonsense",
        MINT.firebase("clara"),
        MINT.task(audience="https://elsewhere.example", account=ACCOUNT),
        MINT.task(audience=URL, account="somebody@a-project.iam.gserviceaccount.com"),
        Mint("key-1").task(audience=URL, account=ACCOUNT),
    ],
)
def test_nobody_else_has_jobs_sung(client: httpx2.Client, runs: Runs, token: str | None) -> None:
    answer = client.post("/internal/jobs/a-job/run", headers=bearer(token) if token else {})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert runs.asked == []
