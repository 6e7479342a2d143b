"""Processes that are killed while they write: what they were told is written is there, and the file is whole."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from cantilena.adapters.sqlite_jobs import SqliteJobs
from tests.conftest import ROOT

KILLS = int(os.environ.get("CANTILENA_TEST_KILLS", "4"))
WRITER = """
import sys, time
from dataclasses import replace
from pathlib import Path
from cantilena.adapters.sqlite_jobs import SqliteJobs
from cantilena.ports.jobs import Job

jobs, name = SqliteJobs(Path(sys.argv[1])), sys.argv[2]
for n in range(1_000_000):
    now = time.time()
    job = Job(job_id=f"{name}-{n}", session_id=name, owner="o", created_at=now, updated_at=now, expires_at=now + 3600)
    jobs.create(job)
    jobs.write(replace(job, message="x" * 500), revision=jobs.read(job.job_id).revision)
    print(job.job_id, flush=True)
"""


def test_what_was_written_before_a_process_was_killed_is_there(tmp_path: Path) -> None:
    chance = random.Random(KILLS)
    file = tmp_path / "cantilena.sqlite"
    told = 0
    for kill in range(KILLS):
        command = [sys.executable, "-c", WRITER, str(file)]
        pair = [
            subprocess.Popen([*command, f"k{kill}{name}"], cwd=ROOT, stdout=subprocess.PIPE, text=True) for name in "ab"
        ]
        first = [process.stdout.readline() for process in pair]
        time.sleep(chance.uniform(0.0, 0.3))
        for process in pair:
            process.send_signal(signal.SIGKILL)
        written = [line for process in pair for line in process.communicate()[0].splitlines(keepends=True)]
        store = SqliteJobs(file)
        for line in first + [line for line in written if line.endswith("\n")]:
            assert store.read(line.strip()).job.message == "x" * 500
            told += 1
        store.close()
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert told > 2 * KILLS
