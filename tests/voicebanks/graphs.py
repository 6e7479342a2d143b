"""The models of a tiny voicebank as ONNX graphs of a few nodes.

They compute something simple and exact from what they are fed, and refuse what a trained model would choke on or,
worse, would take in silence: a wrong sum, another stage's ids or embeddings, Hz for semitones, a control out of range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tests.voicebanks.graph import BOOL, FLOAT, INT, Graph, Sampling
from tests.voicebanks.sound import BANDS, LEVELS, MIDDLE_C_HZ, NATS_PER_DB, PARTIAL, RANGES, band_weights
from tests.voicebanks.vocoders import vocoder

__all__ = [
    "BOOL", "FLOAT", "INT", "LEVELS", "Graph", "Sampling", "acoustic", "dur", "linguistic", "pitch", "variance",
    "vocoder",
]  # fmt: skip

PHONEMES, FRAMES = [1, "n_tokens"], [1, "n_frames"]


def linguistic(
    *, hidden: int, by_word: bool | None, languages: Sequence[Sequence[int]] | bool, vocabulary: int = 1000
) -> bytes:
    """Encoder whose channels are: token, frames of its word or itself, language, frames in all.

    Parameters
    ----------
    by_word : bool or None
        Whether it takes words or the lengths of phonemes; None: neither, and its second and fourth channel are 0.
    languages : sequence of sequences of int, or bool
        For each token the language ids that are right; true: any; false: there is no such input.
    """
    g = Graph("linguistic")
    tokens = _tokens(g, vocabulary)
    language = _languages(g, tokens, languages)
    length = total = None
    if by_word:
        word_div, word_dur = g.input("word_div", INT, [1, "n_words"]), g.input("word_dur", INT, [1, "n_words"])
        g.require("word_div >= 1", g.between(word_div, 1, 1000, whole=True))
        g.require("word_dur >= 1", g.between(word_dur, 1, 100_000, whole=True))
        right = g.require("sum(word_div) = n_tokens", g.equal(g.total(word_div), g.length(tokens)))
        agreed = g.op("Add", g.flat(word_div), g.op("Mul", g.flat(word_dur), g.const(0, np.int64)))
        length, total = g.repeat(g.sum(g.float(word_dur), right), agreed), g.total(word_dur)
    elif by_word is False:
        ph_dur = g.input("ph_dur", INT, PHONEMES)
        g.require("ph_dur >= 1", g.between(ph_dur, 1, 100_000, whole=True))
        length, total = g.float(ph_dur), g.total(ph_dur)
    nothing = g.nothing(tokens)
    channels = [
        g.float(tokens),
        g.sum(length, nothing) if length else nothing,
        g.float(language) if language else nothing,
        g.sum(g.float(total), nothing) if total else nothing,
    ]
    channels = (channels + [nothing] * hidden)[:hidden]
    encoded = g.op("Concat", *(g.unsqueeze(channel, 2) for channel in channels), axis=2)
    g.output("encoder_out", encoded, FLOAT, [*PHONEMES, hidden])
    g.output("x_masks", g.equal(tokens, g.const(0, np.int64)), BOOL, PHONEMES)
    return g.serialized()


def dur(*, hidden: int, frames: Sequence[float], speakers: int, signature: float | None = None) -> bytes:
    """Lengths by a table over tokens."""
    g = Graph("dur")
    encoder_out = g.input("encoder_out", FLOAT, [*PHONEMES, hidden])
    x_masks = g.input("x_masks", BOOL, PHONEMES)
    midi = g.input("ph_midi", INT, PHONEMES)
    g.require("no phoneme is masked", g.op("Not", x_masks))
    g.require("1 <= ph_midi <= 127", g.between(midi, 1, 127, whole=True))
    terms = [g.op("Gather", g.const(frames), g.whole(g.channel(encoder_out, 0))), g.nothing(midi)]
    if speakers:
        terms.append(g.nothing(_speaker(g, hidden, "n_tokens", speakers, signature)))
    g.output("ph_dur_pred", g.sum(*terms), FLOAT, PHONEMES)
    return g.serialized()


def pitch(
    *, hidden: int, speakers: int, expr: bool, note_rest: bool, note_glide: bool = False,
    encodes_lengths: bool = True, sampling: Sampling | None = None, signature: float | None = None,
) -> bytes:  # fmt: skip
    """The notes as steps, higher by a hundredth of the speaker's number, lower by a tenth without expression."""
    g = Graph("pitch")
    encoder_out = g.input("encoder_out", FLOAT, [*PHONEMES, hidden])
    ph_dur = g.input("ph_dur", INT, PHONEMES)
    note_midi = g.input("note_midi", FLOAT, [1, "n_notes"])
    g.require("0 < note_midi <= 127", g.between(note_midi, 1e-3, 127))
    terms = []
    if note_rest:
        rest = g.input("note_rest", BOOL, [1, "n_notes"])
        note_midi = g.sum(note_midi, g.nothing(rest))
    note_dur = g.input("note_dur", INT, [1, "n_notes"])
    g.require("note_dur >= 0", g.between(note_dur, 0, 100_000, whole=True))
    if note_glide:
        g.require("0 <= note_glide <= 2", g.between(g.input("note_glide", INT, [1, "n_notes"]), 0, 2, whole=True))
    given = g.input("pitch", FLOAT, FRAMES)
    n_frames = g.length(given)
    right = _require_frames(g, n_frames, ph_dur=ph_dur, note_dur=note_dur)
    _require_encoded(g, encoder_out, ph_dur, n_frames, lengths=encodes_lengths)
    g.require("1 <= pitch <= 127 semitones", g.between(given, 1, 127))
    if expr:
        g.input("expr", FLOAT, FRAMES)
        g.require("0 <= expr <= 1", g.between("expr", 0, 1))
        terms.append(g.scaled(g.op("Sub", "expr", g.const(1.0)), 0.1))
    retake = g.input("retake", BOOL, FRAMES)
    g.require("all of pitch is asked for", retake)
    if speakers:
        terms.append(g.scaled(_speaker(g, hidden, "n_frames", speakers, signature), 0.01))
    hurry = (sampling or Sampling()).inputs(g)["hurry"]
    terms += [g.repeat(g.sum(note_midi, right), note_dur), g.nothing(given), g.nothing(retake), g.nothing(hurry)]
    terms.append(g.op("Squeeze", g.noise_like(g.unsqueeze(given, 1), 0.001), g.const([1], np.int64)))
    g.output("pitch_pred", _ancestral(g, g.sum(*terms), sampling), FLOAT, FRAMES)
    return g.serialized()


