"""The models of a voicebank of usual size: the layers that today's exporters write, with random weights.

Sizes and layers follow the current defaults of DiffSinger, so that the models cost what real ones cost: six residual
blocks that are nearly all matrix product around every sampling step, a transformer as encoder, convolutions that rise
to the sample rate as vocoder. They compute nothing that anybody wants to hear.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.onnx_files import BOOL, FLOAT, INT, Graph

CURVES = ("energy", "breathiness", "voicing", "tension")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Widths of the layers; the defaults are the usual ones.

    Attributes
    ----------
    hidden : int
        Of encoders and speaker embeddings.
    encoder_layers, encoder_width, acoustic_width : int
        Transformer blocks of an encoder, and the width of their inner layer.
    acoustic, pitch, variance : int
        Channels of the blocks around a sampling step.
    blocks : int
        How many of them.
    decoder : int
        Channels of the auxiliary decoder, whose spectrogram shallow diffusion begins with.
    duration : int
        Channels of the duration predictor.
    melody : int
        Channels of the encoder of notes.
    vocoder : int
        Channels of the vocoder's first layer; each later one has half as many.
    """

    hidden: int = 384
    encoder_layers: int = 4
    encoder_width: int = 1792
    acoustic_width: int = 2048
    acoustic: int = 1024
    pitch: int = 512
    variance: int = 384
    blocks: int = 6
    decoder: int = 512
    duration: int = 512
    melody: int = 256
    vocoder: int = 512
    n_mels: int = 128
    resblocks: Sequence[tuple[int, tuple[int, ...]]] = field(
        default=((3, (1, 3, 5)), (7, (1, 3, 5)), (11, (1, 3, 5)))
    )  # fmt: skip


HOP_SIZE, SAMPLE_RATE = 512, 44_100
MAX_DEPTH = 0.6
KEY_SHIFT = 5.0  # semitones either way that gender is trained over
_HEADS = 2
_UPSAMPLING = ((8, 16), (8, 16), (2, 4), (2, 4), (2, 4))  # stride and kernel; the strides make a hop
_MEL_RANGE = (-12.0, 0.0)  # natural logarithms
_PITCH_BINS, _PITCH_RANGE = 64, 0.5  # semitones that random weights may bend the pitch by
_VARIANCE_BINS = 18  # of each curve
_CURVE_RANGES = {
    "energy": (-40.0, -10.0), "breathiness": (-60.0, -20.0), "voicing": (-40.0, -5.0), "tension": (-3.0, 3.0),
}  # fmt: skip


def linguistic(sizes: Sizes, *, tokens: int, languages: int) -> Graph:
    """Encoder in word mode."""
    g = Graph("linguistic")
    ids = g.input("tokens", INT, [1, "n_tokens"])
    language = g.input("languages", INT, [1, "n_tokens"])
    word_div = g.input("word_div", INT, [1, "n_words"])
    word_dur = g.input("word_dur", INT, [1, "n_words"])
    agreed = g.op("Add", word_div, g.op("Mul", word_dur, g.const(0, np.int64)))
    lengths = g.op("Log", g.op("Add", g.float(g.spread(word_dur, agreed)), g.const(1.0)))
    x = g.sum(
        g.embedding(ids, tokens, sizes.hidden),
        g.embedding(language, languages + 1, sizes.hidden),
        g.linear(g.column(lengths), 1, sizes.hidden),
    )
    x = _transformer(g, x, sizes.hidden, sizes.encoder_width, sizes.encoder_layers)
    g.output("encoder_out", x, FLOAT, [1, "n_tokens", sizes.hidden])
    g.output("x_masks", g.op("Equal", ids, g.const(0, np.int64)), BOOL, [1, "n_tokens"])
    return g


def dur(sizes: Sizes) -> Graph:
    """Convolutions; phonemes last about as long as sung ones do."""
    g = Graph("dur")
    encoder_out = g.input("encoder_out", FLOAT, [1, "n_tokens", sizes.hidden])
    masks = g.input("x_masks", BOOL, [1, "n_tokens"])
    midi = g.input("ph_midi", INT, [1, "n_tokens"])
    x = g.sum(encoder_out, g.embedding(midi, 128, sizes.hidden), _speaker(g, sizes, "n_tokens"))
    x, channels = g.channels_first(x), sizes.hidden
    for _ in range(2):
        x = g.op("Relu", g.conv(x, channels, sizes.duration, 3))
        channels = sizes.duration
    log = g.linear(g.channels_first(x), channels, 1, gain=0.3)
    frames = g.op("Exp", g.op("Add", g.op("Clip", log, g.const(-1.0), g.const(1.0)), g.const(math.log(10))))
    frames = g.op("Where", masks, g.const(0.0), g.op("Squeeze", frames, g.ints(2)))
    g.output("ph_dur_pred", frames, FLOAT, [1, "n_tokens"])
    return g


