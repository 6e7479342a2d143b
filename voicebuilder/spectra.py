"""Fixed spectral arithmetic: mel filters, the comb of a pulse train, and mel-to-filter matrices.

**Conventions**: 44.1 kHz, hop 512, Hann window 2048, 128 Slaney mel bins over 40-16000 Hz, natural logs of magnitudes.
A *harmonic envelope* is the magnitude of the filter that a pulse train of unit power passes through; a *noise envelope*
is that of the filter that white noise of unit variance passes through.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE: Final = 44100
HOP_SIZE: Final = 512
SUB_HOP_SIZE: Final = HOP_SIZE // 2
FFT_SIZE: Final = 2048
N_MELS: Final = 128
MEL_FMIN: Final = 40.0
MEL_FMAX: Final = 16000.0
FRAME_SECONDS: Final = HOP_SIZE / SAMPLE_RATE

LOG_FLOOR: Final = -10.0
"""Lowest envelope value (natural log)."""

COMB_LOWEST_HZ: Final = 55.0
COMB_STEP_CENTS: Final = 10.0
COMB_ROWS: Final = 601

FloatArray = NDArray[np.float32]


def hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert Hz to Slaney mels: linear below 1 kHz, logarithmic above."""
    hz = np.asarray(hz, np.float64)
    return np.where(hz < 1000.0, hz * 3.0 / 200.0, 15.0 + np.log(np.maximum(hz, 1e-9) / 1000.0) * 27.0 / np.log(6.4))


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert Slaney mels to Hz."""
    mel = np.asarray(mel, np.float64)
    return np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp((mel - 15.0) * np.log(6.4) / 27.0))


@cache
def mel_edges() -> NDArray[np.float64]:
    """Edges and centres of the mel bins, [shape=(N_MELS + 2,)] Hz; bin ``i`` has its centre at item ``i + 1``."""
    lo, hi = hz_to_mel(np.array([MEL_FMIN, MEL_FMAX]))
    return mel_to_hz(np.linspace(lo, hi, N_MELS + 2))


def triangles(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Triangular mel weights with peak 1.

    Parameters
    ----------
    frequencies : NDArray[np.float64] [shape=(n_bins,)] Hz

    Returns
    -------
    NDArray[np.float64] [shape=(N_MELS, n_bins)]
    """
    edges = mel_edges()
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    up = (frequencies - left) / (centre - left)
    down = (right - frequencies) / (right - centre)
    return np.maximum(0.0, np.minimum(up, down))


@cache
def mel_filters() -> NDArray[np.float64]:
    """Slaney-normalised mel filters over the bins of a 2048 DFT, [shape=(N_MELS, 1025)]."""
    edges = mel_edges()
    frequencies = np.fft.rfftfreq(FFT_SIZE, 1.0 / SAMPLE_RATE)
    return triangles(frequencies) * (2.0 / (edges[2:] - edges[:-2]))[:, None]


def averaging_matrix(sample_rate: int, fft_size: int) -> NDArray[np.float64]:
    """Matrix that averages a power spectrum of any resolution into mel bins.

    Returns
    -------
    NDArray[np.float64] [shape=(N_MELS, fft_size // 2 + 1)], each row summing to 1 (bins above Nyquist repeat its value)
    """
    n_bins = fft_size // 2 + 1
    grid = np.arange(20.0, MEL_FMAX + 500.0, 4.0)
    position = np.minimum(grid * fft_size / sample_rate, n_bins - 1.001)
    low = position.astype(int)
    interpolation = np.zeros((len(grid), n_bins))
    interpolation[np.arange(len(grid)), low] = 1.0 - (position - low)
    interpolation[np.arange(len(grid)), low + 1] = position - low
    weights = triangles(grid)
    return (weights / weights.sum(1, keepdims=True)) @ interpolation


