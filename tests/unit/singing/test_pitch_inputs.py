"""What pitch models are told of notes, and encoders of words."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.singing.linguistic import divide_at_vowels
from cantilena.singing.pitch import note_inputs
from cantilena.singing.results import Phoneme, PhonemeTiming, PitchCurve
from cantilena.singing.synthesize_audio import convert_base
from tests.unit.singing.singers import make_phrase

FRAME = 0.01


def timing_of(*phonemes: tuple[str, int], offset: float = 0.0) -> PhonemeTiming:
    """Phonemes and their frames of 10 ms."""
    return PhonemeTiming(
        phonemes=tuple(
            Phoneme(symbol=s, kind="vowel" if s in ("SP", "AP", "aa") else "consonant", note=None if s in ("SP", "AP")
                    else 1)
            for s, _ in phonemes
        ),
        durations=np.array([frames for _, frames in phonemes]),
        frame_seconds=FRAME,
        offset=offset,
    )  # fmt: skip


def test_rests_are_made_explicit_and_take_the_pitch_of_the_nearest_note():
    phrase = make_phrase("love", "", "sky", onset=1.0, offsets=[None, 1.8, None], midi=[60, 62, 64])
    timing = timing_of(("SP", 8), ("l", 5), ("aa", 80), ("SP", 20), ("aa", 50), ("SP", 8), offset=0.87)
    notes = note_inputs(phrase.notes, timing)
    assert notes.midi.tolist() == [60, 60, 62, 62, 64, 64]
    assert notes.is_rest.tolist() == [True, False, False, True, False, True]
    assert notes.durations.sum() == timing.n_frames
    assert notes.durations.tolist() == pytest.approx([13, 50, 30, 20, 50, 8], abs=1)


def test_a_note_without_a_vowel_is_a_rest_and_one_that_goes_on_is_as_the_one_before():
    phrase = make_phrase("mm", "", onset=0.0)
    timing = timing_of(("SP", 8), ("m", 100), ("SP", 8), offset=-0.08)
    notes = note_inputs(phrase.notes, timing)
    assert notes.is_rest.tolist() == [True, True, True, True]


def test_notes_fit_the_frames_however_short_they_are():
    phrase = make_phrase(*["love"] * 10, length=0.004)
    timing = timing_of(("SP", 8), ("aa", 10), ("SP", 8), offset=-0.08)
    notes = note_inputs(phrase.notes, timing)
    assert notes.durations.sum() == 26
    assert notes.durations.min() >= 1


@pytest.mark.parametrize(
    ("vowels", "division"),
    [
        ("xxoxox", [2, 2, 2]),  # SP hh ah l ow SP
        ("ooo", [1, 2]),
        ("xxxx", [2, 2]),
        ("xx", [1, 1]),
        ("xoox", [1, 1, 2]),
    ],
)
def test_words_run_from_vowel_to_vowel(vowels, division):
    assert divide_at_vowels([mark == "o" for mark in vowels]) == division


def test_pitch_as_midi_numbers():
    curve = PitchCurve(f0=np.array([440.0, 220.0], dtype=np.float32), source="drawn")
    assert curve.midi.tolist() == [69.0, 57.0]
    assert curve.midi.dtype == np.float32


def test_the_base_of_a_spectrogram_is_converted_where_it_differs():
    mel = np.ones((1, 1, 1), dtype=np.float32)
    assert convert_base(mel, "e", "e") is mel
    assert convert_base(mel, "10", "e").item() == pytest.approx(2.30259, abs=1e-4)
    assert convert_base(mel, "e", "10").item() == pytest.approx(0.434294, abs=1e-5)
