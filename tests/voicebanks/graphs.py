"""The six models of a tiny voicebank as ONNX graphs of a few nodes.

They compute something simple and exact from what they are fed, and fail where its lengths do not fit, as trained
models do. Sound: a sine at f0 whose loudness tells the kind of phoneme, with a little noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import TensorProto, helper, numpy_helper

INT, FLOAT, BOOL = TensorProto.INT64, TensorProto.FLOAT, TensorProto.BOOL


class Graph:
    """A graph under construction; every method adds a node and gives the name of its result."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes, self._inputs, self._outputs, self._initializers = [], [], [], []

    def input(self, name: str, dtype: int, shape: Sequence[int | str]) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, name: str, source: str, dtype: int, shape: Sequence[int | str]) -> None:
        self._nodes.append(helper.make_node("Identity", [source], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def const(self, value: object, dtype: type = np.float32) -> str:
        name = f"const_{len(self._initializers)}"
        self._initializers.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        result = f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [result], **attributes))
        return result

    def float(self, source: str) -> str:
        return self.op("Cast", source, to=FLOAT)

    def unsqueeze(self, source: str, axis: int) -> str:
        return self.op("Unsqueeze", source, self.const([axis], np.int64))

    def flat(self, source: str) -> str:
        return self.op("Reshape", source, self.const([-1], np.int64))

    def row(self, source: str) -> str:
        return self.op("Reshape", source, self.const([1, -1], np.int64))

    def nothing(self, source: str) -> str:
        """Zeros in the shape of a number tensor: adding it checks that shapes agree."""
        return self.op("Mul", self.float(source), self.const(0.0))

    def sum(self, *sources: str) -> str:
        return self.op("Sum", *sources)

    def owner(self, counts: str) -> str:
        """For counts (c0, c1, ...): 0 c0 times, 1 c1 times, ...: to which item each unit belongs."""
        flat = self.flat(counts)
        ends = self.op("CumSum", flat, self.const(0, np.int64))
        total = self.op("ReduceSum", flat, keepdims=0)
        units = self.op("Range", self.const(0, np.int64), total, self.const(1, np.int64))
        passed = self.op("GreaterOrEqual", self.unsqueeze(units, 1), self.unsqueeze(ends, 0))
        return self.op("ReduceSum", self.op("Cast", passed, to=INT), self.const([1], np.int64), keepdims=0)

    def repeat(self, values: str, counts: str) -> str:
        """Items of [1, n] each as often as told by [1, n], as [1, total]."""
        return self.row(self.op("Gather", self.flat(values), self.owner(counts)))

    def last_axis_sum(self, source: str) -> str:
        return self.op("ReduceSum", source, self.const([2], np.int64), keepdims=0)

    def noise_like(self, source: str, scale: float) -> str:
        return self.op("Mul", self.op("RandomNormalLike", source), self.const(scale))

    def serialized(self) -> bytes:
        graph = helper.make_graph(self._nodes, self.name, self._inputs, self._outputs, self._initializers)
        opset = helper.make_opsetid("", 17)
        # Exported graphs that were merged repeat the entry.
        model = helper.make_model(graph, opset_imports=[opset, opset], ir_version=8)
        return model.SerializeToString()


def linguistic(*, hidden: int, by_word: bool, languages: bool) -> bytes:
    """Encoder whose channels are: token, frames of its word or itself, language."""
    g = Graph("linguistic")
    tokens = g.input("tokens", INT, [1, "n_tokens"])
    language = g.input("languages", INT, [1, "n_tokens"]) if languages else None
    if by_word:
        word_div = g.input("word_div", INT, [1, "n_words"])
        word_dur = g.input("word_dur", INT, [1, "n_words"])
        agreed = g.op("Add", g.flat(word_div), g.op("Mul", g.flat(word_dur), g.const(0, np.int64)))
        length = g.repeat(g.float(word_dur), agreed)
    else:
        length = g.float(g.input("ph_dur", INT, [1, "n_tokens"]))
    channels = [g.float(tokens), g.sum(length, g.nothing(tokens))]
    channels.append(g.float(language) if language else g.nothing(tokens))
    channels += [g.nothing(tokens)] * (hidden - len(channels))
    g.output(
        "encoder_out", g.op("Concat", *(g.unsqueeze(c, 2) for c in channels), axis=2), FLOAT, [1, "n_tokens", hidden]
    )
    g.output("x_masks", g.op("Equal", tokens, g.const(0, np.int64)), BOOL, [1, "n_tokens"])
    return g.serialized()


