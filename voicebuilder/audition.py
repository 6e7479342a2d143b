"""Sings a few lines straight from phones and notes, to hear and measure a bank without the rest of Cantilena.

It follows OpenUtau's rules: vowels start on the notes, consonants before them, eight frames of silence around a phrase.

**Conventions**: a song is phrases separated by rests; a phrase lists words (phones, notes); a note is (MIDI, beats).
"""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
import soundfile
import yaml
from numpy.typing import NDArray

from voicebuilder.spectra import FRAME_SECONDS, HOP_SIZE, SAMPLE_RATE
from voicebuilder.symbols import SILENCE, TYPES, is_vowel

HEAD_FRAMES: Final = 8
LEAD_IN_SECONDS: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word: its phones and the notes it is sung on (MIDI, beats)."""

    phones: tuple[str, ...]
    notes: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Song:
    """A line to sing; ``rest`` beats of silence follow each phrase."""

    name: str
    lyrics: str
    phrases: tuple[tuple[Word, ...], ...]
    rest: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A sounding note in seconds."""

    onset: float
    offset: float
    midi: float


def _song(name: str, lyrics: str, *phrases: str) -> Song:
    """Read phrases written as ``ph.ph.ph midi:beats midi:beats | ...``."""
    parsed = []
    for phrase in phrases:
        words = []
        for item in phrase.split("|"):
            phones, *notes = item.split()
            pairs = tuple((int(n.split(":")[0]), float(n.split(":")[1])) for n in notes)
            words.append(Word(phones=tuple(phones.split(".")), notes=pairs))
        parsed.append(tuple(words))
    return Song(name=name, lyrics=lyrics, phrases=tuple(parsed))


