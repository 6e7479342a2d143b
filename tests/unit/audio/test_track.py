"""Placing and summing."""

from __future__ import annotations

import errno
import io
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from cantilena.audio.track import FADE_SECONDS, GainCurve, TrackBuilder, faded
from cantilena.audio.waveform import Waveform
from cantilena.errors import OutputError

RATE = 24_000


def sine(hz: float, seconds: float, *, begin: float = 0.0, level: float = 0.2) -> np.ndarray:
    t = begin + np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def waveform(samples: np.ndarray, offset: float) -> Waveform:
    return Waveform(samples=samples, sample_rate=RATE, offset=offset)


def laid(*waveforms: Waveform, **options) -> np.ndarray:
    """The sum before its final gain."""
    with TrackBuilder(sample_rate=RATE, **options) as builder:
        for one in waveforms:
            builder.add(one)
        track = builder.finish()
        return np.array(track.read(0, track.n_samples))


def finished(*waveforms: Waveform, **options) -> np.ndarray:
    with TrackBuilder(sample_rate=RATE, **options) as builder:
        for one in waveforms:
            builder.add(one)
        return builder.finish().samples()


def test_a_waveform_lies_at_its_offset_after_the_lead_in():
    track = laid(waveform(np.ones(1000, dtype=np.float32), 0.5), lead_in_seconds=0.25)
    begin = round(0.75 * RATE)
    assert len(track) == begin + 1000
    assert not track[:begin].any()
    assert track[begin + 500] == 1.0


def test_overlapping_waveforms_are_summed_exactly():
    first, second = sine(200, 2.0), sine(300, 2.0)
    n_fade = round(FADE_SECONDS * RATE)
    expected = np.zeros(round(3.5 * RATE), dtype=np.float32)
    expected[: len(first)] += faded(first, n_fade)
    expected[-len(second) :] += faded(second, n_fade)
    np.testing.assert_array_equal(laid(waveform(first, 0.0), waveform(second, 1.5)), expected)


def test_a_waveform_may_begin_a_little_before_the_one_added_before_it():
    first, second = sine(200, 0.2), sine(300, 1.0)
    track = laid(waveform(first, 3.0), waveform(second, 2.5))
    assert len(track) == round(3.5 * RATE)
    assert np.abs(track[round(2.6 * RATE) : round(2.9 * RATE)]).max() == pytest.approx(0.2, abs=0.001)


def test_what_lies_before_the_track_is_cut_and_faded_in():
    track = laid(waveform(np.ones(RATE, dtype=np.float32), -0.5), lead_in_seconds=0.25)
    assert len(track) == round(0.75 * RATE)
    assert track[0] < 0.001
    assert track[round(0.1 * RATE)] == 1.0


def test_a_waveform_wholly_before_the_track_is_not_heard():
    assert not laid(waveform(np.ones(100, dtype=np.float32), -5.0), end_seconds=1.0).any()


def test_the_track_lasts_to_the_end_asked_for():
    assert len(laid(waveform(sine(200, 0.5), 0.0), lead_in_seconds=0.5, end_seconds=4.0)) == round(4.5 * RATE)


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_a_waveform_far_before_the_last_one_is_refused(offset):
    with TrackBuilder(sample_rate=RATE) as builder:
        builder.add(waveform(sine(200, 1.0), offset + 10.0))
        with pytest.raises(ValueError, match="put down"):
            builder.add(waveform(sine(200, 1.0), offset))


def test_a_waveform_of_another_rate_is_refused():
    with TrackBuilder(sample_rate=RATE) as builder, pytest.raises(ValueError, match="44100"):
        builder.add(Waveform(samples=sine(200, 1.0), sample_rate=44_100, offset=0.0))


def test_joins_of_phrases_do_not_click():
    # Cut from one loud tone at places where the wave is far from zero.
    tone = sine(220, 4.0, level=0.5)
    parts = [waveform(tone[: 2 * RATE + 31], 0.0), waveform(tone[2 * RATE + 31 :], 2.0)]
    bent = np.abs(np.diff(laid(*parts), n=2))
    inside = np.abs(np.diff(tone, n=2)).max()
    assert bent.max() <= 1.6 * inside
    cut = np.concatenate((tone[: 2 * RATE + 31], np.zeros(100), tone[2 * RATE + 31 :]))
    assert np.abs(np.diff(cut, n=2)).max() > 3 * inside  # what a join without fades looks like