def dur(*, hidden: int, frames: Sequence[float], speakers: bool) -> bytes:
    """Lengths by a table over tokens."""
    g = Graph("dur")
    encoder_out = g.input("encoder_out", FLOAT, [1, "n_tokens", hidden])
    x_masks = g.input("x_masks", BOOL, [1, "n_tokens"])
    midi = g.input("ph_midi", INT, [1, "n_tokens"])
    table = g.op("Gather", g.const(frames), _tokens(g, encoder_out))
    terms = [table, g.nothing(midi), g.nothing(g.op("Cast", x_masks, to=FLOAT))]
    if speakers:
        terms.append(_speaker(g, hidden, "n_tokens"))
    # Notes beyond 127 are outside the table of a trained model.
    terms.append(g.nothing(g.op("Gather", g.const(np.zeros(128)), midi)))
    g.output("ph_dur_pred", g.sum(*terms), FLOAT, [1, "n_tokens"])
    return g.serialized()


def pitch(*, hidden: int, speakers: bool, expr: bool, note_rest: bool) -> bytes:
    """The notes as steps; a hundredth of the speaker's first value on top."""
    g = Graph("pitch")
    g.input("encoder_out", FLOAT, [1, "n_tokens", hidden])
    ph_dur = g.input("ph_dur", INT, [1, "n_tokens"])
    note_midi = g.input("note_midi", FLOAT, [1, "n_notes"])
    terms = []
    if note_rest:
        rest = g.input("note_rest", BOOL, [1, "n_notes"])
        note_midi = g.sum(note_midi, g.nothing(g.op("Cast", rest, to=FLOAT)))
    note_dur = g.input("note_dur", INT, [1, "n_notes"])
    given = g.input("pitch", FLOAT, [1, "n_frames"])
    if expr:
        terms.append(g.nothing(g.input("expr", FLOAT, [1, "n_frames"])))
    retake = g.input("retake", BOOL, [1, "n_frames"])
    if speakers:
        terms.append(g.op("Mul", _speaker(g, hidden, "n_frames"), g.const(0.01)))
    terms += [g.repeat(note_midi, note_dur), g.nothing(given), g.nothing(g.op("Cast", retake, to=FLOAT))]
    terms += [g.nothing(g.repeat(g.float(ph_dur), ph_dur)), g.nothing(g.input("steps", INT, []))]
    noise = g.noise_like(g.unsqueeze(given, 1), 0.001)
    terms.append(g.op("Squeeze", noise, g.const([1], np.int64)))
    g.output("pitch_pred", g.sum(*terms), FLOAT, [1, "n_frames"])
    return g.serialized()


LEVELS: Mapping[str, float] = {"energy": -20.0, "breathiness": -40.0, "voicing": -15.0, "tension": 30.0}
"""What each curve is predicted to be; the tension lies outside its range."""


