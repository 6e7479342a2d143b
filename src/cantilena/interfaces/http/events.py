"""What happens to a job, as server-sent events.

Conventions
-----------
The id of an event is the ``seq`` of the job that it tells of. One change can be told in several events: only the last
of them has the id, so that a client that comes again after a broken stream is told all of a change or has all of it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Final

from cantilena.errors import CantilenaError
from cantilena.interfaces.http.documents import Document, job_document, progress_document
from cantilena.ports.jobs import Job
from cantilena.service.job_watch import JobWatch
from cantilena.service.links import Links

MEDIA_TYPE: Final = "text/event-stream"
_QUIET_SECONDS: Final = 15.0
_OUTAGE_SECONDS: Final = 2.0
_END_SECONDS: Final = 1800.0
_KEEP_ALIVE: Final = b": still there\n\n"
_RETRY: Final = b"retry: 2000\n\n"


async def job_events(job: Job, seen: int | None, *, watch: JobWatch, links: Links) -> AsyncIterator[bytes]:
    """The events of a job after those that a client has seen, until it is finished.

    A stream outlives an outage of the store. It ends after half an hour, or when this process does; clients come again
    by themselves and go on where they were.

    Parameters
    ----------
    job : Job
        As it is now.
    seen : int or None
        ``seq`` of the last event that the client has; None: none.
    watch, links
        Where news come from, and who signs links.
    """
    yield _RETRY
    told = -1 if seen is None else seen
    end = time.monotonic() + _END_SECONDS
    while time.monotonic() < end and not watch.is_closed:
        if job.seq > told:
            told = job.seq
            yield b"".join(_events(job, links))
        if job.is_finished:
            return
        try:
            later = await watch.wait(job.job_id, after_seq=told, seconds=_QUIET_SECONDS)
        except CantilenaError:  # a browser that is refused once does not come again
            yield _KEEP_ALIVE
            await asyncio.sleep(_OUTAGE_SECONDS)
            continue
        if later is None:
            return
        if later.seq <= told:
            yield _KEEP_ALIVE
        job = later


def _events(job: Job, links: Links) -> list[bytes]:
    """What there is to tell of a job that changed."""
    if not job.is_finished:
        return [_event("progress", progress_document(job, links), seq=job.seq)]
    document = job_document(job, links)
    warnings = [_event("warning", warning) for warning in document["warnings"]]
    outputs = [_event("output", output) for output in document["outputs"]]
    if job.status == "failed":
        return [_event("error", document["error"], seq=job.seq)]
    return [*warnings, *outputs, _event("done", document, seq=job.seq)]


def _event(name: str, document: Document, *, seq: int | None = None) -> bytes:
    number = f"id: {seq}\n" if seq is not None else ""
    return f"event: {name}\n{number}data: {json.dumps(document, ensure_ascii=False)}\n\n".encode()
