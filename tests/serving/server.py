"""A server in a thread, over SQLite and a folder; songs are sung by hand, as another instance would, in the stores."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI

from cantilena.adapters.no_identity import NoIdentity
from cantilena.errors import CantilenaError
from cantilena.interfaces.http.app import make_app
from cantilena.interfaces.http.composition import (
    Service,
    Stores,
    find_voicebanks,
    make_service,
    open_links,
    open_stores,
)
from cantilena.interfaces.http.serving import server_config
from cantilena.ports.identity import Identity
from cantilena.ports.jobs import Job, JobOutput, JobProblem, JobStore, JobWarning
from cantilena.service import job_changes as change
from cantilena.service.job_changes import JobResult
from cantilena.service.jobs import change_job
from cantilena.service.object_names import output_object, output_route
from cantilena.service.telling_jobs import TellingJobs
from cantilena.service.voicebank_list import VoicebankList
from cantilena.settings import Settings

HYMN = Path(__file__).resolve().parents[2] / "examples" / "amazing-grace.musicxml"
_HOLDER = "another-instance"


class Told:
    """A dispatcher that writes down what it is told."""

    def __init__(self) -> None:
        self.job_ids: list[str] = []

    def dispatch(self, job_id: str) -> None:
        self.job_ids.append(job_id)

    def ping(self) -> None:
        return


@dataclass
class Instance:
    """One instance of the service that runs, and a client of it."""

    url: str
    client: httpx2.Client
    service: Service
    told: Told
    app: FastAPI

    def new_session(self, score: bytes | None = None) -> str:
        """A session, with a score in it."""
        session_id: str = self.client.post("/sessions").json()["session_id"]
        answer = self.client.put(f"/sessions/{session_id}/score", content=HYMN.read_bytes() if score is None else score)
        assert answer.status_code == 200, answer.text
        return session_id

    def ask(self, session_id: str, **wishes: Any) -> dict[str, Any]:
        """A song that was asked for."""
        answer = self.client.post(f"/sessions/{session_id}/jobs", json=wishes)
        assert answer.status_code == 202, answer.text
        document: dict[str, Any] = answer.json()
        return document


def settings_of(folder: Path, **other: Any) -> Settings:
    """Those of a laptop that keeps everything in a folder."""
    return replace(Settings(data_dir=folder, max_jobs=100, max_requests_per_minute=0), **other)


@contextmanager
def serving(
    settings: Settings, *, identity: Identity | None = None, stores: Stores | None = None
) -> Iterator[Instance]:
    """An instance that has songs sung by nobody: the test does, with :func:`begin` and :func:`finish`."""
    stores = stores or open_stores(settings)
    told = Told()
    service = make_service(
        settings,
        stores=stores,
        jobs=TellingJobs(stores.jobs),
        identity=identity or NoIdentity(),
        links=open_links(settings),
        dispatcher=told,
        voicebanks=VoicebankList(find_voicebanks),
    )
    app = make_app(service)
    with listening(app) as url, httpx2.Client(base_url=url, timeout=30.0) as client:
        yield Instance(url=url, client=client, service=service, told=told, app=app)


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """An application behind a real server; gives its address."""
    server = uvicorn.Server(server_config(app, host="127.0.0.1", port=0))
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        assert not thread.is_alive()


def begin(jobs: JobStore, job_id: str) -> Job:
    """Another instance begins a job."""
    return change_job(jobs, job_id, partial(change.claim, holder=_HOLDER, now=time.time()))


def advance(jobs: JobStore, job_id: str, *, step: str, message: str, progress: float) -> Job:
    """It tells how far it is."""
    return change_job(
        jobs,
        job_id,
        partial(change.advance, holder=_HOLDER, now=time.time(), step=step, message=message, progress=progress),
    )


def finish(stores: Stores, job_id: str, audio: bytes, *, warnings: tuple[JobWarning, ...] = ()) -> Job:
    """It leaves audio, and says that it is done."""
    stored = stores.jobs.read(job_id)
    assert stored is not None
    job = stored.job
    name = "audio.wav"
    stores.objects.create(output_object(job.session_id, job_id, job.attempt, name), audio, media_type="audio/wav")
    result = JobResult(
        voicebank=("Tiny_1.0", "0123456789abcdef"),
        outputs=(
            JobOutput(
                name=name,
                kind="audio",
                format="wav",
                bytes=len(audio),
                sha256=hashlib.sha256(audio).hexdigest(),
                duration_seconds=1.0,
                sample_rate=44100,
            ),
        ),
        warnings=warnings,
        timings_ms={"align": 1.0, "total": 10.0},
        audio_seconds=1.0,
        rtf=0.01,
        audio_url=output_route(job.session_id, job_id, name),
    )
    return change_job(stores.jobs, job_id, partial(change.succeed, holder=_HOLDER, now=time.time(), result=result))


def fail(jobs: JobStore, job_id: str, error: CantilenaError) -> Job:
    """It cannot sing it."""
    problem = JobProblem(code=error.code, message=error.message, hint=error.hint, retryable=error.retryable)
    return change_job(jobs, job_id, partial(change.fail, holder=_HOLDER, now=time.time(), problem=problem))
