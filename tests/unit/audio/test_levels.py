"""Peaks, the gain of a track and the limiter."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.audio.levels import HOP, Levelling, PeakMeter, plan_levelling, ramps

RATE = 44_100


def sine(hz: float, seconds: float, peak: float) -> np.ndarray:
    return (peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def peaks_of(samples: np.ndarray, piece: int = 10_000) -> np.ndarray:
    meter = PeakMeter(RATE)
    for begin in range(0, len(samples), piece):
        meter.add(samples[begin : begin + piece])
    return meter.finish()


def db(factor: float) -> float:
    return 20 * np.log10(factor)


def test_every_hop_has_its_peak_the_last_one_too():
    samples = np.zeros(3 * HOP + 10, dtype=np.float32)
    samples[HOP + 5], samples[-1] = 0.25, -0.5
    peaks = peaks_of(samples)
    assert len(peaks) == 4
    assert peaks[[1, 3]] == pytest.approx([0.25, 0.5], abs=0.05)
    assert peaks[0] < 0.02


def test_peaks_between_the_samples_are_seen():
    # A quarter of the rate, 45 degrees off: every sample is 3 dB below the peak of the wave.
    n = np.arange(RATE)
    samples = np.sin(0.5 * np.pi * n + 0.25 * np.pi).astype(np.float32)
    assert np.abs(samples).max() == pytest.approx(0.707, abs=0.001)
    assert peaks_of(samples)[10:-10].max() == pytest.approx(1.0, abs=0.01)


def test_a_steady_track_gets_one_gain():
    levelling = plan_levelling(-20.0, np.full(100, 0.1, dtype=np.float32), sample_rate=RATE)
    assert db(levelling.gain) == pytest.approx(4.0)
    assert levelling.reduction is None


def test_a_track_with_peaks_is_limited_by_at_most_three_decibels():
    peaks = np.full(1000, 0.1, dtype=np.float32)
    peaks[500] = 0.9
    levelling = plan_levelling(-30.0, peaks, sample_rate=RATE)
    assert db(levelling.gain * 0.9) == pytest.approx(2.0, abs=1e-4)
    assert db(levelling.reduction.min()) == pytest.approx(-3.0, abs=1e-3)
    assert np.all(levelling.reduction[:480] == 1.0)
    assert np.all(levelling.reduction[520:] == 1.0)


@pytest.mark.parametrize("loudness", [None, -80.0])
def test_silence_stays_silence(loudness):
    levelling = plan_levelling(loudness, np.zeros(10, dtype=np.float32), sample_rate=RATE)
    assert levelling.gain == 1.0


def test_noise_is_not_made_a_song():
    levelling = plan_levelling(-69.0, np.full(10, 1e-4, dtype=np.float32), sample_rate=RATE)
    assert db(levelling.gain) == pytest.approx(30.0)


@pytest.mark.parametrize("seed", range(5))
def test_no_limited_sample_is_above_the_ceiling(seed):
    rng = np.random.default_rng(seed)
    samples = (rng.normal(0, 0.05, RATE) * rng.choice([1, 1, 6], RATE)).astype(np.float32)
    levelling = plan_levelling(-40.0, peaks_of(samples), sample_rate=RATE)
    assert np.abs(levelling.apply(samples, hop_index=0)).max() <= 10 ** (-1 / 20) + 1e-6


def test_levelling_does_not_depend_on_where_a_block_begins():
    samples = sine(200, 1, 0.9)
    levelling = plan_levelling(-30.0, peaks_of(samples), sample_rate=RATE)
    whole = levelling.apply(samples, hop_index=0)
    parts = [levelling.apply(samples[k * HOP : (k + 40) * HOP], hop_index=k) for k in range(0, 173, 40)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("hz", [82.4, 220.0, 880.0])
def test_the_limiter_does_not_distort_a_held_note(hz):
    swell = np.linspace(0.3, 1.0, RATE, dtype=np.float32) ** 2
    samples = sine(hz, 1, 1.0) * swell
    levelling = plan_levelling(-40.0, peaks_of(samples), sample_rate=RATE)
    limited = levelling.apply(samples, hop_index=0)
    assert levelling.reduction.min() < 0.72
    # Where it limits, what is not the note or the slow swell stays 50 dB below.
    tail = limited[-RATE // 4 :] * np.hanning(RATE // 4)
    spectrum = np.abs(np.fft.rfft(tail, 4 * len(tail)))
    hertz = np.fft.rfftfreq(4 * len(tail), 1 / RATE)
    beside = np.abs(hertz - hz) > 30
    assert db(np.sqrt(np.square(spectrum[beside]).sum() / np.square(spectrum).sum())) < -50


def test_ramps_are_straight_and_meet():
    np.testing.assert_allclose(
        ramps(np.array([0, 4, 2], dtype=np.float32), 4), [0, 1, 2, 3, 4, 3.5, 3, 2.5], rtol=0, atol=1e-6
    )


def test_a_neutral_levelling_changes_nothing():
    samples = sine(200, 0.1, 0.5)
    np.testing.assert_array_equal(Levelling(gain=1.0, reduction=None).apply(samples, hop_index=0), samples)