def pitch(sizes: Sizes) -> Graph:
    """Bends the steps of the notes, after an encoder of notes."""
    g = Graph("pitch")
    encoder_out = g.input("encoder_out", FLOAT, [1, "n_tokens", sizes.hidden])
    ph_dur = g.input("ph_dur", INT, [1, "n_tokens"])
    note_midi = g.input("note_midi", FLOAT, [1, "n_notes"])
    note_rest = g.input("note_rest", BOOL, [1, "n_notes"])
    note_dur = g.input("note_dur", INT, [1, "n_notes"])
    given = g.input("pitch", FLOAT, [1, "n_frames"])
    expr = g.input("expr", FLOAT, [1, "n_frames"])
    retake = g.input("retake", BOOL, [1, "n_frames"])
    speaker = _speaker(g, sizes, "n_frames")
    steps = g.input("steps", INT, [])

    note_features = g.op(
        "Concat", g.column(g.op("Mul", note_midi, g.const(1 / 60))), g.column(g.float(note_rest)), axis=2
    )  # fmt: skip
    notes = g.linear(note_features, 2, sizes.melody)
    notes = g.linear(_transformer(g, notes, sizes.melody, 3 * sizes.melody, 2), sizes.melody, sizes.hidden)
    base = _smoothed(g, g.spread(note_midi, note_dur))
    base = g.op("Where", retake, base, given)
    taken = g.column(g.op("Mul", expr, g.float(retake)))
    condition = g.sum(
        g.spread(encoder_out, ph_dur),
        g.spread(notes, note_dur),
        g.linear(taken, 1, sizes.hidden),
        g.linear(g.column(g.op("Mul", base, g.const(1 / 60))), 1, sizes.hidden),
        speaker,
    )
    noise = _noise(g, given, (1, 1, _PITCH_BINS))
    x = _sample(g, noise, condition, steps, bins=_PITCH_BINS, channels=sizes.pitch, sizes=sizes)
    bend = g.op("Squeeze", g.op("ReduceMean", x, axes=[2], keepdims=0), g.ints(1))
    bend = g.op("Clip", g.op("Mul", bend, g.const(_PITCH_RANGE)), g.const(-12.0), g.const(12.0))
    g.output("pitch_pred", g.op("Where", retake, g.op("Add", base, bend), given), FLOAT, [1, "n_frames"])
    return g


def variance(sizes: Sizes) -> Graph:
    """All four curves."""
    g = Graph("variance")
    encoder_out = g.input("encoder_out", FLOAT, [1, "n_tokens", sizes.hidden])
    ph_dur = g.input("ph_dur", INT, [1, "n_tokens"])
    midi = g.input("pitch", FLOAT, [1, "n_frames"])
    given = [g.input(name, FLOAT, [1, "n_frames"]) for name in CURVES]
    retake = g.input("retake", BOOL, [1, "n_frames", len(CURVES)])
    speaker = _speaker(g, sizes, "n_frames")
    steps = g.input("steps", INT, [])

    kept = g.op("Sub", g.const(1.0), g.float(retake))
    known = g.op("Mul", g.op("Concat", *map(g.column, given), axis=2), g.op("Mul", kept, g.const(0.01)))
    condition = g.sum(
        g.spread(encoder_out, ph_dur),
        g.linear(g.column(g.op("Mul", midi, g.const(1 / 60))), 1, sizes.hidden),
        g.linear(known, len(CURVES), sizes.hidden),
        speaker,
    )
    bins = len(CURVES) * _VARIANCE_BINS
    noise = g.reshape(_noise(g, midi, (1, len(CURVES), _VARIANCE_BINS)), 1, 1, bins, -1)
    x = _sample(g, noise, condition, steps, bins=bins, channels=sizes.variance, sizes=sizes)
    means = g.op("ReduceMean", g.reshape(x, 1, len(CURVES), _VARIANCE_BINS, -1), axes=[2], keepdims=0)
    for index, name in enumerate(CURVES):
        low, high = _CURVE_RANGES[name]
        unit = g.op("Gather", means, g.const(index, np.int64), axis=1)
        curve = g.op("Add", g.op("Mul", unit, g.const((high - low) / 2)), g.const((high + low) / 2))
        low, high = (-10.0, 10.0) if name == "tension" else (-96.0, 0.0)
        g.output(f"{name}_pred", g.op("Clip", curve, g.const(low), g.const(high)), FLOAT, [1, "n_frames"])
    return g


