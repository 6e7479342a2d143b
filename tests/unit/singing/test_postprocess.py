"""The track of a performance: its length, its clock and its dynamics."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.audio.waveform import Waveform
from cantilena.score.melody import Syllable, Word
from cantilena.singing.phrase import LoudnessPoint, Performance, PerformedNote, Phrase
from cantilena.singing.postprocess import TAIL_SECONDS, lay_out

RATE = 16_000
LA = Syllable(word=Word(text="la", syllables=("la",), part="Voice", measure="1"), index=0, original="la")


def performance(duration: float, *loudness: tuple[float, float]) -> Performance:
    note = PerformedNote(id=0, onset=0.0, offset=duration, midi=60.0, syllables=(LA,), slurred=False, measure="1")
    phrase = Phrase(index=0, notes=(note,), breath_before=0.0, carried_vowel=None, part="Voice")
    points = tuple(LoudnessPoint(time=time, gain=gain) for time, gain in loudness)
    return Performance(part="Voice", phrases=(phrase,), loudness=points, duration=duration, findings=())


def held(seconds: float, offset: float = 0.0) -> Waveform:
    t = np.arange(round(seconds * RATE)) / RATE
    return Waveform(samples=(0.1 * np.sin(2 * np.pi * 440 * t)).astype(np.float32), sample_rate=RATE, offset=offset)


def sung(song: Performance, *waveforms: Waveform, lead_in_seconds: float = 0.5) -> np.ndarray:
    with lay_out(song, sample_rate=RATE, lead_in_seconds=lead_in_seconds) as layout:
        for waveform in waveforms:
            layout.add(waveform)
        return layout.finish().samples()


def level(samples: np.ndarray, begin: float) -> float:
    """dB of half a second."""
    part = samples[round(begin * RATE) : round((begin + 0.5) * RATE)]
    return float(10 * np.log10(np.mean(np.square(part))))


def test_a_track_is_lead_in_and_song_and_a_short_tail():
    track = sung(performance(3.0), held(3.0))
    assert len(track) == round((0.5 + 3.0 + TAIL_SECONDS) * RATE)
    assert not track[: RATE // 2].any()
    assert not track[-round(TAIL_SECONDS * RATE) :].any()


def test_a_release_longer_than_the_tail_is_kept():
    assert len(sung(performance(3.0), held(4.0))) == round(4.5 * RATE)


def test_dynamics_are_heard_in_the_audio_clock():
    track = sung(performance(8.0, (0.0, 0.0), (3.97, 0.0), (4.0, -12.0)), held(8.0))
    assert level(track, 2.0) - level(track, 6.0) == pytest.approx(12.0, abs=0.05)
    assert level(track, 3.9) - level(track, 4.6) == pytest.approx(12.0, abs=0.05)


def test_without_dynamics_the_level_stays():
    track = sung(performance(8.0), held(8.0))
    assert level(track, 1.0) == pytest.approx(level(track, 7.0), abs=0.01)