SONGS: Final = (
    _song(
        "amazing", "amazing grace how sweet the sound that saved a wretch like me",
        "ah.m.ey.z.ih.ng 55:1 60:2 64:1 | g.r.ey.s 64:2 | hh.aw 62:1 | s.w.iy.t 60:2 | dh.ah 57:1 | s.aw.n.d 55:3",
        "dh.ae.t 55:1 | s.ey.v.d 60:2 | ah 64:1 | r.eh.ch 64:2 | l.ay.k 62:1 | m.iy 67:4",
    ),
    _song(
        "silent", "silent night holy night all is calm all is bright",
        "s.ay.l.ah.n.t 60:1.5 57:1.5 | n.ay.t 57:3 | hh.ow.l.iy 60:1.5 57:1.5 | n.ay.t 57:3",
        "ao.l 67:2 | ih.z 67:1 | k.aa.m 64:3 | ao.l 65:2 | ih.z 65:1 | b.r.ay.t 60:3",
    ),
    _song(
        "twinkle", "twinkle twinkle little star how i wonder what you are",
        "t.w.ih.ng.k.ah.l 60:1 60:1 | t.w.ih.ng.k.ah.l 67:1 67:1 | l.ih.t.ah.l 69:1 69:1 | s.t.aa.r 67:2",
        "hh.aw 65:1 | ay 65:1 | w.ah.n.d.er 64:1 64:1 | w.ah.t 62:1 | y.uw 62:1 | aa.r 60:2",
    ),
    _song(
        "bonnie", "my bonnie lies over the ocean my bonnie lies over the sea",
        "m.ay 55:1 | b.aa.n.iy 64:1.5 62:.5 | l.ay.z 60:1 | ow.v.er 62:1 60:1 | dh.ah 57:1 | ow.sh.ah.n 55:1 52:3",
        "m.ay 55:1 | b.aa.n.iy 64:1.5 62:.5 | l.ay.z 60:1 | ow.v.er 60:1 59:1 | dh.ah 60:1 | s.iy 62:4",
    ),
    _song(
        "row", "row row row your boat gently down the stream merrily merrily life is but a dream",
        "r.ow 60:1.5 | r.ow 60:1.5 | r.ow 60:1 | y.ao.r 62:.5 | b.ow.t 64:1.5",
        "jh.eh.n.t.l.iy 64:1 62:.5 | d.aw.n 64:1 | dh.ah 65:.5 | s.t.r.iy.m 67:3",
        "m.eh.r.ah.l.iy 72:.5 72:.5 72:.5 | m.eh.r.ah.l.iy 67:.5 67:.5 67:.5",
        "l.ay.f 67:1 | ih.z 65:.5 | b.ah.t 64:1 | ah 62:.5 | d.r.iy.m 60:3",
    ),
    _song(
        "lomond", "you take the high road and i will take the low road and i will be in scotland before you",
        "y.uw 55:.5 | t.ey.k 60:1 | dh.ah 60:.5 | hh.ay 62:.5 | r.ow.d 64:1.5 | ae.n.d 62:.5 | ay 60:.5 | w.ih.l 62:.5 "
        "| t.ey.k 64:1 | dh.ah 60:.5 | l.ow 57:1 | r.ow.d 55:1.5",
        "ae.n.d 55:.5 | ay 60:.5 | w.ih.l 60:.5 | b.iy 60:.5 | ih.n 62:.5 | s.k.aa.t.l.ah.n.d 64:1 67:1 "
        "| b.ih.f.ao.r 64:.5 62:1 | y.uw 60:2",
    ),
    _song(
        "river", "when the evening shadows fall i can hear the river call",
        "w.eh.n 62:1 | dh.ah 62:1 | iy.v.n.ih.ng 64:1.5 62:.5 | sh.ae.d.ow.z 60:1 59:1 | f.ao.l 57:2",
        "ay 57:1 | k.ae.n 59:1 | hh.ih.r 60:1.5 | dh.ah 62:.5 | r.ih.v.er 64:1 60:1 | k.ao.l 62:3",
    ),
    _song(
        "garden", "every flower in the garden opens slowly to the sun",
        "eh.v.r.iy 60:.5 60:.5 | f.l.aw.er 64:1 62:1 | ih.n 60:.5 | dh.ah 60:.5 | g.aa.r.d.ah.n 65:1.5 64:1",
        "ow.p.ah.n.z 62:1 64:1 | s.l.ow.l.iy 65:1.5 62:.5 | t.ah 60:.5 | dh.ah 59:.5 | s.ah.n 60:3",
    ),
    _song(
        "candles", "seven silver candles burning brightly in the window",
        "s.eh.v.ah.n 60:1 60:1 | s.ih.l.v.er 64:1 62:1 | k.ae.n.d.ah.l.z 60:1 59:1 | b.er.n.ih.ng 57:1 57:2",
        "b.r.ay.t.l.iy 57:1 59:1 | ih.n 60:1 | dh.ah 62:1 | w.ih.n.d.ow 64:2 60:3",
    ),
    _song(
        "harbor", "sailors bring their boats to harbor before the winter storms",
        "s.ey.l.er.z 64:1 62:1 | b.r.ih.ng 60:1 | dh.eh.r 62:.5 | b.ow.t.s 64:1 | t.ah 62:.5 | hh.aa.r.b.er 60:1 57:2",
        "b.ih.f.ao.r 57:.5 60:1 | dh.ah 62:.5 | w.ih.n.t.er 64:1 62:1 | s.t.ao.r.m.z 60:3",
    ),
)  # fmt: skip


