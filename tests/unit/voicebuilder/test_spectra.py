"""Fixed spectral arithmetic of the voice recipe; needs numpy alone."""

from __future__ import annotations

import numpy as np

from voicebuilder.spectra import (
    N_MELS,
    averaging_matrix,
    comb,
    compose_mel,
    dirichlet,
    filter_matrices,
    hz_to_mel,
    log_mel,
    mel_to_hz,
    noise_level,
)
from voicebuilder.symbols import IDS, PAD, SYMBOLS, TYPES, is_vowel


def pulses(f0: float, seconds: float) -> np.ndarray:
    phase = f0 * np.arange(int(seconds * 44100)) / 44100
    return dirichlet(phase - np.round(phase), int(20000 / f0))


def test_mel_scale_goes_there_and_back():
    hz = np.array([40.0, 500.0, 1000.0, 4000.0, 16000.0])
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz)), hz)


def test_pulse_trains_have_unit_power_at_every_pitch():
    for f0 in (82.0, 220.0, 698.0):
        assert abs(np.mean(pulses(f0, 1.0) ** 2) - 1.0) < 0.02


def test_comb_matches_the_mel_of_a_pulse_train():
    f0 = 261.6
    measured = log_mel(pulses(f0, 1.0))[20:-20]
    expected = comb(np.full(len(measured), f0))
    strong = expected[0] > -2.0
    assert np.abs(measured - expected)[:, strong].mean() < 0.1


def test_composed_mel_of_noise_matches_white_noise():
    rng = np.random.default_rng(0)
    measured = log_mel(rng.standard_normal(44100)).mean(0)
    flat = np.zeros((3, N_MELS), np.float32)
    composed = compose_mel(flat - 20.0, flat, np.full(3, 200.0))
    np.testing.assert_allclose(composed[0], noise_level(), atol=1e-3)
    np.testing.assert_allclose(measured, composed[0], atol=0.25)


def test_averaging_keeps_a_flat_spectrum_flat():
    np.testing.assert_allclose(averaging_matrix(24000, 1024).sum(1), 1.0)


def test_filters_are_causal():
    magnitude, phase = filter_matrices()
    envelope = -2.0 * np.cos(np.linspace(0.0, 9.0, N_MELS))
    column = np.append(envelope, 1.0)
    response = np.fft.irfft(np.exp(magnitude @ column + 1j * (phase @ column)))
    energy = np.cumsum(response**2) / np.sum(response**2)
    assert energy[len(response) // 2] > 0.999


def test_symbols_have_ids_and_types():
    assert IDS[PAD] == 0
    assert len(SYMBOLS) == 42
    assert sum(map(is_vowel, SYMBOLS)) == 15
    assert set(TYPES.values()) == {
        "vowel",
        "semivowel",
        "liquid",
        "stop",
        "fricative",
        "affricate",
        "aspirate",
        "nasal",
    }
