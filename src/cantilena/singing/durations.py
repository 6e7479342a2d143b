"""Step ``durations``: how long each phoneme lasts, in frames.

Conventions
-----------
The model predicts lengths, or a rule for a voicebank without one; anchors decide. Whatever begins on a beat begins
there, to the frame; the phonemes of a group share the time to the next anchor in the proportions predicted, the vowel
keeping a third of it at least. Consonants before a phrase, or after a rest inside it, keep their predicted lengths.
Where it is too crowded, phonemes are shortened, never dropped. Seconds become frames once, on their cumulative sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cantilena.singing.controls import NEUTRAL
from cantilena.singing.frames import keep_apart
from cantilena.singing.linguistic import encode_words
from cantilena.singing.results import (
    PADDING_FRAMES,
    Phoneme,
    PhonemeGroup,
    PhonemeSequence,
    PhonemeTiming,
    read_only,
)
from cantilena.singing.speaker_mix import speaker_input
from cantilena.units import seconds_to_frames
from cantilena.voicebank.symbols import BREATH, SILENCE

if TYPE_CHECKING:
    from cantilena.singing.controls import Controls
    from cantilena.voicebank import Voicebank
    from cantilena.voicebank.dictionary import Kind

_SHORTEST_CONSONANT: Final = 0.02
_SHORTEST_SILENCE: Final = 0.02
_LEAST_VOWEL_SHARE: Final = 1.0 / 3.0
_LEAST_SHARE_BEFORE_REST: Final = 0.5  # of a note, when the consonants after a short rest reach back into it
_BREATH_SECONDS: Final = (0.15, 0.4)
_USUAL_SECONDS: Final[Mapping[Kind, float]] = MappingProxyType({"vowel": 0.1, "glide": 0.06, "consonant": 0.08})

_Seconds = NDArray[np.float64]


def predict_durations(
    sequence: PhonemeSequence, voicebank: Voicebank, speaker: str | None, controls: Controls = NEUTRAL
) -> PhonemeTiming:
    """Predict the lengths of a phrase's phonemes and fit them to its beats.

    Parameters
    ----------
    sequence : PhonemeSequence
        From ``align``.
    voicebank : Voicebank
        Whose duration model predicts.
    speaker : str or None
        Who sings.
    controls : Controls
        What is turned, on the phrase's clock; here, who else sings.

    Returns
    -------
    PhonemeTiming
        On the frame grid of the voicebank's audio, padded with silence.
    """
    predicted = _predict(sequence, voicebank, speaker, controls)
    fitted = fit_to_anchors(sequence, predicted)
    return to_frames(fitted, frame_seconds=voicebank.frame_seconds)


def _predict(
    sequence: PhonemeSequence, voicebank: Voicebank, speaker: str | None, controls: Controls
) -> list[_Seconds]:
    """Predicted seconds for the phonemes of each group."""
    stage, groups = voicebank.durations, sequence.groups
    if "dur" not in stage.models:
        return lengths_by_rule(sequence)
    symbols = [phoneme.symbol for group in groups for phoneme in group.phonemes]
    sizes = [len(group.phonemes) for group in groups]
    anchors = np.array([*(group.onset for group in groups), sequence.offset])
    word_dur = np.maximum(np.diff(np.floor(anchors / stage.frame_seconds)), 1).astype(np.int64)
    encoder_out, x_masks = encode_words(stage, symbols, word_div=sizes, word_dur=word_dur)
    model = stage.models["dur"]
    tones = np.clip(np.rint(np.repeat([group.midi for group in groups], sizes)), 0, 127).astype(np.int64)
    frames = model.run(
        {
            "encoder_out": encoder_out,
            "x_masks": x_masks,
            "ph_midi": tones[None, :],
            **speaker_input(stage, model, speaker, controls, _provisional_times(anchors, sizes)),
        },
        outputs=("ph_dur_pred",),
        size=len(symbols),
    )["ph_dur_pred"]
    seconds = np.maximum(frames.reshape(-1).astype(np.float64), 0.0) * stage.frame_seconds
    return np.split(seconds, np.cumsum(sizes)[:-1])


def lengths_by_rule(sequence: PhonemeSequence) -> list[_Seconds]:
    """Seconds for the phonemes of each group where no model tells them: vowels have what consonants leave."""
    anchors = [*(group.onset for group in sequence.groups), sequence.offset]
    lengths = []
    for group, (begin, end) in zip(sequence.groups, pairwise(anchors), strict=True):
        seconds = np.array([_USUAL_SECONDS[phoneme.kind] for phoneme in group.phonemes])
        vowels = np.array([phoneme.kind == "vowel" for phoneme in group.phonemes])
        left = end - begin - seconds[~vowels].sum()
        if vowels.any():
            seconds[vowels] = max(left / vowels.sum(), _USUAL_SECONDS["vowel"])
        if group.is_rest:
            seconds[0] = _BREATH_SECONDS[1]
        lengths.append(seconds)
    return lengths


def _provisional_times(anchors: _Seconds, sizes: Sequence[int]) -> _Seconds:
    """Where phonemes would be if those of a group were equally long, [shape=(n_phonemes,)]."""
    shares = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes])
    return np.asarray(np.repeat(anchors[:-1], sizes) + shares * np.repeat(np.diff(anchors), sizes))


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedGroup:
    """Phonemes of a group with their lengths in seconds."""

    phonemes: tuple[Phoneme, ...]
    seconds: _Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedSequence:
    """Phonemes laid end to end, without padding.

    Attributes
    ----------
    groups : tuple of FittedGroup
        The head first, which may be empty.
    onset : float
        Seconds: the first beat, where the second group begins.
    """

    groups: tuple[FittedGroup, ...]
    onset: float


def fit_to_anchors(sequence: PhonemeSequence, predicted: Sequence[_Seconds]) -> FittedSequence:
    """Lay predicted lengths between the anchors of a phrase.

    Parameters
    ----------
    sequence : PhonemeSequence
        Groups and their anchors.
    predicted : sequence of arrays
        Seconds of the phonemes of each group, each >= 0.
    """
    groups = sequence.groups
    n_head = next((k for k, group in enumerate(groups) if not group.is_rest), len(groups))
    head = _fit_head(groups[:n_head], predicted[:n_head], sequence.head_room)
    sung, lengths = groups[n_head:], predicted[n_head:]
    anchors = _anchors(sung, lengths, sequence.offset)
    fitted = [
        _fit_rest(group, seconds, end - begin) if group.is_rest else _fit_sung(group, seconds, end - begin)
        for group, seconds, (begin, end) in zip(sung, lengths, pairwise(anchors), strict=True)
    ]
    return FittedSequence(groups=(head, *fitted), onset=anchors[0])


def _fit_head(groups: Sequence[PhonemeGroup], predicted: Sequence[_Seconds], room: float) -> FittedGroup:
    """The consonants before the first beat as predicted, after a breath where there is room for one."""
    phonemes = [phoneme for group in groups for phoneme in group.phonemes]
    seconds = np.concatenate(predicted) if predicted else np.zeros(0)
    leads = np.array([phoneme.note is not None for phoneme in phonemes], dtype=bool)
    kept = _shrink(np.maximum(seconds[leads], _SHORTEST_CONSONANT), room)
    consonants = tuple(phoneme for phoneme in phonemes if phoneme.note is not None)
    for k, phoneme in enumerate(phonemes):
        if phoneme.symbol == BREATH:
            breath = min(float(np.clip(seconds[k], *_BREATH_SECONDS)), room - float(kept.sum()))
            if breath >= _BREATH_SECONDS[0]:
                return FittedGroup(phonemes=(phoneme, *consonants), seconds=np.array([breath, *kept]))
    return FittedGroup(phonemes=consonants, seconds=kept)


def _anchors(groups: Sequence[PhonemeGroup], predicted: Sequence[_Seconds], offset: float) -> list[float]:
    """Onset of each group and the end; a rest begins early when the consonants after it need its time."""
    anchors = [group.onset for group in groups] + [offset]
    for k, group in enumerate(groups):
        if group.is_rest and k:
            needed = _SHORTEST_SILENCE + float(np.maximum(predicted[k][1:], _SHORTEST_CONSONANT).sum())
            earliest = anchors[k - 1] + _LEAST_SHARE_BEFORE_REST * (anchors[k] - anchors[k - 1])
            anchors[k] = min(anchors[k], max(anchors[k + 1] - needed, earliest))
    return anchors


def _fit_rest(group: PhonemeGroup, predicted: _Seconds, room: float) -> FittedGroup:
    """Silence, then consonants as predicted."""
    kept = _shrink(np.maximum(predicted[1:], _SHORTEST_CONSONANT), max(room - _SHORTEST_SILENCE, 0.5 * room))
    return FittedGroup(phonemes=group.phonemes, seconds=np.array([room - kept.sum(), *kept]))


def _fit_sung(group: PhonemeGroup, predicted: _Seconds, room: float) -> FittedGroup:
    """All phonemes in proportion; the vowels keep their least share."""
    weights = np.maximum(predicted, 1e-3)
    vowels = np.array([phoneme.kind == "vowel" for phoneme in group.phonemes])
    share = weights[vowels].sum() / weights.sum()
    if vowels.any() and share < _LEAST_VOWEL_SHARE:
        weights = np.where(
            vowels, weights * _LEAST_VOWEL_SHARE / share, weights * (1.0 - _LEAST_VOWEL_SHARE) / (1.0 - share)
        )
    return FittedGroup(phonemes=group.phonemes, seconds=room * weights / weights.sum())


def _shrink(seconds: _Seconds, room: float) -> _Seconds:
    total = float(seconds.sum())
    return seconds if total <= room else seconds * (room / total)


def to_frames(fitted: FittedSequence, *, frame_seconds: float) -> PhonemeTiming:
    """Put a phrase on the frame grid, with silence at either end.

    Every phoneme gets a frame at least. Where a group has fewer frames than phonemes it takes them from its
    neighbours; everywhere else anchors stay where rounding puts them, at most a frame late.
    """
    padding = Phoneme(symbol=SILENCE, kind="vowel", note=None)
    seconds = np.concatenate([[PADDING_FRAMES * frame_seconds], *(group.seconds for group in fitted.groups)])
    edges = np.concatenate([[0], np.cumsum(seconds_to_frames(seconds, frame_seconds=frame_seconds))])
    sizes = np.array([len(group.phonemes) for group in fitted.groups])
    borders = np.concatenate([[0, 1], 1 + np.cumsum(sizes)])
    edges[borders] = keep_apart(edges[borders], np.array([PADDING_FRAMES, *sizes]))
    for begin, end in pairwise(borders[1:]):
        edges[begin : end + 1] = keep_apart(edges[begin : end + 1], np.ones(end - begin, dtype=np.int64))
    head = float(fitted.groups[0].seconds.sum())
    return PhonemeTiming(
        phonemes=(padding, *(phoneme for group in fitted.groups for phoneme in group.phonemes), padding),
        durations=read_only(np.append(np.diff(edges), PADDING_FRAMES).astype(np.int64)),
        frame_seconds=frame_seconds,
        offset=fitted.onset - head - PADDING_FRAMES * frame_seconds,
    )