def variance(
    *, hidden: int, speakers: int, curves: Sequence[str], encodes_lengths: bool = True,
    sampling: Sampling | None = None, levels: Mapping[str, float] = LEVELS, per_semitone: float = 0.0,
    signature: float | None = None,
) -> bytes:  # fmt: skip
    """Each curve at its level, more by ``per_semitone`` for every semitone above middle C."""
    g = Graph("variance")
    encoder_out = g.input("encoder_out", FLOAT, [*PHONEMES, hidden])
    ph_dur = g.input("ph_dur", INT, PHONEMES)
    midi = g.input("pitch", FLOAT, FRAMES)
    n_frames = g.length(midi)
    _require_frames(g, n_frames, ph_dur=ph_dur)
    _require_encoded(g, encoder_out, ph_dur, n_frames, lengths=encodes_lengths)
    g.require("1 <= pitch <= 127 semitones", g.between(midi, 1, 127))
    terms = [g.scaled(g.op("Sub", midi, g.const(60.0)), per_semitone)]
    for name in curves:
        g.require(f"{name} lies in its range", g.between(g.input(name, FLOAT, FRAMES), *RANGES[name]))
        terms.append(g.nothing(name))
    retake = g.input("retake", BOOL, [*FRAMES, len(curves)])
    g.require("all of every curve is asked for", retake)
    terms.append(g.nothing(g.last_axis_sum(g.float(retake))))
    if speakers:
        terms.append(g.nothing(_speaker(g, hidden, "n_frames", speakers, signature)))
    terms.append(g.nothing((sampling or Sampling()).inputs(g)["hurry"]))
    terms.append(g.noise_like(midi, 0.0))
    flat = _ancestral(g, g.sum(*terms), sampling)
    for name in curves:
        g.output(f"{name}_pred", g.op("Add", flat, g.const(levels[name])), FLOAT, FRAMES)
    return g.serialized()