class Bank:
    """An opened voicebank: enough of the format to sing this package's own banks."""

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        onnxruntime.set_seed(7)
        self._folder = folder
        vocoder = yaml.safe_load((folder / "dsvocoder" / "vocoder.yaml").read_text(encoding="utf-8"))["model"]
        names = {
            "acoustic": "acoustic.onnx",
            "vocoder": f"dsvocoder/{vocoder}",
            "linguistic": "dsdur/linguistic.onnx",
            "dur": "dsdur/dur.onnx",
        }
        self._sessions = {
            key: onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
            for key, name in names.items()
        }
        self.ids: dict[str, int] = json.loads((folder / "phonemes.json").read_text(encoding="utf-8"))

    def vector(self, speaker: str, stage: str = "") -> NDArray[np.float32]:
        """Read a speaker vector of a stage, [shape=(size,)]."""
        return np.fromfile(self._folder / stage / f"{speaker}.emb", "<f4")

    def run(self, graph: str, **feeds: NDArray) -> list[NDArray]:
        """Run one graph."""
        return self._sessions[graph].run(None, feeds)

    def phone_times(self, words: tuple[Word, ...], onset: float, beat: float, speaker: str) -> tuple:
        """Time the phones of a phrase; return (phones, times in s with one more item, notes)."""
        groups: list[tuple[float, int, list[str]]] = []
        notes: list[Note] = []
        at = onset
        groups.append((onset - 0.5, words[0].notes[0][0], [SILENCE]))
        for word in words:
            starts = []
            for midi, beats in word.notes:
                starts.append((at, midi))
                notes.append(Note(onset=at, offset=at + beats * beat, midi=midi))
                at += beats * beat
            left = list(starts)
            for i, phone in enumerate(word.phones):
                glide = TYPES.get(phone) in ("semivowel", "liquid")
                starts_here = is_vowel(phone) and not (i >= 2 and _opens_early(word.phones, i - 1))
                if (starts_here or (glide and _opens_early(word.phones, i))) and left:
                    start, midi = left.pop(0)
                    groups.append((start, midi, [phone]))
                else:
                    groups[-1][2].append(phone)
        anchors = [g[0] for g in groups] + [at]
        tokens = np.array([[self.ids[p] for g in groups for p in g[2]]])
        div = np.array([[len(g[2]) for g in groups]])
        dur = np.array([np.diff(np.floor(np.array(anchors) / FRAME_SECONDS)).astype(np.int64)])
        midi = np.array([[g[1] for g in groups for _ in g[2]]])
        encoder_out, masks = self.run("linguistic", tokens=tokens, word_div=div, word_dur=dur)
        vector = self.vector(speaker, "dsdur")
        spk = np.broadcast_to(vector, (1, tokens.shape[1], len(vector))).astype(np.float32)
        (predicted,) = self.run("dur", encoder_out=encoder_out, x_masks=masks, ph_midi=midi, spk_embed=spk)
        lengths = predicted[0].astype(np.float64) * FRAME_SECONDS
        phones, times, k = [], [], 0
        for i, (_, _, symbols) in enumerate(groups):
            part = lengths[k : k + len(symbols)]
            k += len(symbols)
            if i == 0:
                part, symbols = part[1:], symbols[1:]
                times += list(anchors[1] - part.sum() + np.concatenate([[0.0], np.cumsum(part)])[:-1])
            else:
                part = part * (anchors[i + 1] - anchors[i]) / part.sum()
                times += list(anchors[i] + np.concatenate([[0.0], np.cumsum(part)])[:-1])
            phones += symbols
        return phones, np.array([*times, at]), notes

    def sing_phrase(self, phones: list[str], times: NDArray, notes: list[Note], speaker: str) -> tuple[NDArray, float]:
        """Sing timed phones; return (waveform, time of its first sample in s)."""
        pad = HEAD_FRAMES * FRAME_SECONDS
        edges = np.concatenate([[0.0], times - times[0] + pad, [times[-1] - times[0] + 2 * pad]])
        frames = np.round(edges / FRAME_SECONDS + 0.5)
        frames[0] = 0
        durations = np.maximum(np.diff(frames).astype(np.int64), 1)
        n_frames = int(durations.sum())
        clock = times[0] - pad + np.arange(n_frames) * FRAME_SECONDS
        f0 = (440.0 * 2.0 ** ((pitch_curve(notes, clock) - 69.0) / 12.0)).astype(np.float32)[None]
        tokens = np.array([[self.ids[p] for p in (SILENCE, *phones, SILENCE)]])
        vector = self.vector(speaker)
        (mel,) = self.run(
            "acoustic",
            tokens=tokens,
            durations=durations[None],
            f0=f0,
            gender=np.zeros_like(f0),
            spk_embed=np.ascontiguousarray(np.broadcast_to(vector, (1, n_frames, len(vector)))),
            steps=np.array(1),
        )
        (wave,) = self.run("vocoder", mel=mel, f0=f0)
        return wave[0], float(clock[0])


