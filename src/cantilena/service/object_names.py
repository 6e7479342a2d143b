"""What the files of sessions and jobs are called among the objects.

::

    sessions/<session id>/scores/<sha256>                          a score, by what is in it
    sessions/<session id>/jobs/<job id>/<attempt>/audio.wav        what an attempt made

Conventions
-----------
An attempt has names of its own, so that one that was believed dead and is not cannot touch what the next one writes.
"""

from __future__ import annotations

from typing import Final

SESSIONS: Final = "sessions/"
"""What the names of everything of the service begin with."""


def session_prefix(session_id: str) -> str:
    """What the names of everything of a session begin with."""
    return f"{SESSIONS}{session_id}/"


def jobs_prefix(session_id: str) -> str:
    """What the names of everything begin with that jobs of a session made; the id of the job follows."""
    return f"{session_prefix(session_id)}jobs/"


def score_object(session_id: str, sha256: str) -> str:
    """A score of a session."""
    return f"{session_prefix(session_id)}scores/{sha256}"


def output_object(session_id: str, job_id: str, attempt: int, name: str) -> str:
    """A file that an attempt at a job made."""
    return f"{jobs_prefix(session_id)}{job_id}/{attempt}/{name}"


def output_route(session_id: str, job_id: str, name: str) -> str:
    """Where the service gives a file that a job made."""
    return f"/sessions/{session_id}/jobs/{job_id}/outputs/{name}"
