"""Jobs: songs that are being sung for somebody, as documents that any process may read and one at a time may change.

Conventions
-----------
A document is written with the revision it was read at: whoever comes second reads again. What may follow what is
decided in :mod:`cantilena.service.job_changes`, the same for every store. Times are seconds of the wall clock, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from cantilena.errors import CantilenaError

JobStatus = Literal["queued", "running", "succeeded", "failed", "canceled"]
FINISHED: Final[frozenset[JobStatus]] = frozenset({"succeeded", "failed", "canceled"})
"""Nothing follows these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProblem:
    """Why a job failed, as it is told to its owner."""

    code: str
    message: str
    hint: str = ""
    retryable: bool = False
    part: str | None = None
    measure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutput:
    """A file that a job made, or was made from.

    Attributes
    ----------
    name : str
        Of the file, inside its job.
    kind : {"audio", "timings", "score"}
        What it is.
    format : str
        ``wav``, ``flac``, ..., ``json``, ``musicxml``.
    bytes : int
        Length of the file.
    sha256 : str
        Hexadecimal.
    duration_seconds, sample_rate : float, int or None
        Of audio.
    """

    name: str
    kind: Literal["audio", "timings", "score"]
    format: str
    bytes: int
    sha256: str
    duration_seconds: float | None = None
    sample_rate: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWarning:
    """Something that was not sung, or sung otherwise than written."""

    code: str
    message: str
    part: str | None = None
    measure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who runs a job, and until when that is believed without a heartbeat."""

    holder: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job.

    Attributes
    ----------
    job_id, session_id, owner : str
        Which job, of which session, of whom.
    status : str
        See :data:`JobStatus`.
    step, message : str
        The furthest step begun, and what is done now: "phrase 3 of 12".
    progress : float
        0..1, never falling.
    audio_url : str or None
        Plain route of the audio.
    error : JobProblem or None
        Why it failed.
    created_at, updated_at, expires_at : float
        Seconds.
    started_at, finished_at : float or None
        Seconds.
    seq : int
        One more with each change that a client can see.
    attempt : int
        How often it was begun.
    lease : Lease or None
        While it is running.
    cancel_requested : bool
        Whether somebody wants it to stop.
    request : mapping
        The options of the song, as asked.
    request_hash, score_sha256 : str
        Hexadecimal; tell a repeated request from another one.
    voicebank : tuple of (str, str) or None
        Id and version of who sang.
    outputs, warnings : tuple
        What came of it.
    timings_ms : mapping of str to float
        Milliseconds of each step.
    audio_seconds, rtf : float or None
        Length of the audio; seconds of work for each of its seconds.
    """

    job_id: str
    session_id: str
    owner: str
    status: JobStatus = "queued"
    step: str = ""
    message: str = ""
    progress: float = 0.0
    audio_url: str | None = None
    error: JobProblem | None = None
    created_at: float
    started_at: float | None = None
    updated_at: float
    finished_at: float | None = None
    expires_at: float
    seq: int = 0
    attempt: int = 0
    lease: Lease | None = None
    cancel_requested: bool = False
    request: Mapping[str, Any] = field(default_factory=dict)
    request_hash: str = ""
    score_sha256: str = ""
    voicebank: tuple[str, str] | None = None
    outputs: tuple[JobOutput, ...] = ()
    warnings: tuple[JobWarning, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    audio_seconds: float | None = None
    rtf: float | None = None

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJob:
    """A job as it was read, with the revision that writing it asks for."""

    job: Job
    revision: str


class JobStoreError(CantilenaError):
    """A store does not do what was asked.

    ``job_exists``, ``job_missing``, ``job_changed`` (somebody else was first: read again), ``job_too_large`` (for a
    document of that store), ``jobs_unreachable`` (retryable).
    """


class JobStore(Protocol):
    """Where jobs are kept."""

    def create(self, job: Job) -> None:
        """Write a new job; ``job_exists`` when there is one of its id that has not expired."""
        ...

    def read(self, job_id: str) -> StoredJob | None:
        """A job, expired ones left out; None: there is none."""
        ...

    def write(self, job: Job, *, revision: str) -> str:
        """Write over the job that was read at a revision; gives the new one. ``job_changed``, ``job_missing``."""
        ...

    def of_session(self, session_id: str, *, limit: int, before: str | None = None) -> tuple[Job, ...]:
        """Jobs of a session, newest first, from the one after the job ``before`` on; none when that is gone."""
        ...

    def unfinished(self, *, limit: int, owner: str | None = None) -> tuple[Job, ...]:
        """Jobs that are queued or running, oldest first; with an owner: that one's alone."""
        ...

    def delete(self, job_id: str) -> None:
        """Remove a job; one that is not there is no error."""
        ...

    def ping(self) -> None:
        """Find out whether the store answers; ``jobs_unreachable``."""
        ...
