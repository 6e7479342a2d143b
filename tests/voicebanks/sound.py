"""What tiny voices sound like: a few partials, each of which shows one thing that the models were fed.

Conventions
-----------
A mel spectrogram of a tiny voice has six bands of equal width; its vocoder turns each into one sine. Levels are natural
logarithms of amplitude, so a control of so many dB moves its band by exactly that.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

BANDS = ("voice", "gender", "tension", "velocity", "height", "breath")
"""``voice`` sounds at f0, the next four at its multiples, ``breath`` at a frequency of its own."""
HARMONICS: Mapping[str, int] = MappingProxyType({name: k + 1 for k, name in enumerate(BANDS[:-1])})
BREATH_HZ = 5000.0
PARTIAL = float(np.log(0.03))  # of a band beside the voice
NATS_PER_DB = float(np.log(10.0) / 20.0)
MIDDLE_C_HZ = 261.6256

VOWELS = ("aa", "ae", "ah", "ao", "aw", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw")
GLIDES = ("l", "r", "w", "y")
CONSONANTS = (
    "b", "ch", "d", "dh", "f", "g", "hh", "jh", "k", "m", "n", "ng", "p", "s", "sh", "t", "th", "v", "z", "zh",
)  # fmt: skip
FRAMES: Mapping[str, float] = MappingProxyType({"SP": 12.0, "AP": 26.0, "vowel": 20.0, "glide": 5.0, "consonant": 6.0})
LOUDNESS: Mapping[str, float] = MappingProxyType(
    {"SP": 1e-5, "AP": 0.02, "vowel": 0.3, "glide": 0.2, "consonant": 0.05}
)
LEVELS: Mapping[str, float] = MappingProxyType(
    {"energy": -20.0, "breathiness": -40.0, "voicing": -15.0, "tension": 30.0}
)
"""What each curve is predicted to be; the tension lies outside its range."""
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"energy": (-96.0, 0.0), "breathiness": (-96.0, 0.0), "voicing": (-96.0, 0.0), "tension": (-10.0, 10.0)}
)


def kind_of(symbol: str) -> str:
    """``SP``, ``AP``, ``vowel``, ``glide`` or ``consonant``, by a symbol's name without its language."""
    bare = symbol.rpartition("/")[2]
    if bare in ("SP", "AP"):
        return bare
    bare = bare.lower()
    if bare in VOWELS or bare in "aeiou":
        return "vowel"
    return "glide" if bare in GLIDES else "consonant"


def band_weights(n_mels: int) -> NDArray[np.float32]:
    """Which band each bin belongs to, as zeros and ones, [shape=(6, n_mels)]."""
    owner = np.arange(n_mels) * len(BANDS) // n_mels
    return (owner[None, :] == np.arange(len(BANDS))[:, None]).astype(np.float32)


def embedding(speaker: int, *, hidden: int, signature: float) -> NDArray[np.float32]:
    """Number, stage and squared number of a speaker: a mix of such vectors, and nothing else, keeps their relations."""
    vector = np.zeros(hidden, dtype="<f4")
    vector[:3] = speaker, signature, speaker**2
    return vector