def test_short_waveforms_fade_over_half_their_length():
    np.testing.assert_allclose(faded(np.ones(4, dtype=np.float32), 100), [0.1464, 0.8536, 0.8536, 0.1464], atol=1e-4)
    assert len(faded(np.ones(1, dtype=np.float32), 100)) == 1
    assert len(faded(np.ones(0, dtype=np.float32), 100)) == 0


def test_the_gain_curve_is_linear_in_decibels_between_its_points():
    curve = GainCurve(times=(1.0, 3.0), gains_db=(-12.0, 6.0))
    track = laid(waveform(np.ones(5 * RATE, dtype=np.float32), -0.5), lead_in_seconds=0.5, gain_curve=curve)
    at = [track[round((time + 0.5) * RATE)] for time in (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)]
    expected = [-12.0, -12.0, -7.5, -3.0, 6.0, 6.0]
    np.testing.assert_allclose(20 * np.log10(at), expected, atol=0.01)


def test_a_finished_track_has_its_loudness():
    from cantilena.audio.loudness import LoudnessMeter

    meter = LoudnessMeter(RATE)
    meter.add(finished(waveform(sine(440, 5.0, level=0.01), 0.0)))
    assert meter.integrated() == pytest.approx(-16.0, abs=0.05)


def test_a_track_with_one_loud_place_keeps_below_the_ceiling():
    steady, burst = sine(440, 5.0, level=0.1), sine(440, 0.02, level=0.8)
    track = finished(waveform(steady, 0.0), waveform(burst, 2.0))
    assert np.abs(track).max() == pytest.approx(10 ** (-1 / 20), abs=0.01)


def test_a_track_without_any_waveform_is_silence():
    assert finished(end_seconds=0.5).tolist() == [0.0] * (RATE // 2)
    assert finished().size == 0


def test_the_samples_are_the_same_in_memory_and_from_disk(monkeypatch):
    parts = [waveform(sine(200 + 10 * k, 1.2), float(k)) for k in range(10)]
    in_memory = finished(*parts)
    monkeypatch.setattr("cantilena.audio.track._STORE_BYTES_IN_MEMORY", 1000)
    np.testing.assert_array_equal(finished(*parts), in_memory)


def test_how_a_song_is_divided_changes_no_sample_inside_its_phrases():
    tone = sine(220, 8.0)
    whole = laid(waveform(np.concatenate((tone, np.zeros(RATE, dtype=np.float32), tone)), 0.0))
    parts = laid(waveform(tone, 0.0), waveform(tone, 9.0))
    for middle in (slice(RATE, 7 * RATE), slice(10 * RATE, 16 * RATE)):
        np.testing.assert_array_equal(parts[middle], whole[middle])


def peak_bytes_of_track(*offsets: float) -> int:
    """Peak memory of a track of phrases of six seconds."""
    phrase = Waveform(samples=sine(220, 6.0)[::3], sample_rate=RATE // 3, offset=0.0)
    tracemalloc.start()
    try:
        with TrackBuilder(sample_rate=phrase.sample_rate) as builder:
            for offset in offsets:
                builder.add(replace(phrase, offset=offset))
            n_samples = sum(len(block) for block in builder.finish().blocks())
        assert n_samples == (offsets[-1] + 6) * phrase.sample_rate
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_minutes_need_no_more_memory_than_one():
    assert peak_bytes_of_track(*range(0, 600, 6)) < 1.3 * peak_bytes_of_track(*range(0, 60, 6))


def test_a_long_rest_needs_no_memory():
    assert peak_bytes_of_track(0, 600) < 1.3 * peak_bytes_of_track(*range(0, 60, 6))


class FullDisk(io.BytesIO):
    def __init__(self, **_options: int) -> None:
        super().__init__()

    def write(self, _data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_temporary_disk_is_an_error_of_the_tree(monkeypatch):
    monkeypatch.setattr("cantilena.audio.track.tempfile.SpooledTemporaryFile", FullDisk)
    with TrackBuilder(sample_rate=RATE) as builder:
        builder.add(waveform(sine(220, 1.0), 0.0))
        with pytest.raises(OutputError) as caught:
            builder.add(waveform(sine(220, 1.0), 20.0))
    assert caught.value.code == "output_disk_full"