def acoustic(sizes: Sizes, *, tokens: int, languages: int) -> Graph:
    """Encoder, auxiliary decoder, and shallow diffusion from what that gives."""
    g = Graph("acoustic")
    ids = g.input("tokens", INT, [1, "n_tokens"])
    language = g.input("languages", INT, [1, "n_tokens"])
    durations = g.input("durations", INT, [1, "n_tokens"])
    f0 = g.input("f0", FLOAT, [1, "n_frames"])
    curves = [g.input(name, FLOAT, [1, "n_frames"]) for name in CURVES]
    gender = g.input("gender", FLOAT, [1, "n_frames"])
    velocity = g.input("velocity", FLOAT, [1, "n_frames"])
    speaker = _speaker(g, sizes, "n_frames")
    depth = g.input("depth", FLOAT, [])
    steps = g.input("steps", INT, [])

    lengths = g.op("Log", g.op("Add", g.float(durations), g.const(1.0)))
    x = g.sum(
        g.embedding(ids, tokens, sizes.hidden),
        g.embedding(language, languages + 1, sizes.hidden),
        g.linear(g.column(lengths), 1, sizes.hidden),
    )
    x = _transformer(g, x, sizes.hidden, sizes.acoustic_width, sizes.encoder_layers)
    shift = g.op("Mul", g.op("Clip", gender, g.const(-1.0), g.const(1.0)), g.const(KEY_SHIFT))
    speed = g.op("Clip", velocity, g.const(0.5), g.const(2.0))
    height = g.op("Log", g.op("Add", g.op("Mul", f0, g.const(1 / 700)), g.const(1.0)))
    frames = [height, *(g.op("Mul", curve, g.const(0.01)) for curve in curves), shift, speed]
    condition = g.sum(
        g.spread(x, durations),
        g.linear(g.op("Concat", *map(g.column, frames), axis=2), len(frames), sizes.hidden),
        speaker,
    )
    decoded = _decoder(g, condition, sizes)
    noise = _noise(g, condition, (1, 1, sizes.n_mels))
    allowed = g.op("Min", depth, g.const(MAX_DEPTH))
    start = g.op("Sub", g.const(1.0), g.reshape(allowed))
    mixed = _begin_at(g, start, noise, decoded)
    x = _sample(g, mixed, condition, steps, start=start, bins=sizes.n_mels, channels=sizes.acoustic, sizes=sizes)
    low, high = _MEL_RANGE
    mel = g.op("Transpose", g.op("Squeeze", x, g.ints(1)), perm=[0, 2, 1])
    mel = g.op("Add", g.op("Mul", mel, g.const((high - low) / 2)), g.const((high + low) / 2))
    g.output("mel", mel, FLOAT, [1, "n_frames", sizes.n_mels])
    return g


