"""What the tools give, as the contract of the interfaces has it; texts out of scores are bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from cantilena.interfaces.mcp.errors import as_arguments, bounded, one_line

if TYPE_CHECKING:
    from cantilena.api import Check
    from cantilena.findings import Finding
    from cantilena.ports.jobs import Job, JobOutput, JobWarning
    from cantilena.score.describe import ScoreDescription
    from cantilena.voicebank import VoicebankInfo
    from cantilena.voicebank.report import VoicebankReport

_MOST = 200  # findings; a score of a thousand pages may have more
_LONGEST_LIST = 10_000


class Warned(BaseModel):
    """Something that is not sung, or sung otherwise than written."""

    code: str
    message: str
    part: str | None = None
    measure: str | None = None

    @classmethod
    def of(cls, finding: Finding | JobWarning) -> Warned:
        """One finding."""
        return cls(
            code=finding.code, message=one_line(finding.message), part=bounded(finding.part),
            measure=bounded(finding.measure),
        )  # fmt: skip


class Found(Warned):
    """One answer to "can it be sung like this?"."""

    severity: Literal["warning", "error"]
    hint: str = ""


class Span(BaseModel):
    """MIDI numbers, lowest and highest."""

    low: float | None = None
    high: float | None = None


class SungNote(BaseModel):
    """A note in the order it is sung."""

    measure: str
    onset_beats: float
    duration_beats: float
    midi: float
    lyric: str | None = None
    syllabic: str | None = None
    verse: str | None = None


class Part(BaseModel):
    """A line that can be sung."""

    id: str
    name: str
    verses: list[str]
    languages: list[str]
    range: Span
    notes: int
    lyric_notes: int
    sung: bool
    melody: list[SungNote] | None = None


class Tempo(BaseModel):
    """A tempo mark."""

    measure: str
    bpm: float | None = None
    text: str | None = None


class ScoreResult(BaseModel):
    """What is in a score."""

    title: str | None = None
    composer: str | None = None
    parts: list[Part]
    measures: int
    expanded_measures: int
    duration_seconds: float
    tempi: list[Tempo]
    warnings: list[Warned]

    @classmethod
    def of(cls, description: ScoreDescription) -> ScoreResult:
        """The document of ``parse --json``, bounded."""
        return cls.model_validate(_bounded(description.to_json()))


class CheckResult(BaseModel):
    """Whether a score can be sung as asked."""

    singable: bool
    phrases: int
    duration_seconds: float
    findings: list[Found]

    @classmethod
    def of(cls, check: Check) -> CheckResult:
        """The document of ``check --json``, bounded."""
        return cls(
            singable=check.singable,
            phrases=check.phrases,
            duration_seconds=check.duration_seconds,
            findings=[
                Found(
                    **Warned.of(finding).model_dump(),
                    severity=finding.severity,
                    hint=one_line(as_arguments(finding.hint)),
                )
                for finding in check.findings[:_MOST]
            ],
        )


class Voicebank(BaseModel):
    """A voicebank at a glance."""

    id: str
    name: str
    version: str
    languages: list[str]
    speakers: list[str]
    colours: dict[str, str]
    ranges: dict[str, Span]
    licence: str
    credits: str
    problem: str | None = None

    @classmethod
    def of(cls, info: VoicebankInfo) -> Voicebank:
        """What a voicebank tells of itself."""
        return cls.model_validate(_fields_of(info))


class VoicebankList(BaseModel):
    """The voicebanks at hand."""

    voicebanks: list[Voicebank]


class VoicebankDetails(Voicebank):
    """A voicebank, what it can do, and what is wrong with it."""

    breath: bool
    controls: list[str]
    problems: list[Warned]

    @classmethod
    def of_report(cls, report: VoicebankReport) -> VoicebankDetails:
        """What an opened voicebank is found to be."""
        problems = [Warned(code=one.code, message=one_line(one.message)) for one in report.problems[:_MOST]]
        return cls(**_fields_of(report.info), breath=report.breath, controls=list(report.controls), problems=problems)


class Output(BaseModel):
    """A file that a job made; read it as a resource."""

    name: str
    kind: str
    format: str
    bytes: int
    uri: str
    duration_seconds: float | None = None
    sample_rate: int | None = None

    @classmethod
    def of(cls, job_id: str, output: JobOutput) -> Output:
        """One output."""
        return cls(
            name=output.name, kind=output.kind, format=output.format, bytes=output.bytes,
            uri=output_uri(job_id, output.name), duration_seconds=output.duration_seconds,
            sample_rate=output.sample_rate,
        )  # fmt: skip


class SungBy(BaseModel):
    """Who sang."""

    id: str
    version: str


class JobBrief(BaseModel):
    """A job in a list."""

    job_id: str
    status: Literal["queued", "running", "succeeded", "failed", "canceled"]
    step: str | None = None
    progress: float
    created_at: str

    @classmethod
    def of(cls, job: Job) -> JobBrief:
        """One job."""
        return cls(**_brief(job))


class JobList(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobBrief]


class JobError(BaseModel):
    """Why a job failed."""

    code: str
    message: str
    hint: str = ""
    retryable: bool = False


class JobResult(JobBrief):
    """A job; once it succeeded, the song."""

    message: str | None = None
    duration_seconds: float | None = None
    outputs: list[Output] = []
    warnings: list[Warned] = []
    timings_ms: dict[str, float] = {}
    rtf: float | None = None
    voicebank: SungBy | None = None
    error: JobError | None = None

    @classmethod
    def of(cls, job: Job) -> JobResult:
        """Everything that a client may know of a job."""
        return cls(
            **_brief(job),
            message=job.message or None,
            duration_seconds=job.audio_seconds,
            outputs=[Output.of(job.job_id, output) for output in job.outputs],
            warnings=_told(job.warnings),
            timings_ms=dict(job.timings_ms),
            rtf=job.rtf,
            voicebank=SungBy(id=job.voicebank[0], version=job.voicebank[1]) if job.voicebank else None,
            error=JobError(
                code=job.error.code, message=one_line(job.error.message),
                hint=one_line(as_arguments(job.error.hint)), retryable=job.error.retryable,
            ) if job.error else None,
        )  # fmt: skip


class SavedAudio(BaseModel):
    """A file that was written."""

    path: str
    format: str
    bytes: int


def output_uri(job_id: str, name: str) -> str:
    """Where an output of a job is read."""
    return f"cantilena://jobs/{job_id}/outputs/{name}"


def _told(warnings: Sequence[JobWarning]) -> list[Warned]:
    """The first of them; of more, how many there are."""
    told = [Warned.of(warning) for warning in warnings[:_MOST]]
    left_out = len(warnings) - len(told)
    if left_out:
        told.append(Warned(code="warnings_left_out", message=f"There are {left_out} more remarks like these."))
    return told


def _brief(job: Job) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "status": job.status,
        "step": job.step or None,
        "progress": round(job.progress, 4),
        "created_at": datetime.fromtimestamp(job.created_at, UTC).isoformat(timespec="milliseconds"),
    }


def _fields_of(info: VoicebankInfo) -> dict[str, Any]:
    return {
        "id": info.id,
        "name": one_line(info.name, 200),
        "version": info.version,
        "languages": list(info.languages),
        "speakers": list(info.speakers),
        "colours": dict(info.colours),
        "ranges": {speaker: {"low": low, "high": high} for speaker, (low, high) in info.ranges.items()},
        "licence": one_line(info.licence),
        "credits": one_line(info.credits, 2000),
        "problem": one_line(info.problem) if info.problem else None,
    }


def _bounded(value: Any) -> Any:  # noqa: ANN401 -- any part of a document
    """The same document with every text in bounds, and lists of a length that somebody may read."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, Mapping):
        return {key: _bounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_bounded(item) for item in value[:_LONGEST_LIST]]
    return value
