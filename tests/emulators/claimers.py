"""Many who want the same jobs, in one process: ``python -m tests.emulators.claimers WHERE NAME THREADS JOB...``.

``WHERE`` is an SQLite file, or ``firestore:PROJECT`` at FIRESTORE_EMULATOR_HOST. It says ``ready``, waits for a line,
claims the jobs one after the other in every thread, and prints one line ``JOB HOLDER`` for each that it won.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cantilena.ports.jobs import JobStore
from cantilena.service import job_changes as change
from cantilena.service.job_changes import TooLate
from cantilena.service.jobs import change_job


def open_store(where: str) -> JobStore:
    if where.startswith("firestore:"):
        from cantilena.adapters.firestore_client import FirestoreDatabase
        from cantilena.adapters.firestore_jobs import FirestoreJobs

        return FirestoreJobs(FirestoreDatabase(where.removeprefix("firestore:")))
    from cantilena.adapters.sqlite_jobs import SqliteJobs

    return SqliteJobs(Path(where))


def claim_all(store: JobStore, jobs: list[str], holder: str) -> None:
    for job_id in jobs:
        try:
            change_job(store, job_id, lambda job: change.claim(job, holder=holder, now=time.time()))
        except TooLate:
            continue
        sys.stdout.write(f"{job_id} {holder}\n")  # in one piece, as others write too


if __name__ == "__main__":
    place, name, threads, *wanted = sys.argv[1:]
    store = open_store(place)
    store.ping()
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(int(threads)) as crowd:
        list(crowd.map(lambda n: claim_all(store, wanted, f"{name}-{n}"), range(int(threads))))