def vocoder(sizes: Sizes) -> Graph:
    """A source at f0, and convolutions that rise to the sample rate; nothing random."""
    g = Graph("vocoder")
    mel = g.input("mel", FLOAT, [1, "n_frames", sizes.n_mels])
    f0 = g.input("f0", FLOAT, [1, "n_frames"])
    source = _sine(g, f0)
    x = g.conv(g.channels_first(mel), sizes.n_mels, sizes.vocoder, 7, gain=0.1)
    channels, stride_left = sizes.vocoder, HOP_SIZE
    for stride, kernel in _UPSAMPLING:
        x = g.conv_transpose(g.op("LeakyRelu", x, alpha=0.1), channels, channels // 2, kernel, stride)
        channels, stride_left = channels // 2, stride_left // stride
        reach = 2 * stride_left if stride_left > 1 else 1
        x = g.op("Add", x, g.conv(source, 1, channels, reach, stride=stride_left))
        branches = [_resblock(g, x, channels, kernel, dilations) for kernel, dilations in sizes.resblocks]
        x = g.op("Mul", g.sum(*branches), g.const(1 / len(branches)))
    x = g.conv(g.op("LeakyRelu", x, alpha=0.01), channels, 1, 7, gain=0.1)
    g.output("waveform", g.op("Squeeze", g.op("Tanh", x), g.ints(1)), FLOAT, [1, "n_samples"])
    return g


def _resblock(g: Graph, x: str, channels: int, kernel: int, dilations: Sequence[int]) -> str:
    for dilation in dilations:
        y = g.conv(g.op("LeakyRelu", x, alpha=0.1), channels, channels, kernel, dilation=dilation)
        y = g.conv(g.op("LeakyRelu", y, alpha=0.1), channels, channels, kernel, gain=0.3)
        x = g.op("Add", x, y)
    return x


def _sine(g: Graph, f0: str) -> str:
    """A sine at f0, [1, 1, n_samples]: cycles so far from frame to frame, then sample by sample."""
    per_sample = g.op("Mul", g.column(f0), g.const(1 / SAMPLE_RATE))
    inside = g.op("Mul", per_sample, g.const(np.arange(HOP_SIZE).reshape(1, 1, -1)))
    whole = g.op("Mul", per_sample, g.const(float(HOP_SIZE)))
    before = g.op("Mod", g.op("CumSum", whole, g.const(1, np.int64), exclusive=1), g.const(1.0), fmod=1)
    phase = g.reshape(g.op("Add", inside, before), 1, 1, -1)
    return g.op("Mul", g.op("Sin", g.op("Mul", phase, g.const(2 * math.pi))), g.const(0.1))


def _speaker(g: Graph, sizes: Sizes, axis: str) -> str:
    return g.input("spk_embed", FLOAT, [1, axis, sizes.hidden])


def _transformer(g: Graph, x: str, hidden: int, width: int, layers: int) -> str:
    """Self-attention, then a convolution over three tokens and a matrix back, [1, n, hidden]."""
    for _ in range(layers):
        x = g.op("Add", x, _attention(g, g.layer_norm(x, hidden), hidden))
        y = g.channels_first(g.layer_norm(x, hidden))
        y = g.channels_first(g.conv(y, hidden, width, 3))
        x = g.op("Add", x, g.linear(g.gelu(y), width, hidden, gain=0.3))
    return g.layer_norm(x, hidden)


def _attention(g: Graph, x: str, hidden: int) -> str:
    size = hidden // _HEADS

    def heads(source: str, *perm: int) -> str:
        return g.op("Transpose", g.reshape(source, 1, -1, _HEADS, size), perm=list(perm))

    query, key, value = g.split("Split", 3, g.linear(x, hidden, 3 * hidden), axis=2)
    scores = g.op("MatMul", heads(query, 0, 2, 1, 3), heads(key, 0, 2, 3, 1))
    weights = g.op("Softmax", g.op("Mul", scores, g.const(1 / math.sqrt(size))), axis=-1)
    mixed = g.op("Transpose", g.op("MatMul", weights, heads(value, 0, 2, 1, 3)), perm=[0, 2, 1, 3])
    return g.linear(g.reshape(mixed, 1, -1, hidden), hidden, hidden, gain=0.3)


def _decoder(g: Graph, condition: str, sizes: Sizes) -> str:
    """Convolutions that give a spectrogram at once, [1, 1, n_mels, n_frames]."""
    size = sizes.decoder
    x = g.conv(g.channels_first(condition), sizes.hidden, size, 7)
    for _ in range(sizes.blocks):
        y = g.channels_first(g.conv(x, size, size, 7, groups=size))
        y = g.gelu(g.linear(g.layer_norm(y, size), size, 4 * size))
        x = g.op("Add", x, g.channels_first(g.linear(y, 4 * size, size, gain=0.3)))
    mel = g.conv(x, size, sizes.n_mels, 7, gain=0.3)
    return g.op("Unsqueeze", mel, g.ints(1))


def _noise(g: Graph, frames: str, shape: Sequence[int]) -> str:
    """Noise of a shape whose last axis is the frames, which are axis 1 of ``frames``."""
    n_frames = g.op("Gather", g.op("Shape", frames), g.ints(1))
    zeros = g.op("ConstantOfShape", g.op("Concat", g.ints(*shape), n_frames, axis=0))
    return g.op("RandomNormalLike", zeros)


def _begin_at(g: Graph, start: str, noise: str, decoded: str) -> str:
    """Noise alone where sampling begins at 0, else mixed with the decoded spectrogram."""
    alone, mixed = g.body("alone"), g.body("mixed")
    alone.output("noise_alone", noise, FLOAT, None)
    rest = mixed.op("Mul", noise, mixed.op("Sub", mixed.const(1.0), start))
    mixed.output("noise_mixed", mixed.op("Add", mixed.op("Mul", decoded, start), rest), FLOAT, None)
    return g.op("If", g.op("LessOrEqual", start, g.const(0.0)), then_branch=alone, else_branch=mixed)


def _sample(
    g: Graph, x: str, condition: str, steps: str, *, bins: int, channels: int, sizes: Sizes, start: str | None = None
) -> str:
    """``steps`` Euler steps of a flow from ``start`` to 1, each one pass through the blocks, [1, 1, bins, n_frames]."""
    begin = start or g.const(0.0)
    count = g.op("Max", g.reshape(steps), g.const(1, np.int64))
    length = g.op("Div", g.op("Sub", g.const(1.0), begin), g.float(count))
    told = g.linear(condition, sizes.hidden, channels)
    loop = g.body("sampling_step")
    turn = loop.input("turn", INT, [])
    loop.input("go_on", BOOL, [])
    state = loop.input("state", FLOAT, [1, 1, bins, "n_frames"])
    time = loop.op("Add", begin, loop.op("Mul", loop.float(turn), length))
    velocity = _denoiser(loop, state, told, time, bins=bins, channels=channels, blocks=sizes.blocks)
    loop.output("go_on_out", "go_on", BOOL, [])
    loop.output("state_out", loop.op("Add", state, loop.op("Mul", velocity, length)), FLOAT, [1, 1, bins, "n_frames"])
    return g.op("Loop", g.reshape(steps), g.const(True, np.bool_), x, body=loop)


def _denoiser(g: Graph, state: str, told: str, time: str, *, bins: int, channels: int, blocks: int) -> str:
    """Blocks of a depthwise convolution and three gated matrices (LYNXNet 2)."""
    x = g.op("Transpose", g.op("Squeeze", state, g.ints(1)), perm=[0, 2, 1])
    x = g.gelu(g.linear(x, bins, channels))
    x = g.sum(x, told, _time_embedding(g, time, channels))
    for _ in range(blocks):
        y = g.channels_first(g.layer_norm(x, channels))
        y = g.channels_first(g.conv(y, channels, channels, 31, groups=channels))
        y = _gated(g, g.linear(y, channels, 2 * channels))
        y = _gated(g, g.linear(y, channels, 2 * channels))
        x = g.op("Add", x, g.linear(y, channels, channels, gain=0.5))
    x = g.linear(g.layer_norm(x, channels), channels, bins, gain=0.5)
    return g.op("Unsqueeze", g.channels_first(x), g.ints(1))


def _time_embedding(g: Graph, time: str, channels: int) -> str:
    half = channels // 2
    rates = np.exp(-math.log(10_000) * np.arange(half) / (half - 1)).reshape(1, 1, -1)
    angles = g.op("Mul", g.op("Mul", time, g.const(1000.0)), g.const(rates))
    x = g.op("Concat", g.op("Sin", angles), g.op("Cos", angles), axis=2)
    return g.linear(g.gelu(g.linear(x, channels, 4 * channels)), 4 * channels, channels)


def _gated(g: Graph, x: str) -> str:
    value, gate = g.split("Split", 2, x, axis=2)
    return g.op("Mul", value, g.silu(gate))


def _smoothed(g: Graph, steps: str) -> str:
    """The steps of the notes, their corners rounded over five frames, [1, n_frames]."""
    arch = np.sin(np.pi * np.arange(5) / 4)
    padded = g.op("Pad", g.op("Unsqueeze", steps, g.ints(1)), g.ints(0, 0, 2, 0, 0, 2), mode="edge")
    return g.op("Squeeze", g.op("Conv", padded, g.const((arch / arch.sum()).reshape(1, 1, -1))), g.ints(1))
