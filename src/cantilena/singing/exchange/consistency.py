"""Whether results that somebody may have edited make sense and fit each other.

Conventions
-----------
The first thing that does not is raised, with its place in the document, what was expected and what was given. Limits
are wide: they keep out what no voice could sing and no machine could hold, not what sounds odd.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cantilena.errors import StageError
from cantilena.singing.exchange.plain import invalid
from cantilena.singing.variance import LIMITS, needed_curves
from cantilena.voicebank.bundle import CURVES

if TYPE_CHECKING:
    from cantilena.singing.exchange.songs import StageDocument
    from cantilena.singing.phrase import Phrase
    from cantilena.singing.pipeline import PhraseResults
    from cantilena.singing.results import Phoneme, PhonemeSequence, PhonemeTiming
    from cantilena.voicebank import Voicebank

LONGEST_SONG_SECONDS: Final = 4 * 3600.0
"""No phrase begins later."""
LONGEST_PHRASE_SECONDS: Final = 120.0
"""Six times what one breath allows: memory and time grow with it."""
F0_RANGE_HZ: Final = (10.0, 10_000.0)

_MIDI_RANGE: Final = (-36.0, 163.0)  # any written pitch, transposed as far as can be asked
_OFFSET_RANGE: Final = (-1.5, 0.4)  # seconds around a phrase's first onset in which its first frame may begin
_GAIN_RANGE_DB: Final = (-120.0, 40.0)
_LOUDEST_SAMPLE: Final = 16.0
_TOUCHING_SECONDS: Final = 1e-6
_ROUNDING: Final = 1e-4


def check_song(song: StageDocument) -> None:
    """Check a song and each of its phrases.

    Raises
    ------
    StageError
        As :func:`check_phrase`.
    """
    if not song.phrases:
        raise invalid("phrases", "is empty")
    for k, results in enumerate(song.phrases):
        if results.phrase.index != k:
            raise invalid(f"phrases[{k}].index", f"must be {k}, not {results.phrase.index}")
        check_phrase(results, f"phrases[{k}]")
        if k and results.onset < song.phrases[k - 1].onset:
            raise invalid(f"phrases[{k}].onset", "is earlier than that of the phrase before it")
    last = song.phrases[-1]
    _require("performance.duration", song.duration, 0.0, last.onset + LONGEST_PHRASE_SECONDS)
    for k, point in enumerate(song.loudness):
        _require(f"performance.loudness[{k}].gain", point.gain, *_GAIN_RANGE_DB)
        if k and point.time <= song.loudness[k - 1].time:
            raise invalid(f"performance.loudness[{k}].time", "is not later than that of the point before it")


def check_phrase(results: PhraseResults, where: str) -> None:
    """Check what a phrase has.

    Parameters
    ----------
    results : PhraseResults
        With the results of any steps.
    where : str
        Its place in the document, for messages: ``phrases[3]``.

    Raises
    ------
    StageError
        ``stage_invalid`` or ``stage_lengths_differ``.
    """
    _require(f"{where}.onset", results.onset, -1.0, LONGEST_SONG_SECONDS)
    _check_notes(results.phrase, where)
    notes = {note.id for note in results.phrase.notes}
    if results.sequence is not None:
        _check_sequence(results.sequence, notes, f"{where}.align")
    if results.timing is None:
        return
    _check_timing(results.timing, notes, f"{where}.durations")
    n_frames = results.timing.n_frames
    if results.pitch is not None:
        _check_length(where, "f0", results.pitch.f0, n_frames, step="pitch")
        _check_range(
            results.pitch.f0,
            *F0_RANGE_HZ,
            where=f"{where}.pitch.f0",
            hint="f0 is in Hz and goes on through rests and consonants; what is voiced is the model's to say.",
        )
    if results.variance is not None:
        for name in CURVES:
            curve = getattr(results.variance, name)
            if curve is not None:
                _check_length(where, name, curve, n_frames, step="variance")
                _check_range(curve, *LIMITS[name], where=f"{where}.variance.{name}")
    if results.waveform is not None:
        hop_size = round(results.timing.frame_seconds * results.waveform.sample_rate)
        samples = results.waveform.samples
        if len(samples) != n_frames * hop_size:
            raise StageError(
                "stage_lengths_differ",
                f"{where} has {len(samples)} samples, but its durations sum to {n_frames} frames of {hop_size} each.",
                hint="Run cantilena stage synthesize_audio again.",
            )
        if not (np.abs(samples) <= _LOUDEST_SAMPLE).all():  # also refuses NaN
            raise invalid(f"{where}.synthesize_audio.samples", f"holds values that are not within ±{_LOUDEST_SAMPLE:g}")


def check_for_voicebank(results: PhraseResults, voicebank: Voicebank, where: str) -> None:
    """Check that a voicebank can sing a phrase as it stands.

    Raises
    ------
    StageError
        ``stage_invalid``: it has a phoneme that no stage of the voicebank knows, or lacks a curve that is needed.
    """
    for phoneme in _phonemes(results):
        if not any(stage.symbols.find(phoneme.symbol) for stage in voicebank.stages):
            raise invalid(
                where,
                f"has the phoneme {phoneme.symbol!r}, which the voicebank {voicebank.id} does not know",
                hint="Use one of the voicebank's own phonemes.",
            )
    if results.variance is not None:
        for name in needed_curves(voicebank):
            if getattr(results.variance, name) is None:
                raise invalid(
                    f"{where}.variance",
                    f"has no {name}, with which the voicebank {voicebank.id} sings",
                    hint="Run cantilena stage variance again.",
                )


def _phonemes(results: PhraseResults) -> Sequence[Phoneme]:
    if results.timing is not None:
        return results.timing.phonemes
    groups = results.sequence.groups if results.sequence is not None else ()
    return [phoneme for group in groups for phoneme in group.phonemes]


def _check_notes(phrase: Phrase, where: str) -> None:
    notes = phrase.notes
    _require(f"{where}.breath_before", phrase.breath_before, 0.0, LONGEST_SONG_SECONDS)
    if not notes:
        raise invalid(f"{where}.notes", "is empty")
    if notes[0].onset != 0.0:
        raise invalid(f"{where}.notes[0].onset", f"must be 0, where the phrase begins, not {notes[0].onset:g}")
    for k, note in enumerate(notes):
        _require(f"{where}.notes[{k}].offset", note.offset, note.onset, LONGEST_PHRASE_SECONDS)
        _require(f"{where}.notes[{k}].midi", note.midi, *_MIDI_RANGE)
        for syllable in (*note.syllables, *((phrase.carried_vowel,) if phrase.carried_vowel else ())):
            if not 0 <= syllable.index < len(syllable.word.syllables):
                raise invalid(f"{where}.notes[{k}]", f"sings a syllable {syllable.index} that its word does not have")
            if "".join(syllable.word.syllables) != syllable.word.text or not syllable.word.text:
                raise invalid(f"{where}.notes[{k}]", "has a word that is not its syllables in a row")
    for k, (before, after) in enumerate(pairwise(notes), start=1):
        if after.id <= before.id or after.onset < before.offset - _TOUCHING_SECONDS or after.onset <= before.onset:
            raise invalid(f"{where}.notes[{k}]", "does not come after the note before it, by onset and id")


def _check_sequence(sequence: PhonemeSequence, notes: set[int], where: str) -> None:
    if not sequence.groups:
        raise invalid(f"{where}.groups", "is empty")
    _require(f"{where}.head_room", sequence.head_room, 0.0, 1.0)
    for k, group in enumerate(sequence.groups):
        place = f"{where}.groups[{k}]"
        if not group.phonemes:
            raise invalid(f"{place}.phonemes", "is empty")
        _check_phonemes(group.phonemes, notes, f"{place}.phonemes")
        _require(f"{place}.midi", group.midi, *_MIDI_RANGE)
        _require(f"{place}.onset", group.onset, -1.0, LONGEST_PHRASE_SECONDS)
    if sequence.groups[0].phonemes[0].note is not None:
        raise invalid(f"{where}.groups[0]", "must begin with the silence before the phrase, a phoneme without a note")
    onsets = [*(group.onset for group in sequence.groups), sequence.offset]
    for k, (before, after) in enumerate(pairwise(onsets), start=1):
        if after < before:
            place = f"{where}.groups[{k}].onset" if k < len(sequence.groups) else f"{where}.offset"
            raise invalid(place, f"is {after:g}, before the onset {before:g} of the group before it")
    _require(f"{where}.offset", sequence.offset, 0.0, LONGEST_PHRASE_SECONDS)


def _check_timing(timing: PhonemeTiming, notes: set[int], where: str) -> None:
    if len(timing.durations) != len(timing.phonemes):
        raise StageError(
            "stage_lengths_differ",
            f"{where} has {len(timing.durations)} durations for {len(timing.phonemes)} phonemes.",
            hint="Give one duration for each phoneme.",
        )
    _check_phonemes(timing.phonemes, notes, f"{where}.phonemes")
    if len(timing.phonemes) < 3 or timing.phonemes[0].note is not None or timing.phonemes[-1].note is not None:
        raise invalid(f"{where}.phonemes", "must begin and end with silence, phonemes without a note")
    longest = int(LONGEST_PHRASE_SECONDS / timing.frame_seconds)
    for k, frames in enumerate(timing.durations):
        if not 1 <= frames <= longest:
            raise invalid(f"{where}.phonemes[{k}].frames", f"must be from 1 to {longest}, not {frames}")
    if timing.n_frames > longest:
        raise invalid(where, f"sums to {timing.n_frames} frames, more than the {longest} a phrase may have")
    _require(f"{where}.offset", timing.offset, *_OFFSET_RANGE)


def _check_phonemes(phonemes: Sequence[Phoneme], notes: set[int], where: str) -> None:
    for k, phoneme in enumerate(phonemes):
        if not phoneme.symbol:
            raise invalid(f"{where}[{k}].symbol", "is empty")
        if phoneme.note is not None and phoneme.note not in notes:
            raise invalid(f"{where}[{k}].note", f"is {phoneme.note}, but the phrase has no such note")


def _check_length(where: str, name: str, curve: NDArray[np.float32], n_frames: int, *, step: str) -> None:
    if curve.shape != (n_frames,):
        given = f"{len(curve)} values" if curve.ndim == 1 else f"the shape {curve.shape}"
        raise StageError(
            "stage_lengths_differ",
            f"{where}: {name} has {given}, but its durations sum to {n_frames} frames.",
            hint=f"Run cantilena stage {step} again, or give {n_frames} values.",
        )


def _check_range(curve: NDArray[np.float32], low: float, high: float, *, where: str, hint: str = "") -> None:
    wrong = np.flatnonzero(~((curve >= low - _ROUNDING) & (curve <= high + _ROUNDING)))  # finds NaN too
    if len(wrong):
        raise invalid(
            f"{where}[{wrong[0]}]", f"must be from {low:g} to {high:g}, not {float(curve[wrong[0]]):g}", hint=hint
        )


def _require(where: str, given: float, low: float, high: float) -> None:
    if not low <= given <= high:  # also refuses NaN
        raise invalid(where, f"must be from {low:g} to {high:g}, not {given:g}")
