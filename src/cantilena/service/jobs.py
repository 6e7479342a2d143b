"""Changing jobs where several processes do so at once."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from typing import Final

from cantilena.errors import OptionError
from cantilena.ports.jobs import Job, JobStore, JobStoreError

_TRIES: Final = 50


def holder_name(name: str) -> str:
    """What a process is called in leases: no two processes have it, nor two lives of one."""
    return f"{name}-{os.getpid()}-{secrets.token_hex(4)}"


def change_job(store: JobStore, job_id: str, change: Callable[[Job], Job]) -> Job:
    """Read a job, change it and write it; begin anew when somebody else wrote it meanwhile.

    Parameters
    ----------
    store : JobStore
        Where it is kept.
    job_id : str
        Which one.
    change : callable
        One of :mod:`cantilena.service.job_changes`; called again after a collision.

    Returns
    -------
    Job
        As it was written, or as it was when the change left it as it is.

    Raises
    ------
    OptionError
        ``job_unknown``.
    TooLate
        What the change raises.
    JobStoreError
        ``jobs_unreachable``; ``job_changed`` when others were always first.
    """
    for attempt in range(_TRIES):
        stored = store.read(job_id)
        if stored is None:
            raise job_unknown(job_id)
        changed = change(stored.job)
        if changed == stored.job:
            return changed
        try:
            store.write(changed, revision=stored.revision)
        except JobStoreError as error:
            if error.code == "job_missing":
                raise job_unknown(job_id) from error
            if error.code != "job_changed" or attempt == _TRIES - 1:
                raise
        else:
            return changed
    raise AssertionError("unreachable")


def job_unknown(job_id: str) -> OptionError:
    """The error for a job that is not there, or is somebody else's."""
    return OptionError(
        "job_unknown", f"There is no job {job_id[:80]!r}.", hint="It may have expired; ask for the list."
    )