def variance(*, hidden: int, speakers: bool, curves: Sequence[str]) -> bytes:
    """Constant curves."""
    g = Graph("variance")
    g.input("encoder_out", FLOAT, [1, "n_tokens", hidden])
    ph_dur = g.input("ph_dur", INT, [1, "n_tokens"])
    terms = [g.nothing(g.input("pitch", FLOAT, [1, "n_frames"])), g.nothing(g.repeat(g.float(ph_dur), ph_dur))]
    terms += [g.nothing(g.input(name, FLOAT, [1, "n_frames"])) for name in curves]
    retake = g.op("Cast", g.input("retake", BOOL, [1, "n_frames", len(curves)]), to=FLOAT)
    terms.append(g.nothing(g.last_axis_sum(retake)))
    if speakers:
        terms.append(g.nothing(_speaker(g, hidden, "n_frames")))
    terms.append(g.nothing(g.input("steps", INT, [])))
    flat = g.sum(*terms)
    for name in curves:
        g.output(f"{name}_pred", g.op("Add", flat, g.const(LEVELS[name])), FLOAT, [1, "n_frames"])
    return g.serialized()


def acoustic(
    *, hidden: int, loudness: Sequence[float], n_mels: int, speakers: bool, languages: bool, curves: Sequence[str],
    depth: bool, shifts: bool, base: str,
) -> bytes:  # fmt: skip
    """A log mel whose bins all hold the loudness of the phoneme, and a trace of what else was fed."""
    g = Graph("acoustic")
    tokens = g.input("tokens", INT, [1, "n_tokens"])
    level = g.op("Gather", g.const(np.log(loudness)), tokens)
    if languages:
        level = g.sum(level, g.nothing(g.input("languages", INT, [1, "n_tokens"])))
    durations = g.input("durations", INT, [1, "n_tokens"])
    terms = [g.repeat(level, durations), g.nothing(g.input("f0", FLOAT, [1, "n_frames"]))]
    names = (*curves, *(("gender", "velocity") if shifts else ()))
    terms += [g.nothing(g.input(name, FLOAT, [1, "n_frames"])) for name in names]
    if speakers:
        terms.append(g.op("Mul", _speaker(g, hidden, "n_frames"), g.const(0.1)))
    if depth:
        terms.append(g.nothing(g.input("depth", FLOAT, [])))
    terms.append(g.nothing(g.input("steps", INT, [])))
    mel = g.op("Mul", g.unsqueeze(g.sum(*terms), 2), g.const(np.full((1, 1, n_mels), 1.0 if base == "e" else
                                                                     0.4342945)))  # fmt: skip
    g.output("mel", g.sum(mel, g.noise_like(mel, 0.01)), FLOAT, [1, "n_frames", n_mels])
    return g.serialized()


def vocoder(*, n_mels: int, hop_size: int, sample_rate: int, noise: float = 0.001) -> bytes:
    """A sine at f0, as loud as the natural mel says, in noise."""
    g = Graph("vocoder")
    mel = g.input("mel", FLOAT, [1, "n_frames", n_mels])
    f0 = g.input("f0", FLOAT, [1, "n_frames"])
    level = g.op("Exp", g.op("ReduceMean", mel, axes=[2], keepdims=0))

    def held(frames: str) -> str:
        return g.row(g.op("Expand", g.unsqueeze(frames, 2), g.const([1, 1, hop_size], np.int64)))

    steps = g.op("Cast", g.op("Div", held(f0), g.const(float(sample_rate))), to=TensorProto.DOUBLE)
    cycles = g.op("CumSum", steps, g.const(1, np.int64))
    phase = g.float(g.op("Mod", cycles, g.const(1.0, np.float64), fmod=1))
    wave = g.op("Mul", g.op("Sin", g.op("Mul", phase, g.const(2 * np.pi))), held(level))
    if noise:
        wave = g.sum(wave, g.noise_like(wave, noise))
    g.output("waveform", wave, FLOAT, [1, "n_samples"])
    return g.serialized()


def _tokens(g: Graph, encoder_out: str) -> str:
    first = g.op("Gather", encoder_out, g.const(0, np.int64), axis=2)
    return g.op("Cast", first, to=INT)


def _speaker(g: Graph, hidden: int, axis: str) -> str:
    """First value of the embedding, [1, n]."""
    return g.op("Gather", g.input("spk_embed", FLOAT, [1, axis, hidden]), g.const(0, np.int64), axis=2)