def acoustic(
    *, hidden: int, loudness: Sequence[float], n_mels: int, speakers: int, languages: Sequence[Sequence[int]] | bool,
    curves: Sequence[str], depth: bool, shifts: bool, base: str, sampling: Sampling | None = None,
    max_depth: float = 1.0, levels: Mapping[str, float] = LEVELS, signature: float | None = None, forked: bool = False,
) -> bytes:  # fmt: skip
    """A log mel of six bands: how loud the phoneme is, and how far each control is from neutral."""
    g = Graph("acoustic")
    tokens = _tokens(g, len(loudness))
    level = g.op("Gather", g.const(np.log(loudness)), tokens)
    language = _languages(g, tokens, languages)
    if language:
        level = g.sum(level, g.nothing(language))
    durations = g.input("durations", INT, PHONEMES)
    f0 = g.input("f0", FLOAT, FRAMES)
    g.require("durations >= 1", g.between(durations, 1, 100_000, whole=True))
    right = _require_frames(g, g.length(f0), durations=durations)
    g.require("16 <= f0 <= 8000 Hz", g.between(f0, 16, 8000))
    for name in curves:
        g.require(f"{name} lies in its range", g.between(g.input(name, FLOAT, FRAMES), *RANGES[name]))
    if shifts:
        g.require("-12 <= gender <= 12", g.between(g.input("gender", FLOAT, FRAMES), -12, 12))
        g.require("0.5 <= velocity <= 2", g.between(g.input("velocity", FLOAT, FRAMES), 0.5, 2.0))
    level = g.sum(g.repeat(g.sum(level, right), durations), g.nothing(f0))
    if speakers:
        level = g.sum(level, g.scaled(_speaker(g, hidden, "n_frames", speakers, signature), 0.1))
    sampling = sampling or Sampling(depth="float" if depth else None)
    given = sampling.inputs(g, max_depth=max_depth)
    bands = _bands(g, level, f0, {name: g.op("Sub", name, g.const(levels[name])) for name in curves}, shifts=shifts)
    stacked = g.op("Concat", *(g.unsqueeze(bands[name], 2) for name in BANDS), axis=2)
    mel = g.op("MatMul", stacked, g.const(band_weights(n_mels) * (1.0 if base == "e" else 0.4342945)))
    if forked:
        mel = g.sum(mel, *_fork_inputs(g, n_mels))
    noise = g.noise_like(mel, 0.01)
    if "depth" in given:  # a depth of 0 is the auxiliary decoder alone, which draws nothing
        noise = g.op("Mul", noise, g.op("Sign", g.float(given["depth"])))
    mel = g.sum(mel, noise, g.nothing(given["hurry"]))
    g.output("mel", _ancestral(g, mel, sampling), FLOAT, [*FRAMES, n_mels])
    return g.serialized()


def _bands(g: Graph, level: str, f0: str, deltas: Mapping[str, str], *, shifts: bool) -> Mapping[str, str]:
    """The level of each band, [1, n_frames], from the curves' distances to what is predicted."""
    partial = g.op("Add", level, g.const(PARTIAL))
    changes: dict[str, list[str]] = {name: [] for name in BANDS}
    if "energy" in deltas:
        changes["voice"].append(g.scaled(deltas["energy"], NATS_PER_DB))
    if "breathiness" in deltas:
        changes["breath"].append(g.scaled(deltas["breathiness"], NATS_PER_DB))
    if "tension" in deltas:
        changes["tension"].append(g.scaled(deltas["tension"], 0.2))
    if "voicing" in deltas:
        for name in BANDS[:-1]:
            changes[name].append(g.scaled(deltas["voicing"], NATS_PER_DB))
    if shifts:
        changes["gender"].append(g.op("Clip", "gender", g.const(-1.0), g.const(1.0)))
        changes["velocity"].append(g.op("Log", "velocity"))
    octaves = g.scaled(g.op("Log", g.scaled(f0, 1.0 / MIDDLE_C_HZ)), 1.0 / np.log(2.0))
    changes["height"].append(g.scaled(octaves, 0.5))
    return {name: g.sum(level if name == "voice" else partial, *changes[name]) for name in BANDS}


