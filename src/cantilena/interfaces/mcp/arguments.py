"""What the tools take: the options of the command line, under the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from cantilena.interfaces.mcp.catalogue import Arguments
from cantilena.service.file_access import MAX_PATH

if TYPE_CHECKING:
    from cantilena.service.song_wishes import SongWishes

MAX_MUSICXML: Final = 4_000_000
MAX_WAIT_SECONDS: Final = 600
_NO_WISHES: Final = {"path", "musicxml", "wait_seconds", "embed_audio"}

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=MAX_PATH)]
JobId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
AudioFormat = Literal["wav", "flac", "mp3", "opus"]
Wait = Annotated[float, Field(ge=0, le=MAX_WAIT_SECONDS, description="Longest wait in seconds.")]


class Curve(Arguments):
    """A control over time, in seconds of the audio."""

    times: Annotated[list[float], Field(max_length=20_000)]
    values: Annotated[list[float], Field(max_length=20_000)]


class ScoreArguments(Arguments):
    """A score, by path or as text."""

    path: Path | None = Field(default=None, description="MusicXML file (.musicxml, .xml, .mxl) in the server's folder.")
    musicxml: Annotated[str, StringConstraints(max_length=MAX_MUSICXML)] | None = Field(
        default=None, description="The score itself, instead of a path."
    )

    @model_validator(mode="after")
    def _one_score(self) -> ScoreArguments:
        if (self.path is None) == (self.musicxml is None):
            raise ValueError("give either path or musicxml")
        return self


class ParseArguments(ScoreArguments):
    """What ``parse_score`` takes."""

    notes: bool = Field(default=False, description="List each part's sung notes too; long.")


class SongArguments(ScoreArguments):
    """A score and the options of ``sing``."""

    part: Name | None = Field(default=None, description="Part name or id; default: the topmost with words.")
    verse: Name | None = Field(default=None, description="One verse throughout; default: verse N on pass N.")
    measures: Name | None = Field(default=None, description="'A-B' or 'A', as printed; default: all.")
    chord_note: Name = Field(default="top", description="top, bottom or a number from the top.")
    vocalise: Name | None = Field(default=None, description="Syllable for a part without words, such as 'la'.")
    voicebank: Name | None = Field(default=None, description="Id from list_voicebanks; default: the built-in voice.")
    speaker: Name | None = Field(default=None, description="Default: the one whose range fits best.")
    language: Name = Field(default="en", description="Code of the words' language.")
    transpose: int = Field(default=0, ge=-24, le=24, description="Semitones.")
    tempo: float = Field(default=1.0, ge=0.25, le=4.0, description="Factor.")
    expression: float = Field(default=1.0, ge=0.0, le=1.0, description="How much vibrato, drift and breath; 0 is none.")
    pronunciations: dict[Name, Name] = Field(
        default_factory=dict, max_length=1000, description="Word to phonemes (ARPAbet): {'Shiloh': 'SH AY L OW'}."
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="The same seed gives the same take.")
    quality: Literal["draft", "normal", "best"] = "normal"
    steps: int | None = Field(default=None, ge=1, le=1000, description="Sampling steps instead of quality.")
    precision: Literal["fp32", "int8"] = "fp32"
    device: Literal["cpu", "cuda", "coreml", "directml"] = "cpu"
    controls: dict[Name, float | Curve] = Field(
        default_factory=dict,
        max_length=50,
        description="gender, velocity, energy, breathiness, voicing, tension, pitch_expression, tone_shift or "
        "speaker:NAME to a number or a curve.",
    )

    def wishes(self) -> SongWishes:
        """What is asked for, as the service takes it."""
        from cantilena.service.song_wishes import SongWishes

        return SongWishes.from_json(self.model_dump(mode="json", exclude_none=True, exclude=_NO_WISHES))


class SynthesizeArguments(SongArguments):
    """What ``synthesize`` takes."""

    format: AudioFormat = Field(default="flac", description="Of the audio.")
    cache: bool = Field(default=True, description="Reuse phrases sung before; the samples are the same.")
    wait_seconds: Wait = 45
    embed_audio: bool = Field(
        default=False,
        description="Put the audio into the answer too: mp3 or opus, at most 1 MB; it fills the conversation.",
    )

    @model_validator(mode="after")
    def _small_audio(self) -> SynthesizeArguments:
        if self.embed_audio and self.format not in ("mp3", "opus"):
            raise ValueError("embed_audio needs the format mp3 or opus")
        return self


class VoicebankArguments(Arguments):
    """What ``get_voicebank_info`` takes."""

    voicebank: Name = Field(description="Id from list_voicebanks.")


class NoArguments(Arguments):
    """Nothing."""


class JobArguments(Arguments):
    """What ``cancel_job`` takes."""

    job_id: JobId


class WaitArguments(JobArguments):
    """What ``get_job`` takes."""

    wait_seconds: Wait = 0


class ListJobsArguments(Arguments):
    """What ``list_jobs`` takes."""

    limit: int = Field(default=20, ge=1, le=100)


class SaveArguments(JobArguments):
    """What ``save_audio`` takes."""

    path: Path = Field(description="File to write, in the server's folder.")
    format: AudioFormat | None = Field(default=None, description="Default: told by the suffix.")
    overwrite: bool = Field(default=False, description="Write over a file that exists.")
