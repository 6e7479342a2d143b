"""The graphs of tiny voicebanks refuse whatever a voicebank must not be fed; else their tests would prove nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import onnxruntime as ort
import pytest

from tests.voicebanks import graphs
from tests.voicebanks.graphs import Sampling
from tests.voicebanks.sound import embedding

HIDDEN, SIGNATURE, SPEAKERS = 5, 2.5, 3
LANGUAGES = ((0,), (0,), (1,), (1, 2))
DEEP = Sampling(depth="float")
OLD_DEEP = Sampling(hurry="speedup", depth="int")


def whole(*values: int) -> np.ndarray:
    return np.array([values], dtype=np.int64)


def real(*values: float) -> np.ndarray:
    return np.array([values], dtype=np.float32)


def yes(*shape: int) -> np.ndarray:
    return np.ones((1, *shape), dtype=np.bool_)


def voice(number: int, *, signature: float = SIGNATURE, n: int = 4) -> np.ndarray:
    return np.tile(embedding(number, hidden=HIDDEN, signature=signature), (1, n, 1))


def encoded(*, total: float = 4.0, n: int = 2) -> np.ndarray:
    channels = np.zeros((1, n, HIDDEN), dtype=np.float32)
    channels[..., 0] = np.arange(1, n + 1)
    channels[..., 3] = total
    return channels


COMMON = {"hidden": HIDDEN, "speakers": SPEAKERS, "signature": SIGNATURE}
MODELS: Mapping[str, bytes] = {
    "linguistic by word": graphs.linguistic(hidden=HIDDEN, by_word=True, languages=LANGUAGES, vocabulary=4),
    "linguistic by phoneme": graphs.linguistic(hidden=HIDDEN, by_word=False, languages=False, vocabulary=4),
    "dur": graphs.dur(**COMMON, frames=[0, 1, 2, 3]),
    "pitch": graphs.pitch(**COMMON, expr=True, note_rest=True, note_glide=True),
    "old pitch": graphs.pitch(**COMMON, expr=False, note_rest=False, sampling=Sampling(hurry="speedup", rank=1)),
    "variance": graphs.variance(**COMMON, curves=("energy", "tension")),
    "acoustic": graphs.acoustic(
        **COMMON, loudness=[1.0] * 4, n_mels=12, languages=LANGUAGES, curves=("energy", "tension"), depth=True,
        shifts=True, base="e", sampling=DEEP, max_depth=0.6,
    ),
    "old acoustic": graphs.acoustic(
        **COMMON, loudness=[1.0] * 4, n_mels=12, languages=False, curves=(), depth=True, shifts=False, base="10",
        sampling=OLD_DEEP, max_depth=0.6,
    ),
    "vocoder": graphs.vocoder(n_mels=12, hop_size=8, sample_rate=8000),
}  # fmt: skip
PITCH = {
    "encoder_out": encoded(), "ph_dur": whole(1, 3), "note_midi": real(60, 61.5), "note_dur": whole(2, 2),
    "pitch": real(60, 60, 60, 60), "retake": yes(4), "spk_embed": voice(1),
}  # fmt: skip
FRAMES = {"f0": real(220, 220, 230, 230), "durations": whole(1, 3), "tokens": whole(1, 2), "spk_embed": voice(1)}
RIGHT: Mapping[str, Mapping[str, np.ndarray]] = {
    "linguistic by word": {
        "tokens": whole(1, 2, 3), "languages": whole(0, 1, 2), "word_div": whole(1, 2), "word_dur": whole(5, 9),
    },
    "linguistic by phoneme": {"tokens": whole(1, 2, 3), "ph_dur": whole(1, 2, 3)},
    "dur": {
        "encoder_out": encoded(), "x_masks": ~yes(2), "ph_midi": whole(1, 127), "spk_embed": voice(2, n=2),
    },
    "pitch": {
        **PITCH, "note_rest": yes(2), "note_glide": whole(0, 2), "expr": real(0, 0.5, 1, 1), "steps": np.array(10),
    },
    "old pitch": {**PITCH, "speedup": np.array([50])},
    "variance": {
        "encoder_out": encoded(), "ph_dur": whole(1, 3), "pitch": real(60, 61, 62, 63), "energy": real(0, 0, 0, 0),
        "tension": real(0, 0, 0, 0), "retake": yes(4, 2), "spk_embed": voice(0), "steps": np.array(10),
    },
    "acoustic": {
        **FRAMES, "languages": whole(0, 1), "energy": real(-96, -20, -20, 0), "tension": real(-10, 0, 0, 10),
        "gender": real(-2.4, 0, 0, 1), "velocity": real(0.5, 1, 1, 2), "depth": np.array(0.6, np.float32),
        "steps": np.array(10),
    },
    "old acoustic": {**FRAMES, "depth": np.array(600), "speedup": np.array(60)},
    "vocoder": {"mel": np.full((1, 2, 12), -4, np.float32), "f0": real(220, 220)},
}  # fmt: skip


@cache
def session(model: str) -> ort.InferenceSession:
    settings = ort.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = 1
    return ort.InferenceSession(MODELS[model], settings)


@pytest.mark.parametrize("model", MODELS)
def test_what_is_right_is_taken(model):
    for result in session(model).run(None, dict(RIGHT[model])):
        assert np.isfinite(result).all()


@pytest.mark.parametrize("shares", [(0.5, 0.5, 0), (0.25, 0.25, 0.5), (0, 1, 0)])
def test_a_mix_of_speakers_is_taken(shares):
    mixed = sum(share * voice(number) for number, share in enumerate(shares)).astype(np.float32)
    session("pitch").run(None, {**RIGHT["pitch"], "spk_embed": mixed})


TOKENS, LENGTHS = "1 <= tokens < vocabulary", "n_frames"
SPEAKER = "spk_embed mixes the speakers of this stage"
WRONG = [
    ("linguistic by word", {"tokens": whole(0, 2, 3)}, TOKENS),
    ("linguistic by word", {"tokens": whole(1, 2, 4)}, TOKENS),
    ("linguistic by word", {"tokens": whole(1, 2, -1)}, TOKENS),
    ("linguistic by word", {"languages": whole(0, 1, 3)}, "languages <= highest id|language is that of the token"),
    ("linguistic by word", {"languages": whole(0, 1, -1)}, "0 <= languages|language is that of the token"),
    ("linguistic by word", {"languages": whole(1, 1, 1)}, "the language is that of the token"),
    ("linguistic by word", {"languages": whole(0, 0, 1)}, "the language is that of the token"),
    ("linguistic by word", {"word_div": whole(1, 1)}, r"sum\(word_div\) = n_tokens"),
    ("linguistic by word", {"word_div": whole(0, 3)}, "word_div >= 1"),
    ("linguistic by word", {"word_dur": whole(0, 3)}, "word_dur >= 1"),
    ("linguistic by word", {"word_dur": whole(3)}, "Gather node"),
    ("linguistic by word", {"tokens": whole(1, 2, 3).astype(np.int32)}, "Unexpected input data type"),
    ("linguistic by phoneme", {"ph_dur": whole(1, 0, 3)}, "ph_dur >= 1"),
    ("linguistic by phoneme", {"ph_dur": whole(1, 2)}, "Sum node"),
    ("dur", {"ph_midi": whole(60, 128)}, "1 <= ph_midi <= 127"),
    ("dur", {"ph_midi": whole(60, -1)}, "1 <= ph_midi <= 127"),
    ("dur", {"x_masks": yes(2)}, "no phoneme is masked"),
    ("dur", {"spk_embed": voice(2, signature=1.5, n=2)}, SPEAKER),
    ("dur", {"spk_embed": np.zeros((1, 2, HIDDEN), np.float32)}, SPEAKER),
    ("pitch", {"spk_embed": voice(0) + voice(1)}, SPEAKER),
    ("pitch", {"spk_embed": voice(3)}, SPEAKER),
    ("pitch", {"spk_embed": np.float32(1.5) * voice(1) - np.float32(0.5) * voice(0)}, SPEAKER),
    ("pitch", {"ph_dur": whole(1, 2)}, LENGTHS),
    ("pitch", {"ph_dur": whole(4)}, "encoder_out has n_tokens rows"),
    ("pitch", {"note_dur": whole(2, 1)}, r"sum\(note_dur\) = n_frames"),
    ("pitch", {"note_dur": whole(5, -1)}, "note_dur >= 0"),
    ("pitch", {"encoder_out": encoded(total=5)}, r"sum\(word_dur\) = n_frames in the encoder"),
    ("pitch", {"note_midi": real(-1, 60)}, "0 < note_midi <= 127"),
    ("pitch", {"note_midi": real(0, 60)}, "0 < note_midi <= 127"),
    ("pitch", {"note_midi": real(np.nan, 60)}, "0 < note_midi <= 127"),
    ("pitch", {"note_glide": whole(0, 3)}, "0 <= note_glide <= 2"),
    ("pitch", {"expr": real(0, 0, 0, 1.2)}, "0 <= expr <= 1"),
    ("pitch", {"expr": real(0, 0, -0.1, 1)}, "0 <= expr <= 1"),
    ("pitch", {"retake": np.array([[True, True, False, True]])}, "all of pitch is asked for"),
    ("pitch", {"pitch": real(0, 0, 0, 0)}, "1 <= pitch <= 127 semitones"),
    ("pitch", {"note_rest": whole(1, 1)}, "Unexpected input data type"),
    ("pitch", {"steps": np.array(0)}, "1 <= steps <= 1000"),
    ("old pitch", {"speedup": np.array([30])}, "speedup divides the steps"),
    ("old pitch", {"speedup": np.array([0])}, "1 <= speedup <= 1000"),
    ("variance", {"pitch": real(261, 261, 261, 261)}, "1 <= pitch <= 127 semitones"),
    ("variance", {"pitch": real(0, 60, 60, 60)}, "1 <= pitch <= 127 semitones"),
    ("variance", {"energy": real(0, 0, 0, 3)}, "energy lies in its range"),
    ("variance", {"retake": np.zeros((1, 4, 2), np.bool_)}, "all of every curve is asked for"),
    ("variance", {"retake": yes(4)}, "Invalid rank"),
    ("variance", {"ph_dur": whole(1, 4)}, LENGTHS),
    ("variance", {"spk_embed": voice(0, signature=0.0)}, SPEAKER),
    ("acoustic", {"durations": whole(1, 2)}, r"sum\(durations\) = n_frames"),
    ("acoustic", {"durations": whole(0, 4)}, "durations >= 1"),
    ("acoustic", {"f0": real(0, 220, 220, 220)}, "16 <= f0 <= 8000 Hz"),
    ("acoustic", {"f0": real(np.nan, 220, 220, 220)}, "16 <= f0 <= 8000 Hz"),
    ("acoustic", {"tokens": whole(1, -1)}, TOKENS),
    ("acoustic", {"languages": whole(0, 2)}, "the language is that of the token"),
    ("acoustic", {"energy": real(0, 0, 0, 0.5)}, "energy lies in its range"),
    ("acoustic", {"tension": real(0, 0, 0, 30)}, "tension lies in its range"),
    ("acoustic", {"gender": real(0, 0, 0, 20)}, "-12 <= gender <= 12"),
    ("acoustic", {"velocity": real(0, 1, 1, 1)}, "0.5 <= velocity <= 2"),
    ("acoustic", {"depth": np.array(0.7, np.float32)}, "0 <= depth <= max_depth"),
    ("acoustic", {"depth": np.array(0.5)}, "Unexpected input data type"),
    ("acoustic", {"steps": np.array(1001)}, "1 <= steps <= 1000"),
    ("acoustic", {"spk_embed": voice(1, signature=1.5)}, SPEAKER),
    ("old acoustic", {"depth": np.array(660)}, "0 <= depth <= max_depth"),
    ("old acoustic", {"speedup": np.array(7)}, "speedup divides the steps"),
    ("old acoustic", {"depth": np.array(0.6, np.float32)}, "Unexpected input data type"),
    ("vocoder", {"f0": real(0, 220)}, "16 <= f0 <= 8000 Hz"),
    ("vocoder", {"mel": np.full((1, 2, 12), np.nan, np.float32)}, "mel is finite and not loud"),
]


@pytest.mark.parametrize(("model", "wrong", "rule"), WRONG, ids=lambda item: item if isinstance(item, str) else None)
def test_what_is_wrong_is_refused(model, wrong, rule):
    with pytest.raises(Exception, match=rf"REQUIRED.*({rule})|{rule}"):  # onnxruntime has no common base of its own
        session(model).run(None, {**RIGHT[model], **wrong})


@pytest.mark.parametrize("name", RIGHT["pitch"])
def test_an_input_left_out_is_missed(name):
    with pytest.raises(ValueError, match="missing from input feed"):
        session("pitch").run(None, {key: value for key, value in RIGHT["pitch"].items() if key != name})


def test_an_input_too_many_is_refused():
    with pytest.raises(Exception, match="Invalid input name"):
        session("vocoder").run(None, {**RIGHT["vocoder"], "languages": whole(0)})