def _fork_inputs(g: Graph, n_mels: int) -> list[str]:
    """What only forks of the exporter ask for."""
    given = g.input("gt_mel", FLOAT, [*FRAMES, n_mels])
    g.require("all of the mel is asked for", g.input("retake", BOOL, FRAMES))
    mouth = g.input("shift_mouth_opening", FLOAT, FRAMES)
    g.require("the mouth opens as it would", g.between(mouth, 0.0, 0.0))
    noise = g.op("Transpose", g.input("noise", FLOAT, [1, 1, n_mels, "n_frames"]), perm=[0, 1, 3, 2])
    noise = g.scaled(g.op("Squeeze", noise, g.const([1], np.int64)), 0.01)
    return [g.nothing(given), noise, g.nothing(g.unsqueeze(mouth, 2))]


def _tokens(g: Graph, vocabulary: int) -> str:
    tokens = g.input("tokens", INT, PHONEMES)
    g.require("1 <= tokens < vocabulary", g.between(tokens, 1, vocabulary - 1, whole=True))
    return tokens


def _languages(g: Graph, tokens: str, allowed: Sequence[Sequence[int]] | bool) -> str | None:
    if allowed is False:
        return None
    languages = g.input("languages", INT, PHONEMES)
    if allowed is True:
        return languages
    highest = max(max(ids, default=0) for ids in allowed)
    g.require("0 <= languages <= highest id", g.between(languages, 0, highest, whole=True))
    table = np.zeros((len(allowed), highest + 1), dtype=np.bool_)
    for token, ids in enumerate(allowed):
        table[token, list(ids)] = True
    at = g.op("Add", g.op("Mul", tokens, g.const(highest + 1, np.int64)), languages)
    inside = g.op("Clip", at, g.const(0, np.int64), g.const(table.size - 1, np.int64))
    g.require("the language is that of the token", g.op("Gather", g.const(table.reshape(-1), np.bool_), inside))
    return languages


def _speaker(g: Graph, hidden: int, axis: str, speakers: int, signature: float | None) -> str:
    """The speaker's number, [1, n]: a fraction for a mix. With a signature, only mixes of the stage's own pass."""
    vector = g.input("spk_embed", FLOAT, [1, axis, hidden])
    number = g.channel(vector, 0)
    if signature is not None:
        squared = g.channel(vector, 2)
        g.require(
            "spk_embed mixes the speakers of this stage",
            g.between(number, -1e-4, speakers - 1 + 1e-4),
            g.between(g.channel(vector, 1), signature - 1e-3, signature + 1e-3),
            g.between(g.op("Sub", squared, g.op("Mul", number, number)), -1e-3, 1e6),
            g.between(g.op("Sub", g.scaled(number, speakers - 1.0), squared), -1e-3, 1e6),
        )
    return number


def _require_frames(g: Graph, n_frames: str, **counts: str) -> str:
    """Counts of frames must add up; gives the 0 of :meth:`Graph.require`."""
    return g.sum(
        *(g.require(f"sum({name}) = n_frames", g.equal(g.total(count), n_frames)) for name, count in counts.items())
    )


def _require_encoded(g: Graph, encoder_out: str, ph_dur: str, n_frames: str, *, lengths: bool) -> None:
    """What was encoded are these very phonemes, as long as they are sung."""
    g.require("encoder_out has n_tokens rows", g.equal(g.length(encoder_out), g.length(ph_dur)))
    g.require("ph_dur >= 1", g.between(ph_dur, 1, 100_000, whole=True))
    if lengths:
        encoded = g.whole(g.channel(encoder_out, 3))
        g.require("sum(word_dur) = n_frames in the encoder", g.equal(encoded, n_frames))


def _ancestral(g: Graph, source: str, sampling: Sampling | None) -> str:
    """A diffusion that skips no step draws noise in each; here in three."""
    if sampling is None or not sampling.ancestral:
        return source
    speedup = "speedup"
    if sampling.hurry == "steps":  # the graph finds it itself
        way = g.whole(g.scaled("depth", 1000.0)) if sampling.depth == "float" else g.const(1000, np.int64)
        speedup = g.op("Div", way, "steps")
    alone = g.op("Reshape", g.equal(speedup, g.const(1, np.int64)), g.const([], np.int64))
    return g.loop_noise(source, g.op("Mul", g.whole(alone), g.const(3, np.int64)), 0.01)
