"""What a client sees of sessions and jobs, as plain values of JSON; built by hand, for progress is asked for often."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from typing import Any

from cantilena.ports.jobs import Job, JobOutput
from cantilena.ports.sessions import Session
from cantilena.service.job_watch import Known
from cantilena.service.links import Links
from cantilena.service.object_names import output_route

Document = dict[str, Any]
IDLE: Document = {"status": "idle"}


def session_document(session: Session) -> Document:
    """A session, as its owner sees it."""
    score = session.score
    return {
        "session_id": session.session_id,
        "created_at": iso(session.created_at),
        "expires_at": iso(session.expires_at),
        "score": None
        if score is None
        else {"name": score.name, "sha256": score.sha256, "bytes": score.bytes, "duration_seconds": score.seconds},
    }


def progress_document(job: Job, links: Links) -> Document:
    """How far a job is."""
    return {
        "status": job.status,
        "step": job.step or None,
        "message": job.message,
        "progress": round(job.progress, 4),
        "audio_url": audio_url(job, links),
        "error": _error(job),
        "job_id": job.job_id,
        "updated_at": iso(job.updated_at),
    }


def job_document(job: Job, links: Links) -> Document:
    """A job, as its owner sees it: who runs it is nobody else's business."""
    return {
        "job_id": job.job_id,
        "session_id": job.session_id,
        "status": job.status,
        "step": job.step or None,
        "message": job.message,
        "progress": round(job.progress, 4),
        "audio_url": audio_url(job, links),
        "error": _error(job),
        "created_at": iso(job.created_at),
        "started_at": iso(job.started_at),
        "updated_at": iso(job.updated_at),
        "finished_at": iso(job.finished_at),
        "expires_at": iso(job.expires_at),
        "seq": job.seq,
        "attempt": job.attempt,
        "cancel_requested": job.cancel_requested,
        "request": dict(job.request),
        "score_sha256": job.score_sha256,
        "voicebank": None if job.voicebank is None else {"id": job.voicebank[0], "version": job.voicebank[1]},
        "outputs": [output_document(job, output, links) for output in job.outputs],
        "warnings": [
            {"code": one.code, "message": one.message, "part": one.part, "measure": one.measure} for one in job.warnings
        ],
        "timings_ms": dict(job.timings_ms),
        "audio_seconds": job.audio_seconds,
        "rtf": job.rtf,
    }


def output_document(job: Job, output: JobOutput, links: Links) -> Document:
    """A file that a job made, and a link to it."""
    return {
        "name": output.name,
        "kind": output.kind,
        "format": output.format,
        "bytes": output.bytes,
        "sha256": output.sha256,
        "duration_seconds": output.duration_seconds,
        "sample_rate": output.sample_rate,
        "url": _link(job, output.name, links),
    }


def audio_url(job: Job, links: Links) -> str | None:
    """A link to the audio, once there is some."""
    audio = next((output for output in job.outputs if output.kind == "audio"), None)
    return None if audio is None else _link(job, audio.name, links)


def etag_of(job: Job, links: Links) -> str:
    """The entity tag of whatever shows a job: another one whenever the job changes, or a link in it."""
    return f'"{job.job_id}.{job.seq}' + (f'.{zlib.crc32(links.edition.encode()):08x}"' if job.outputs else '"')


def known_of(if_none_match: str | None) -> Known | None:
    """What a client has seen, by its If-None-Match.

    >>> known_of('W/"3f2a.17"')
    Known(job_id='3f2a', seq=17)
    """
    for tag in _tags(if_none_match):
        job_id, _, rest = tag.strip('"').partition(".")
        seq = rest.partition(".")[0]
        if job_id and seq.isdecimal() and len(seq) <= 12:
            return Known(job_id=job_id, seq=int(seq))
    return None


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether a client has this very state already."""
    return if_none_match is not None and (if_none_match.strip() == "*" or etag in _tags(if_none_match))


def iso(seconds: float | None) -> str | None:
    """A moment as text, in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _link(job: Job, name: str, links: Links) -> str:
    return f"{output_route(job.session_id, job.job_id, name)}?token={links.token(job.job_id, name)}"


def _error(job: Job) -> Document | None:
    error = job.error
    if error is None:
        return None
    return {
        "code": error.code, "message": error.message, "hint": error.hint, "retryable": error.retryable,
        "part": error.part, "measure": error.measure,
    }  # fmt: skip


def _tags(header: str | None) -> list[str]:
    return [] if header is None else [tag.strip().removeprefix("W/") for tag in header.split(",")]
