"""Integrated loudness against levels that are known by definition."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.audio.loudness import LoudnessMeter


def sine(hz: float, seconds: float, *, rate: int = 48_000, peak_db: float = 0.0) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (10 ** (peak_db / 20) * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def loudness(samples: np.ndarray, *, rate: int = 48_000, piece: int = 50_000) -> float | None:
    meter = LoudnessMeter(rate)
    for begin in range(0, len(samples), piece):
        meter.add(samples[begin : begin + piece])
    return meter.integrated()


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 44_100, 48_000, 96_000])
def test_a_full_scale_sine_of_997_hz_measures_minus_three(rate):
    # The definition of the unit: -3.01 LUFS for one channel; the weighting is 0.69 dB there, which the offset removes.
    assert loudness(sine(997, 3, rate=rate), rate=rate) == pytest.approx(-3.01, abs=0.03)


@pytest.mark.parametrize("peak_db", [-60.0, -20.0, -6.0])
def test_loudness_follows_the_level(peak_db):
    assert loudness(sine(997, 2, peak_db=peak_db)) == pytest.approx(-3.01 + peak_db, abs=0.03)


@pytest.mark.parametrize(("hz", "weight"), [(38.1, -6.0), (100.0, -1.2), (8_000.0, 4.0)])
def test_lows_count_less_and_highs_more(hz, weight):
    # Magnitudes of the standard's two filters at 48 kHz.
    assert loudness(sine(hz, 3)) == pytest.approx(-3.01 - 0.691 + weight, abs=0.1)


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
@pytest.mark.parametrize("hz", [45.0, 300.0, 3_000.0])
def test_the_weighting_is_the_same_at_every_rate(rate, hz):
    assert loudness(sine(hz, 3, rate=rate), rate=rate) == pytest.approx(loudness(sine(hz, 3)), abs=0.1)


def test_silence_between_loud_parts_is_gated_out():
    loud, silence = sine(997, 4, peak_db=-20), np.zeros(48_000 * 20, dtype=np.float32)
    assert loudness(np.concatenate((loud, silence, loud))) == pytest.approx(-23.01, abs=0.3)


def test_quiet_parts_ten_units_below_the_rest_are_gated_out():
    # Case 3 of EBU Tech 3341, for one channel: 10 s, 60 s and 10 s; only the middle counts.
    parts = [sine(997, 10, peak_db=-33), sine(997, 60, peak_db=-20), sine(997, 10, peak_db=-33)]
    assert loudness(np.concatenate(parts)) == pytest.approx(-23.01, abs=0.1)


def test_how_the_samples_come_does_not_matter():
    noise = np.random.default_rng(1).normal(0, 0.1, 60_000).astype(np.float32)
    assert loudness(noise, piece=997) == pytest.approx(loudness(noise, piece=60_000), abs=1e-4)


def test_a_track_shorter_than_one_block_is_measured_as_it_is():
    assert loudness(sine(997, 0.25, peak_db=-10)) == pytest.approx(-13.01, abs=0.1)


@pytest.mark.parametrize(
    "samples", [np.zeros(0, dtype=np.float32), np.zeros(10, dtype=np.float32), sine(997, 1, peak_db=-90)]
)
def test_silence_has_no_loudness(samples):
    assert loudness(samples) is None
