"""What each step of the pipeline gives to the next.

Conventions
-----------
Seconds count from the phrase's first onset, its own clock. Frame ``i`` of a phrase covers the samples
``[i * hop_size, (i + 1) * hop_size)`` of its waveform; values per frame are taken at the frame's middle. Arrays are
read-only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from cantilena.units import hz_to_midi
from cantilena.voicebank.dictionary import Kind

_Number = TypeVar("_Number", bound=np.generic)

PADDING_FRAMES = 8
"""Frames of silence before and after each phrase, in which its sound fades in and out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phoneme:
    """One phoneme to be sung.

    Attributes
    ----------
    symbol : str
        As the voicebank's stages know it, with its language prefix where it has one; ``SP``, ``AP``.
    kind : {"vowel", "glide", "consonant"}
        Silence and breath count as vowels, as they do for the models.
    note : int or None
        Id of the note it belongs to: a consonant before the beat belongs to the note it leads to. None for ``SP``
        and ``AP``.
    """

    symbol: str
    kind: Kind
    note: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonemeGroup:
    """Phonemes that share the time from one anchor to the next.

    Attributes
    ----------
    onset : float
        Seconds: where its first phoneme begins, exactly.
    midi : float
        Pitch of the note at the anchor.
    phonemes : tuple of Phoneme
        A group of rest begins with ``SP`` or ``AP``; any other with the sound on the beat. The consonants before the
        next beat end it.
    """

    onset: float
    midi: float
    phonemes: tuple[Phoneme, ...]

    @property
    def is_rest(self) -> bool:
        return self.phonemes[0].note is None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonemeSequence:
    """The phonemes of a phrase and the moments that bind them (step ``align``).

    Attributes
    ----------
    groups : tuple of PhonemeGroup
        In order. The first one is the silence before the phrase with the consonants before its first beat; its onset
        is provisional, as is that of a breath after it.
    offset : float
        Seconds: where the last group ends.
    head_room : float
        Seconds before the first beat that the phrase may use.
    """

    groups: tuple[PhonemeGroup, ...]
    offset: float
    head_room: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonemeTiming:
    """The phonemes of a phrase on the frame grid (step ``durations``).

    Attributes
    ----------
    phonemes : tuple of Phoneme
        With the silence of :data:`PADDING_FRAMES` at either end.
    durations : NDArray[np.int64] [shape=(n_phonemes,)]
        Frames, each >= 1.
    frame_seconds : float
        Length of a frame.
    offset : float
        Seconds: where the first frame begins.
    """

    phonemes: tuple[Phoneme, ...]
    durations: NDArray[np.int64]
    frame_seconds: float
    offset: float

    @property
    def n_frames(self) -> int:
        return int(self.durations.sum())

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(phoneme.symbol for phoneme in self.phonemes)

    @property
    def onsets(self) -> NDArray[np.float64]:
        """Seconds at which each phoneme begins, [shape=(n_phonemes,)]."""
        begins = np.cumsum(self.durations) - self.durations
        return np.asarray(self.offset + begins * self.frame_seconds, dtype=np.float64)

    @property
    def frame_times(self) -> NDArray[np.float64]:
        """Seconds at the middle of each frame, [shape=(n_frames,)]."""
        return np.asarray(self.offset + (np.arange(self.n_frames) + 0.5) * self.frame_seconds, dtype=np.float64)

    @property
    def control_times(self) -> NDArray[np.float64]:
        """When a control is read for each frame, [shape=(n_frames,)]; the silence at either end is as what is sung."""
        times = self.frame_times
        return np.asarray(np.clip(times, times[self.durations[0]], times[-1 - self.durations[-1]]))


@dataclass(frozen=True, slots=True, kw_only=True)
class PitchCurve:
    """The pitch of a phrase (step ``pitch``).

    Attributes
    ----------
    f0 : NDArray[np.float32] [shape=(n_frames,)]
        Hz, continuous through consonants and rests, never 0.
    source : {"model", "drawn"}
        Whether the voicebank's model gave it or a rule did.
    """

    f0: NDArray[np.float32]
    source: Literal["model", "drawn"]

    @property
    def midi(self) -> NDArray[np.float32]:
        """The same as fractional MIDI numbers."""
        return hz_to_midi(self.f0).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceCurves:
    """How a phrase is phonated, each [shape=(n_frames,)] or None where the voicebank has no such curve.

    Attributes
    ----------
    energy, breathiness, voicing : NDArray[np.float32] or None
        dB, -96..0; the voicing of some voicebanks is an amplitude pressed into that range.
    tension : NDArray[np.float32] or None
        Logit, -10..10.
    """

    energy: NDArray[np.float32] | None = None
    breathiness: NDArray[np.float32] | None = None
    voicing: NDArray[np.float32] | None = None
    tension: NDArray[np.float32] | None = None


def read_only(array: NDArray[_Number]) -> NDArray[_Number]:
    """The same array, protected from being changed."""
    array.flags.writeable = False
    return array
