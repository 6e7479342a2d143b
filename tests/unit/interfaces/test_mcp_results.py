"""What the tools give is bounded, and says so."""

from __future__ import annotations

from cantilena.interfaces.mcp.results import JobResult
from cantilena.ports.jobs import Job, JobWarning


def job_with(warnings: int) -> Job:
    found = tuple(
        JobWarning(code="tie_odd", message=f"Tie {number}.", measure=str(number)) for number in range(warnings)
    )
    return Job(job_id="j", session_id="s", owner="o", created_at=1.0, updated_at=1.0, expires_at=2.0, warnings=found)


def test_warnings_that_are_not_told_are_counted() -> None:
    told = JobResult.of(job_with(203)).warnings
    assert [one.measure for one in told[:-1]] == [str(number) for number in range(200)]
    assert (told[-1].code, told[-1].message) == ("warnings_left_out", "There are 3 more remarks like these.")


def test_few_warnings_are_all_told() -> None:
    assert len(JobResult.of(job_with(200)).warnings) == 200
