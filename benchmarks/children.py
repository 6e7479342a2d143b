"""Run a command as a child and tell what it cost: seconds by the clock, and the most memory it ever held."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.places import ROOT

_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss
_MEGABYTE = 1e6


class ChildFailed(Exception):
    """A measured command did not end well; the message holds the end of what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRun:
    """What a finished command cost.

    Attributes
    ----------
    seconds : float
        By the clock, start-up included.
    cpu_seconds : float
        On all cores together: hardly more on a busy machine than on an idle one.
    peak_mb : float
        Largest resident memory, in 10**6 bytes.
    output : str
        Its standard output.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


def run_child(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> ChildRun:
    """Run a command from the repository root until it ends.

    Raises
    ------
    ChildFailed
        When its exit status is not 0.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=ROOT, env=_usual_environment() | dict(environment or {}), stdout=out, stderr=err
        )
        # wait4 tells what this child used; resource.getrusage would tell the largest of all children so far.
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if child.returncode:
            said = err.read().decode(errors="replace").strip()[-500:]
            raise ChildFailed(f"{' '.join(map(str, command[:4]))} ... ended with {child.returncode}: {said}")
        return ChildRun(
            seconds=seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_mb=usage.ru_maxrss * _MAXRSS_BYTES / _MEGABYTE,
            output=out.read().decode(),
        )


def _usual_environment() -> dict[str, str]:
    """The environment of this process, but compiled modules are kept between runs, as on a user's machine."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