def log_mel(waveform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Natural-log magnitude mel of a waveform, frames centred at ``(i + 0.5) * HOP_SIZE``.

    Returns
    -------
    NDArray[np.float64] [shape=(n_samples // HOP_SIZE, N_MELS)]
    """
    n_frames = len(waveform) // HOP_SIZE
    pad = (FFT_SIZE - HOP_SIZE) // 2
    padded = np.pad(waveform[: n_frames * HOP_SIZE], pad, mode="reflect" if len(waveform) > pad else "constant")
    window = np.hanning(FFT_SIZE + 1)[:-1]
    index = np.arange(n_frames)[:, None] * HOP_SIZE + np.arange(FFT_SIZE)
    magnitude = np.abs(np.fft.rfft(padded[index] * window, axis=1))
    return np.log(np.maximum(magnitude @ mel_filters().T, 1e-5))


@cache
def noise_level() -> NDArray[np.float64]:
    """Mean log mel of white noise of unit variance, [shape=(N_MELS,)]."""
    rng = np.random.default_rng(1)
    window = np.hanning(FFT_SIZE + 1)[:-1]
    magnitude = np.abs(np.fft.rfft(rng.standard_normal((400, FFT_SIZE)) * window, axis=1))
    return np.log(magnitude @ mel_filters().T).mean(0)


@cache
def comb_table() -> FloatArray:
    """Log mel of a band-limited pulse train of unit power, by pitch.

    Returns
    -------
    FloatArray [shape=(COMB_ROWS, N_MELS)], row ``r`` at ``COMB_LOWEST_HZ * 2 ** (r * COMB_STEP_CENTS / 1200)``
    """
    window = np.hanning(FFT_SIZE + 1)[:-1]
    time = (np.arange(FFT_SIZE) - FFT_SIZE / 2) / SAMPLE_RATE
    filters = mel_filters().T
    rows = np.empty((COMB_ROWS, N_MELS), np.float32)
    for row in range(COMB_ROWS):
        f0 = COMB_LOWEST_HZ * 2.0 ** (row * COMB_STEP_CENTS / 1200.0)
        n_harmonics = int(0.95 * SAMPLE_RATE / 2 / f0)
        offsets = (np.arange(3) + 0.17) / 3.0
        phase = f0 * time[None] + offsets[:, None]
        phase -= np.round(phase)
        train = dirichlet(phase, n_harmonics)
        magnitude = np.abs(np.fft.rfft(train * window, axis=1))
        rows[row] = np.log(np.maximum(magnitude @ filters, 1e-5)).mean(0)
    return rows


def dirichlet(phase: NDArray[np.float64], n_harmonics: int) -> NDArray[np.float64]:
    """Sum of ``n_harmonics`` equal cosines scaled to unit power; ``phase`` in cycles within [-0.5, 0.5]."""
    sine = np.sin(np.pi * phase)
    near = np.abs(sine) < 1e-6
    order = 2 * n_harmonics + 1
    kernel = np.where(near, float(order), np.sin(np.pi * order * phase) / np.where(near, 1.0, sine))
    return (kernel - 1.0) / np.sqrt(2.0 * n_harmonics)


def comb(f0: NDArray[np.floating]) -> FloatArray:
    """Look up the comb at given pitches, [shape=(n,)] Hz -> [shape=(n, N_MELS)]."""
    table = comb_table()
    position = np.clip(1200.0 / COMB_STEP_CENTS * np.log2(np.maximum(f0, 1.0) / COMB_LOWEST_HZ), 0.0, COMB_ROWS - 1.001)
    low = position.astype(int)
    part = (position - low)[:, None].astype(np.float32)
    return table[low] * (1.0 - part) + table[low + 1] * part


def compose_mel(harmonic: FloatArray, noise: FloatArray, f0: NDArray[np.floating]) -> FloatArray:
    """Log mel of harmonic and noise envelopes sung at ``f0``; powers add.

    Parameters
    ----------
    harmonic, noise : FloatArray [shape=(n_frames, N_MELS)] natural log
    f0 : NDArray [shape=(n_frames,)] Hz
    """
    a = 2.0 * (harmonic + comb(f0))
    b = 2.0 * (noise + noise_level().astype(np.float32))
    return (0.5 * np.logaddexp(a, b)).astype(np.float32)


@cache
def filter_matrices(dft_size: int = 1024) -> tuple[FloatArray, FloatArray]:
    """Linear maps from an envelope in mel bins to log magnitude and minimum phase at the bins of a DFT.

    Returns
    -------
    tuple of FloatArray, each [shape=(dft_size // 2 + 1, N_MELS + 1)]; the last column is a constant term
    (roll-off above 16 kHz and below 40 Hz)
    """
    oversampling = 8
    n = dft_size * oversampling
    frequencies = np.fft.rfftfreq(n, 1.0 / SAMPLE_RATE)
    centres = mel_edges()[1:-1]
    position = np.interp(frequencies, centres, np.arange(N_MELS))
    low = np.minimum(position.astype(int), N_MELS - 2)
    matrix = np.zeros((len(frequencies), N_MELS + 1))
    rows = np.arange(len(frequencies))
    matrix[rows, low] = 1.0 - (position - low)
    matrix[rows, low + 1] = position - low
    constant = -np.clip((frequencies - 15800.0) / 1000.0, 0.0, 4.0) * 1.2 - np.clip(
        (45.0 - frequencies) / 15.0, 0.0, 3.0
    )
    matrix[:, -1] = constant
    cepstrum = np.fft.irfft(matrix, axis=0)
    fold = np.zeros(n)
    fold[0] = fold[n // 2] = 1.0
    fold[1 : n // 2] = 2.0
    phase = np.fft.rfft(cepstrum * fold[:, None], axis=0).imag
    return matrix[::oversampling].astype(np.float32), phase[::oversampling].astype(np.float32)