def _opens_early(phones: tuple[str, ...], i: int) -> bool:
    """Say whether the glide at ``i`` starts its syllable: a consonant before it and a vowel after it."""
    if i < 1 or i + 1 >= len(phones) or TYPES.get(phones[i]) not in ("semivowel", "liquid"):
        return False
    return not is_vowel(phones[i - 1]) and is_vowel(phones[i + 1])


def pitch_curve(notes: list[Note], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw MIDI pitch at given times: note steps, 80 ms glides, light vibrato on notes over 0.6 s."""
    onsets = np.array([n.onset for n in notes])
    index = np.clip(np.searchsorted(onsets, times, side="right") - 1, 0, len(notes) - 1)
    midi = np.array([float(n.midi) for n in notes])
    curve = midi[index]
    for a, b in itertools.pairwise(notes):
        near = np.abs(times - b.onset) < 0.04
        x = (times[near] - b.onset) / 0.08 + 0.5
        curve[near] = a.midi + (b.midi - a.midi) * (0.5 - 0.5 * np.cos(np.pi * x))
    for n in notes:
        if n.offset - n.onset > 0.6:
            inside = (times > n.onset + 0.3) & (times < n.offset)
            t = times[inside] - n.onset - 0.3
            curve[inside] += 0.25 * np.minimum(t / 0.25, 1.0) * np.sin(2 * np.pi * 5.6 * t)
    return curve


def sing(bank: Bank, song: Song, speaker: str, *, beat: float, transpose: int = 0) -> tuple[NDArray, dict]:
    """Sing a song; return (samples, reference for the judge: lyrics and notes)."""
    placed, every = [], []
    at = LEAD_IN_SECONDS
    for phrase in song.phrases:
        words = tuple(Word(phones=w.phones, notes=tuple((m + transpose, b) for m, b in w.notes)) for w in phrase)
        phones, times, notes = bank.phone_times(words, at, beat, speaker)
        placed.append(bank.sing_phrase(phones, times, notes, speaker))
        every += notes
        at = notes[-1].offset + song.rest * beat
    total = max(int(start * SAMPLE_RATE) + len(wave) for wave, start in placed) + HOP_SIZE
    track = np.zeros(total, np.float32)
    for wave, start in placed:
        first = round(start * SAMPLE_RATE)
        track[first : first + len(wave)] += wave
    notes_json = [{"onset": n.onset, "offset": n.offset, "midi": n.midi} for n in every]
    return track, {"lyrics": song.lyrics, "notes": notes_json}


TEMPOS: Final = {"slow": 0.75, "medium": 0.55, "fast": 0.4}
TRANSPOSE: Final = {"mezzo": 5, "baritone": -7}


def audition(
    folder: Path, out: Path, *, speakers: tuple[str, ...], tempos: tuple[str, ...], songs: int | None = None
) -> None:
    """Sing every song with every speaker at every tempo into ``out``, a WAV and a JSON reference each."""
    bank = Bank(folder)
    out.mkdir(parents=True, exist_ok=True)
    for speaker in speakers:
        for tempo in tempos:
            for song in SONGS[:songs]:
                track, reference = sing(bank, song, speaker, beat=TEMPOS[tempo], transpose=TRANSPOSE.get(speaker, 0))
                name = f"{song.name}-{speaker}-{tempo}"
                soundfile.write(out / f"{name}.wav", track, SAMPLE_RATE)
                (out / f"{name}.json").write_text(json.dumps(reference), encoding="utf-8")
                print(f"audition: {name} {len(track) / SAMPLE_RATE:.1f} s, peak {np.abs(track).max():.2f}", flush=True)
