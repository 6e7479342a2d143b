"""What is told of a voicebank once everything it has was opened: abilities and problems as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cantilena.errors import CantilenaError, VoicebankError
from cantilena.findings import Severity
from cantilena.voicebank.config import MelConfig
from cantilena.voicebank.library import VoicebankInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a voicebank.

    Attributes
    ----------
    code : str
        Stable, snake_case.
    severity : {"warning", "error"}
        An error keeps it from singing.
    file : str
        The file or folder at fault, from the voicebank's own folder, or absolute where it lies outside.
    message, hint : str
        What is wrong, in a sentence, and what can be done about it.
    """

    code: str
    severity: Severity
    file: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageAbilities:
    """What one stage of a voicebank is like.

    Attributes
    ----------
    name : {"durations", "pitch", "variance", "acoustic"}
        Which one.
    folder : str
        From the voicebank's own folder.
    speakers : tuple of str
        Names to choose from; empty where the model is not told who sings.
    languages : tuple of str
        Those with an id; empty where the model is not told the language.
    phonemes : int
        How many it knows, silence and breath included.
    sample_rate, hop_size : int
        Its frame grid.
    encoder : {"words", "phonemes"} or None
        What its linguistic model is told lengths of; None: it has none.
    sampling : {"steps", "speedup"} or None
        How its model samples; None: in one go.
    depth : {"share", "steps"} or None
        How it is told how much to sample; None: always all.
    curves : tuple of str
        Variance curves that it predicts, or, for the acoustic stage, that it is told.
    bytes : int
        Of its models.
    """

    name: str
    folder: str
    speakers: tuple[str, ...]
    languages: tuple[str, ...]
    phonemes: int
    sample_rate: int
    hop_size: int
    encoder: Literal["words", "phonemes"] | None
    sampling: Literal["steps", "speedup"] | None
    depth: Literal["share", "steps"] | None
    curves: tuple[str, ...]
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VocoderAbilities:
    """What the vocoder of a voicebank is like.

    Attributes
    ----------
    name, folder : str
        As it calls itself; from the voicebank's own folder, or absolute where it lies outside.
    shared : bool
        Whether it lies outside the voicebank.
    pitch_controllable : bool
        Whether it follows an f0 other than that of the spectrogram.
    mel : MelConfig
        The spectrogram it takes.
    bytes : int
        Of its model.
    """

    name: str
    folder: str
    shared: bool
    pitch_controllable: bool
    mel: MelConfig
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicebankReport:
    """What a voicebank is, what it can do, and what is wrong with it.

    Attributes
    ----------
    info : VoicebankInfo
        What it tells of itself.
    stages : tuple of StageAbilities
        Those that could be opened, in the order of singing.
    vocoder : VocoderAbilities or None
        None: there is none, or it cannot be opened.
    breath : bool
        Whether it can breathe audibly.
    controls : tuple of str
        What a singer can turn.
    problems : tuple of Problem
        Errors first.
    """

    info: VoicebankInfo
    stages: tuple[StageAbilities, ...]
    vocoder: VocoderAbilities | None
    breath: bool
    controls: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def singable(self) -> bool:
        """Whether nothing keeps it from singing."""
        return all(problem.severity != "error" for problem in self.problems)


def as_problem(error: CantilenaError, file: Path, folder: Path) -> Problem:
    """An error as a problem of the file that it names, else of the one given."""
    at_fault = error.file if isinstance(error, VoicebankError) and error.file is not None else file
    return Problem(
        code=error.code, severity="error", file=path_within(folder, at_fault), message=error.message, hint=error.hint
    )


def path_within(folder: Path, file: Path) -> str:
    """A file from the voicebank's own folder, with slashes; absolute where it lies outside."""
    return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else str(file)
