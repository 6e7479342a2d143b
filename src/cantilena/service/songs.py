"""Songs asked for in a session: checked, written down as jobs, told of to whoever sings, and found again.

Conventions
-----------
A job is there before anybody is told of it: when telling fails, or this process dies in between, it waits, and whoever
sweeps tells of it again. Creating it only if absent is what makes a repeated request harmless. Importing this module
loads neither the engine nor the reader of scores.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from cantilena.errors import OptionError
from cantilena.ports.dispatch import Dispatcher, DispatchError
from cantilena.ports.jobs import Job, JobOutput, JobStore, JobStoreError
from cantilena.ports.objects import ObjectStore
from cantilena.ports.sessions import Session
from cantilena.service import job_changes as change
from cantilena.service.job_changes import TooLate
from cantilena.service.job_log import log_job
from cantilena.service.jobs import change_job, job_unknown
from cantilena.service.limits import LimitError
from cantilena.service.object_names import output_object, score_object
from cantilena.service.sessions import Sessions, score_missing, session_unknown
from cantilena.service.song_wishes import SongWishes
from cantilena.tracing import log_context, log_event

if TYPE_CHECKING:
    from cantilena.service.song_pace import SongPace

JOB_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SongLimits:
    """How many unfinished songs somebody may have, and for how many seconds jobs are kept."""

    most: int
    keep_seconds: float


class Songs:
    """The songs of sessions; safe under threads.

    Parameters
    ----------
    jobs, sessions, objects
        Where jobs are kept, the sessions they belong to, and their files.
    dispatcher : Dispatcher
        Who is told of a new job.
    voicebank_ids : callable
        The voicebanks that can sing here.
    pace : SongPace
        What a song may take.
    limits : SongLimits
        How many and how long.
    now : callable
        Seconds of the wall clock.
    """

    def __init__(
        self,
        jobs: JobStore,
        sessions: Sessions,
        objects: ObjectStore,
        dispatcher: Dispatcher,
        *,
        voicebank_ids: Callable[[], Collection[str]],
        pace: SongPace,
        limits: SongLimits,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._jobs = jobs
        self._sessions = sessions
        self._objects = objects
        self._dispatcher = dispatcher
        self._voicebank_ids = voicebank_ids
        self._pace = pace
        self._limits = limits
        self._now = now

    def ask(self, session_id: str, owner: str, wishes: SongWishes, *, idempotency_key: str | None = None) -> Job:
        """Ask for a song.

        The same request under the same key gives the job that is there already.

        Raises
        ------
        OptionError
            ``session_unknown``, ``score_missing``, ``score_replaced``, ``idempotency_key_reused``,
            ``voicebank_unknown``, ``song_too_long``, or a wish is wrong.
        ScoreError, LyricError
            The score has nothing to sing like this.
        LimitError
            ``too_many_jobs``.
        CantilenaError
            One of the stores is out of reach.
        """
        session = self._sessions.get(session_id, owner)
        if session.score is None:
            raise score_missing(session_id)
        job = self._new_job(session, wishes, idempotency_key)
        known = self._jobs.read(job.job_id) if idempotency_key is not None else None
        if known is not None:
            return _same(known.job, job)
        self._check(session, wishes)
        self._require_room(owner)
        with log_context(job_id=job.job_id, session_id=session_id):
            try:
                self._jobs.create(job)
            except JobStoreError as error:
                if error.code != "job_exists":
                    raise
                return _same(self.get(session_id, job.job_id, owner), job)  # asked for twice at the same moment
            self._require_same(session_id, owner, job)
            log_job("job_created", job)
            self._tell(job)
        return job

    def get(self, session_id: str, job_id: str, owner: str) -> Job:
        """A job of somebody's.

        Raises
        ------
        OptionError
            ``job_unknown``.
        JobStoreError
            ``jobs_unreachable``.
        """
        stored = self._jobs.read(job_id) if JOB_ID.fullmatch(job_id) else None
        if stored is None or not is_of(stored.job, session_id, owner):
            raise job_unknown(job_id)
        return stored.job

    def list(self, session_id: str, owner: str, *, limit: int, before: str | None = None) -> tuple[Job, ...]:
        """Jobs of a session, newest first, from the one after ``before`` on.

        Raises
        ------
        OptionError
            ``session_unknown``.
        """
        self._sessions.get(session_id, owner)
        return self._jobs.of_session(session_id, limit=limit, before=before)

    def cancel(self, session_id: str, job_id: str, owner: str) -> Job:
        """Stop a job: at once where it waits, within a second where it is sung; a finished one stays as it is.

        Raises
        ------
        OptionError
            ``job_unknown``.
        JobStoreError
            ``jobs_unreachable``.
        """
        self.get(session_id, job_id, owner)
        try:
            job = change_job(self._jobs, job_id, partial(change.request_cancel, now=self._now()))
        except TooLate:
            return self.get(session_id, job_id, owner)
        if job.is_finished:  # nobody had begun it
            with log_context(job_id=job_id, session_id=session_id):
                log_job("job_canceled", job)
        return job

    def find_output(self, job: Job, name: str) -> tuple[JobOutput, str]:
        """An output of a job, and its object.

        Raises
        ------
        OptionError
            ``output_unknown``.
        """
        for output in job.outputs:
            if output.name == name:
                if output.kind == "score":
                    return output, score_object(job.session_id, output.sha256)
                return output, output_object(job.session_id, job.job_id, job.attempt, name)
        raise OptionError(
            "output_unknown",
            f"The job {job.job_id[:80]!r} has no {name[:80]!r}.",
            hint="Look at its outputs; a job has them once it has succeeded.",
        )

    def read_output(self, stored_as: str, *, start: int, end: int) -> Iterator[bytes]:
        """The bytes of an output from ``start`` up to ``end`` (exclusive).

        Raises
        ------
        StorageError
            ``storage_object_missing``, ``storage_unreachable``.
        """
        return self._objects.stream(stored_as, start=start, end=end)

    def _new_job(self, session: Session, wishes: SongWishes, key: str | None) -> Job:
        score = session.score
        assert score is not None
        asked = {**wishes.to_json(), "score_name": score.name}
        text = json.dumps([asked, score.sha256, session.session_id, session.owner], sort_keys=True, ensure_ascii=False)
        now = self._now()
        return Job(
            job_id=secrets.token_hex(10) if key is None else job_id_of(session.session_id, key),
            session_id=session.session_id,
            owner=session.owner,
            message="waiting",
            created_at=now,
            updated_at=now,
            expires_at=now + self._limits.keep_seconds,
            request=asked,
            request_hash=hashlib.sha256(text.encode()).hexdigest(),
            score_sha256=score.sha256,
        )

    def _check(self, session: Session, wishes: SongWishes) -> None:
        """Find out whether the score can be sung like this, as far as that can be told without a voicebank's models."""
        line, options = wishes.line_options(), wishes.sing_options()
        if wishes.voicebank is not None and wishes.voicebank not in self._voicebank_ids():
            raise OptionError(
                "voicebank_unknown",
                f"There is no voicebank {wishes.voicebank[:80]!r}.",
                hint=f"There is {', '.join(self._voicebank_ids())[:300] or 'none'}.",
            )
        from cantilena.score import extract_melody, read_score
        from cantilena.singing.performance import perform

        score = session.score
        assert score is not None
        data = b"".join(self._objects.stream(score_object(session.session_id, score.sha256)))
        melody = extract_melody(
            read_score(data, name=score.name),
            part=line.part,
            verse=line.verse,
            measures=line.measures,
            chord_note=line.chord_note,
            vocalise=line.vocalise,
        )
        performance = perform(melody, transpose=options.transpose, tempo=options.tempo)
        self._pace.require_time(performance.duration, wishes)

    def _require_room(self, owner: str) -> None:
        if len(self._jobs.unfinished(limit=self._limits.most, owner=owner)) >= self._limits.most:
            raise LimitError(
                "too_many_jobs",
                f"{self._limits.most} songs of yours are not finished yet.",
                hint="Wait for one of them, or cancel it.",
                retry_after=5,
            )

    def _require_same(self, session_id: str, owner: str, job: Job) -> None:
        """Take the job back when its session was deleted meanwhile, or given another score: its own may be gone."""
        try:
            score = self._sessions.get(session_id, owner).score
        except OptionError:
            self._jobs.delete(job.job_id)
            raise session_unknown(session_id) from None
        if score is None or score.sha256 != job.score_sha256:
            self._jobs.delete(job.job_id)
            raise OptionError(
                "score_replaced", "The session was given another score at the same moment.", hint="Ask again."
            )

    def _tell(self, job: Job) -> None:
        try:
            self._dispatcher.dispatch(job.job_id)
        except DispatchError as error:  # it waits; the sweep tells of it again
            log_event("job_not_dispatched", severity="warning", error_code=error.code)


def is_of(job: Job, session_id: str, owner: str) -> bool:
    """Whether a job belongs to that session of that owner."""
    return job.session_id == session_id and job.owner == owner


def job_id_of(session_id: str, key: str) -> str:
    """The id of the job that is asked for under a key of the client's."""
    return hashlib.sha256(f"{session_id}\n{key}".encode()).hexdigest()[:20]


def _same(known: Job, asked: Job) -> Job:
    if known.request_hash != asked.request_hash:
        raise OptionError(
            "idempotency_key_reused",
            "Another song was asked for under this Idempotency-Key.",
            hint="Give each song a key of its own.",
        )
    return known
