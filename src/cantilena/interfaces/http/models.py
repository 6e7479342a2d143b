"""The documents of the HTTP interface, as OpenAPI describes them; what a client sends is checked against them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cantilena.service.song_wishes import SongWishes

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
JobStatus = Literal["queued", "running", "succeeded", "failed", "canceled"]
Step = Literal["align", "durations", "pitch", "variance", "synthesize_audio", "postprocess"]
MAX_WAIT_SECONDS = 60


class Document(BaseModel):
    """Built when it is first needed, which for most of them is never: the server starts a tenth of a second sooner."""

    model_config = ConfigDict(defer_build=True)


class Curve(Document):
    """A control over time, in seconds of the audio."""

    model_config = ConfigDict(extra="forbid", strict=True)

    times: Annotated[list[float], Field(max_length=20_000)]
    values: Annotated[list[float], Field(max_length=20_000)]


class SongRequest(Document):
    """How the session's score is to be sung: the options of `cantilena sing`, all of them optional."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    part: Name | None = Field(default=None, description="Part name or id; default: the topmost with words.")
    verse: Name | None = Field(default=None, description="One verse throughout; default: verse N on pass N.")
    measures: Name | None = Field(default=None, description="'A-B' or 'A', as printed; default: all.")
    chord_note: Name = Field(default="top", description="top, bottom or a number from the top.")
    vocalise: Name | None = Field(default=None, description="Syllable for a part without words, such as 'la'.")
    voicebank: Name | None = Field(default=None, description="Id from /voicebanks; default: the built-in voice.")
    speaker: Name | None = Field(default=None, description="Default: the one whose range fits best.")
    language: Name = Field(default="en", description="Code of the words' language.")
    transpose: int = Field(default=0, ge=-24, le=24, description="Semitones.")
    tempo: float = Field(default=1.0, ge=0.25, le=4.0, description="Factor.")
    expression: float = Field(default=1.0, ge=0.0, le=1.0, description="How much vibrato, drift and breath; 0 is none.")
    pronunciations: dict[Name, Name] = Field(
        default_factory=dict, max_length=10_000, description="Word to phonemes: {'Shiloh': 'SH AY L OW'}."
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="The same seed gives the same take.")
    quality: Literal["draft", "normal", "best"] = "normal"
    steps: int | None = Field(default=None, ge=1, le=1000, description="Sampling steps instead of quality.")
    precision: Literal["fp32", "int8"] = "fp32"
    controls: dict[Name, float | Curve] = Field(
        default_factory=dict,
        max_length=50,
        description="gender, velocity, energy, breathiness, voicing, tension, pitch_expression, tone_shift or "
        "speaker:NAME to a number or a curve.",
    )
    format: Literal["wav", "flac", "mp3", "opus"] = Field(default="wav", description="Of the audio.")
    cache: bool = Field(default=True, description="Reuse phrases sung before; the samples are the same.")

    def wishes(self) -> SongWishes:
        """What is asked for, as the service takes it."""
        return SongWishes.from_json(self.model_dump(mode="json", exclude_none=True))


class ProblemDocument(Document):
    """What went wrong (RFC 9457); `part` and `measure` where a score is at fault, `errors` where several values are."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable, snake_case.")
    hint: str
    retryable: bool = Field(description="Whether the same request may succeed later.")
    part: str | None = None
    measure: str | None = None
    errors: list[dict[str, str]] | None = None


class SessionScoreDocument(Document):
    """The score of a session."""

    name: str
    sha256: str
    bytes: int
    duration_seconds: float


class SessionDocument(Document):
    """A session."""

    session_id: str
    created_at: str
    expires_at: str
    score: SessionScoreDocument | None


class Span(Document):
    """MIDI numbers, lowest and highest."""

    low: float | None
    high: float | None


class PartDocument(Document):
    """A line that can be sung."""

    id: str
    name: str
    verses: list[str]
    languages: list[str]
    range: Span
    notes: int
    lyric_notes: int
    sung: bool = Field(description="Sung when no part is named.")


class TempoDocument(Document):
    """A tempo mark."""

    measure: str
    bpm: float | None
    text: str | None


class WarningDocument(Document):
    """Something that is not sung, or sung otherwise than written."""

    code: str
    message: str
    part: str | None
    measure: str | None


class ScoreDocument(Document):
    """What is in a score, as `cantilena parse --json` tells it."""

    title: str | None
    composer: str | None
    parts: list[PartDocument]
    measures: int
    expanded_measures: int
    duration_seconds: float
    tempi: list[TempoDocument]
    warnings: list[WarningDocument]


class JobErrorDocument(Document):
    """Why a job failed."""

    code: str
    message: str
    hint: str
    retryable: bool
    part: str | None
    measure: str | None


class SungBy(Document):
    """Who sang."""

    id: str
    version: str


class OutputDocument(Document):
    """A file that a job made."""

    name: str
    kind: Literal["audio", "timings", "score"]
    format: str
    bytes: int
    sha256: str
    duration_seconds: float | None
    sample_rate: int | None
    url: str = Field(description="Signed; good for hours.")


class ProgressDocument(Document):
    """How far the newest job of a session is; `{"status": "idle"}` before the first."""

    status: JobStatus | Literal["idle"]
    step: Step | None = None
    message: str | None = None
    progress: float | None = Field(default=None, ge=0, le=1)
    audio_url: str | None = None
    error: JobErrorDocument | None = None
    job_id: str | None = None
    updated_at: str | None = None


class JobDocument(Document):
    """A job."""

    job_id: str
    session_id: str
    status: JobStatus
    step: Step | None
    message: str
    progress: float = Field(ge=0, le=1)
    audio_url: str | None
    error: JobErrorDocument | None
    created_at: str
    started_at: str | None
    updated_at: str
    finished_at: str | None
    expires_at: str
    seq: int
    attempt: int
    cancel_requested: bool
    request: dict[str, Any]
    score_sha256: str
    voicebank: SungBy | None
    outputs: list[OutputDocument]
    warnings: list[WarningDocument]
    timings_ms: dict[str, float]
    audio_seconds: float | None
    rtf: float | None


class JobList(Document):
    """Jobs, newest first."""

    jobs: list[JobDocument]
    next_cursor: str | None = Field(description="Where the next page begins; none: this is the last.")


class VoicebankDocument(Document):
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
    problem: str | None


class VoicebankList(Document):
    """The voicebanks that can sing here."""

    voicebanks: list[VoicebankDocument]


class HealthDocument(Document):
    """That the process answers."""

    status: Literal["ok"]
    version: str


class ReadyDocument(Document):
    """What the process needs, and whether it has it."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, str] = Field(description="By name: ok, or what is wrong.")
