"""Sessions: made for somebody, given a score, and removed with everything in them.

Conventions
-----------
Whatever is somebody else's is not there: the same error, in the same words. A session that is being deleted is not
there either, except for whoever deletes it once more.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from cantilena.errors import CantilenaError, OptionError
from cantilena.ports.jobs import Job, JobStore
from cantilena.ports.objects import ObjectStore, StorageError
from cantilena.ports.sessions import Session, SessionScore, SessionStore, SessionStoreError, StoredSession
from cantilena.service import job_changes as change
from cantilena.service.job_changes import TooLate
from cantilena.service.job_log import log_job
from cantilena.service.jobs import change_job
from cantilena.service.limits import LimitError
from cantilena.service.media_types import MEDIA_TYPES
from cantilena.service.object_names import SESSIONS, jobs_prefix, score_object, session_prefix
from cantilena.tracing import log_context

if TYPE_CHECKING:
    from cantilena.score.describe import ScoreDescription

SCORE_TYPES: Final = (MEDIA_TYPES["mxl"], MEDIA_TYPES["musicxml"])
"""What scores are on the web."""
SESSION_ID: Final = re.compile(r"[0-9a-f]{32}")
_TRIES: Final = 20
_PAGE: Final = 50
_MOST_NAME: Final = 200
_STOPPING_SECONDS: Final = 2.0
_CLOSING_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """How many sessions somebody may have, and for how many seconds an unused one is kept."""

    most: int
    keep_seconds: float


class Sessions:
    """Sessions and their scores; safe under threads.

    Parameters
    ----------
    store, jobs, objects
        Where they are kept, the jobs in them, and their files.
    limits : SessionLimits
        How many and how long.
    now : callable
        Seconds of the wall clock.
    """

    def __init__(
        self,
        store: SessionStore,
        jobs: JobStore,
        objects: ObjectStore,
        *,
        limits: SessionLimits,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._objects = objects
        self._limits = limits
        self._now = now

    def create(self, owner: str) -> Session:
        """A new session.

        Raises
        ------
        LimitError
            ``too_many_sessions``.
        SessionStoreError
            ``sessions_unreachable``.
        """
        if self._store.count(owner, limit=self._limits.most) >= self._limits.most:
            raise LimitError(
                "too_many_sessions",
                f"There are {self._limits.most} sessions of yours already.",
                hint="Delete one that is not needed any more; unused ones expire.",
                retry_after=60,
            )
        now = self._now()
        session = Session(
            session_id=secrets.token_hex(16),
            owner=owner,
            created_at=now,
            updated_at=now,
            expires_at=now + self._limits.keep_seconds,
        )
        self._store.create(session)
        return session

    def get(self, session_id: str, owner: str) -> Session:
        """A session of somebody's.

        Raises
        ------
        OptionError
            ``session_unknown``.
        SessionStoreError
            ``sessions_unreachable``.
        """
        session = self._stored(session_id, owner).session
        if session.is_closing:
            raise session_unknown(session_id)
        return session

    def put_score(self, session_id: str, owner: str, file: bytes, name: str) -> ScoreDescription:
        """Read a score and make it the one of the session; jobs that sing the one before keep theirs.

        Raises
        ------
        ScoreError
            It is none, and the session is as it was.
        OptionError
            ``session_unknown``.
        SessionStoreError, StorageError
            ``sessions_unreachable``, ``storage_unreachable``.
        """
        self.get(session_id, owner)
        from cantilena.score import read_score
        from cantilena.score.describe import describe_score

        name = plain_name(name)
        description = describe_score(read_score(file, name=name))
        score = SessionScore(
            name=name,
            sha256=hashlib.sha256(file).hexdigest(),
            bytes=len(file),
            seconds=description.duration_seconds,
        )
        self._keep_score(session_id, score.sha256, file)
        try:
            before = self._change(session_id, owner, partial(self._with_score, score=score)).score
        except OptionError:  # it was deleted meanwhile, and nobody else knows of this file
            self._objects.delete(score_object(session_id, score.sha256))
            raise
        self._keep_score(session_id, score.sha256, file)  # another score's coming may have removed it in between
        if before is not None and before.sha256 != score.sha256:
            self._remove_unused(session_id, owner, before.sha256)
        return description

    def score(self, session_id: str, owner: str) -> tuple[SessionScore, Iterator[bytes]]:
        """The score of a session, as it came.

        Raises
        ------
        OptionError
            ``session_unknown``, ``score_missing``.
        SessionStoreError, StorageError
            ``sessions_unreachable``, ``storage_unreachable``.
        """
        score = self.get(session_id, owner).score
        if score is None:
            raise score_missing(session_id)
        return score, self._objects.stream(score_object(session_id, score.sha256))

    def delete(self, session_id: str, owner: str) -> None:
        """Stop what is sung in a session, then remove it with all that it holds.

        One that was begun and not ended is ended by the next.

        Raises
        ------
        OptionError
            ``session_unknown``.
        SessionStoreError, JobStoreError, StorageError
            One of the stores is out of reach; try again.
        """
        self._stored(session_id, owner)
        self._change(session_id, owner, self._closing, is_closing=True)
        self._remove(session_id)

    def remove_expired(self, *, most: int = _PAGE) -> int:
        """Remove what belongs to sessions that have expired; gives how many.

        Raises
        ------
        CantilenaError
            Some could not be removed: why the last of them could not.
        """
        expired = self._store.expired(limit=most)
        failure: CantilenaError | None = None
        for session in expired:
            try:
                self._remove(session.session_id)
            except CantilenaError as error:  # what cannot be removed keeps nothing else
                failure = error
        if failure is not None:
            raise failure
        return len(expired)

    def remove_left_files(self) -> int:
        """Remove files of sessions and jobs that are not there any more; gives how many.

        For objects in a folder: a bucket removes by itself what is old.
        """
        left: list[str] = []
        for session_id in self._objects.folders(SESSIONS):
            if self._store.read(session_id) is None:
                left.append(session_prefix(session_id))
                continue
            jobs = jobs_prefix(session_id)
            left += [f"{jobs}{job_id}/" for job_id in self._objects.folders(jobs) if self._jobs.read(job_id) is None]
        return sum(self._remove_files(prefix) for prefix in left)

    def ping(self) -> None:
        """Find out whether the store answers; raises ``sessions_unreachable``."""
        self._store.ping()

    def _stored(self, session_id: str, owner: str) -> StoredSession:
        stored = self._store.read(session_id) if SESSION_ID.fullmatch(session_id) else None
        if stored is None or stored.session.owner != owner:
            raise session_unknown(session_id)
        return stored

    def _change(
        self, session_id: str, owner: str, change: Callable[[Session], Session], *, is_closing: bool = False
    ) -> Session:
        """Read, change and write; begin anew when somebody else wrote meanwhile. Gives it as it was before."""
        for attempt in range(_TRIES):
            stored = self._stored(session_id, owner)
            if stored.session.is_closing and not is_closing:
                raise session_unknown(session_id)
            changed = change(stored.session)
            if changed == stored.session:
                return changed
            try:
                self._store.write(changed, revision=stored.revision)
            except SessionStoreError as error:
                if error.code == "session_missing":
                    raise session_unknown(session_id) from error
                if error.code != "session_changed" or attempt == _TRIES - 1:
                    raise
            else:
                return stored.session
        raise AssertionError("unreachable")

    def _with_score(self, session: Session, *, score: SessionScore) -> Session:
        now = self._now()
        return replace(session, score=score, updated_at=now, expires_at=now + self._limits.keep_seconds)

    def _closing(self, session: Session) -> Session:
        """As it is while it is being deleted; should that break off, it soon counts among those that have expired."""
        return replace(session, is_closing=True, expires_at=min(session.expires_at, self._now() + _CLOSING_SECONDS))

    def _remove(self, session_id: str) -> None:
        self._stop_jobs(session_id)
        for job in self._all_jobs(session_id):
            self._jobs.delete(job.job_id)
        self._remove_files(session_prefix(session_id))
        self._store.delete(session_id)

    def _keep_score(self, session_id: str, sha256: str, file: bytes) -> None:
        """Write a score, unless it is there."""
        name = score_object(session_id, sha256)
        if self._objects.find_one(name) is None:
            with _already_there():
                self._objects.create(name, file, media_type=media_type_of(file))

    def _remove_unused(self, session_id: str, owner: str, sha256: str) -> None:
        """Remove a score that is not the session's any more, unless a job is sung from it."""
        score = self.get(session_id, owner).score
        is_used = score is not None and score.sha256 == sha256
        if not is_used and all(job.score_sha256 != sha256 for job in self._all_jobs(session_id)):
            self._objects.delete(score_object(session_id, sha256))

    def _remove_files(self, prefix: str) -> int:
        found = self._objects.find(prefix)
        for one in found:
            self._objects.delete(one.name)
        return len(found)

    def _stop_jobs(self, session_id: str) -> None:
        """Ask all jobs to stop, and give those that are sung a moment to do so."""
        running: list[Job] = []
        for job in self._all_jobs(session_id):
            if job.is_finished:
                continue
            with suppress(TooLate, OptionError):
                asked = change_job(self._jobs, job.job_id, partial(change.request_cancel, now=self._now()))
                if asked.is_finished:
                    with log_context(job_id=job.job_id, session_id=session_id):
                        log_job("job_canceled", asked)
                else:
                    running.append(asked)
        end = time.monotonic() + _STOPPING_SECONDS
        while running and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)
            running = [job for job in running if self._is_sung(job.job_id)]

    def _is_sung(self, job_id: str) -> bool:
        stored = self._jobs.read(job_id)
        return stored is not None and not stored.job.is_finished

    def _all_jobs(self, session_id: str) -> tuple[Job, ...]:
        jobs: list[Job] = []
        while page := self._jobs.of_session(session_id, limit=_PAGE, before=jobs[-1].job_id if jobs else None):
            jobs += page
        return tuple(jobs)


def session_unknown(session_id: str) -> OptionError:
    """The error for a session that is not there, or is somebody else's."""
    return OptionError(
        "session_unknown",
        f"There is no session {session_id[:80]!r}.",
        hint="It may have expired or been deleted; make a new one.",
    )


def score_missing(session_id: str) -> OptionError:
    """The error for a session that has no score yet."""
    return OptionError("score_missing", f"The session {session_id[:80]!r} has no score.", hint="Put one first.")


def plain_name(name: str) -> str:
    r"""The name of a file without its folders, and without what would not show.

    >>> plain_name("C:\\scores\\..\\Hymn.mxl"), plain_name("../")
    ('Hymn.mxl', 'score')
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(sign for sign in last if sign.isprintable()).strip()[:_MOST_NAME]
    return shown if shown not in ("", ".", "..") else "score"


def media_type_of(score: bytes) -> str:
    """What a score is, by its first bytes."""
    return SCORE_TYPES[0 if score.startswith(b"PK") else 1]


@contextmanager
def _already_there() -> Iterator[None]:
    """An object that is named by its content may be there already: it is the same."""
    try:
        yield
    except StorageError as error:
        if error.code != "storage_object_exists":
            raise
