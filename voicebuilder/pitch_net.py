"""The pitch stage: a network that says how notes are joined and decorated, and the arithmetic that keeps them in tune.

The network never gives a pitch. It gives shares of the step to the neighbouring notes, the width and rate of the
vibrato and a few cents here and there; the graph adds them to the notes. Away from a note's edges the shares are zero
by construction, so a note's middle is its pitch, vibrato and drift apart, however far the training got.

**Conventions**: batch first; pitch in semitones (MIDI numbers), frames of 11.6 ms.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from voicebuilder.contours import LAYERS, SpokenLine, SungLine, draw_song_line, measure_microprosody
from voicebuilder.corpus import Utterance
from voicebuilder.durations import excerpt, spoken_phrases
from voicebuilder.frames import ENCODER_SIZE, N_POSITION, PhonemeEncoder, Spread, pad, spread
from voicebuilder.layers import ConvNextBlock
from voicebuilder.spectra import FRAME_SECONDS

EDGE_REACH: Final = (0.22, 19.0)
"""How far from a note's edge its neighbours are heard: share of the note; frames at most."""
VIBRATO_MOST: Final = 0.6
DEPTH_SCALE: Final = 0.3
EDGE_MOST: Final = 0.8
MICRO_MOST: Final = 0.6
MICRO_REACH: Final = 4.0
"""Frames from its edges in which a vowel still has microprosody."""
MICRO_SUNG: Final = 0.3
"""How much of the microprosody it has learned is sung: with all of it, vowels rise by half a semitone before some
consonants."""
RETAKE_FADE: Final = 5
"""Frames over which what is kept passes into what is sung anew."""
DRIFT_RATES: Final = (0.37, 0.83, 1.51, 2.71)
DRIFT: Final = 0.012
"""Slow movement in semitones, root of the mean square."""
N_NOTE: Final = 17
MOST_FRAMES: Final = 480
EXCERPT_PHONES: Final = 14
"""Lines of a batch are no longer than this: what decides a frame lies within a note of it."""


class PitchNet(nn.Module):
    """Layers of the pitch of every frame, see :data:`voicebuilder.contours.LAYERS`, and its microprosody."""

    def __init__(self, *, width: int = 80, layers: int = 3, micro_width: int = 48) -> None:
        super().__init__()
        self.encoded = nn.Linear(ENCODER_SIZE, width)
        self.position = nn.Linear(N_POSITION, width)
        self.note = nn.Linear(N_NOTE, width)
        self.speaker = nn.Linear(ENCODER_SIZE, width)
        self.first = nn.Conv1d(width, width, 5, padding=2)
        self.blocks = nn.Sequential(*(ConvNextBlock(width, 7, 2) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, len(LAYERS))
        self.micro_in = nn.Linear(2 * ENCODER_SIZE + N_POSITION, micro_width)
        self.micro = nn.Sequential(ConvNextBlock(micro_width, 7, 2), ConvNextBlock(micro_width, 7, 2))
        self.micro_out = nn.Linear(micro_width, 1)

    def layers(self, phones: Spread, encoder_out: Tensor, notes: Tensor, speaker: Tensor) -> Tensor:
        """Layers of each frame, [shape=(batch, n_frames, len(LAYERS))], not yet kept to the edges.

        A depth below 0 means no vibrato: a bound here would leave nothing to learn from once it is reached.
        """
        x = phones.take(self.encoded(encoder_out)) + self.position(phones.positions())
        x = x + self.note(notes) + self.speaker(speaker)
        x = self.first(x.transpose(1, 2)).transpose(1, 2)
        raw = self.out(self.norm(self.blocks(x)))
        depth = DEPTH_SCALE * raw[:, :, 5:6]
        rate = 5.5 + 2.0 * torch.tanh(raw[:, :, 6:7])
        return torch.cat([raw[:, :, :4], EDGE_MOST * torch.tanh(raw[:, :, 4:5]), depth, rate], 2)

    def microprosody(self, phones: Spread, encoder_out: Tensor, speaker: Tensor) -> Tensor:
        """Semitones that phones move the pitch by, [shape=(batch, n_frames)]; none inside long vowels and rests."""
        here = phones.take(encoder_out)
        x = self.micro(self.micro_in(torch.cat([here, speaker, phones.positions()], 2)))
        vowel, rest = here[:, :, 0], here[:, :, 1]
        near = torch.clamp(torch.exp(-phones.after / MICRO_REACH) + torch.exp(-phones.before / MICRO_REACH), max=1.0)
        gate = (1.0 - rest) * (1.0 - vowel * (1.0 - near))
        return MICRO_MOST * torch.tanh(self.micro_out(x)[:, :, 0]) * gate


def note_features(midi: Tensor, rest: Tensor, note_dur: Tensor, like: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What the network is told of a frame's note.

    Parameters
    ----------
    midi, rest, note_dur : Tensor [shape=(batch, n_notes)] float, float, int64
    like : Tensor [shape=(batch, n_frames)]

    Returns
    -------
    tuple of Tensor
        Features [shape=(batch, n_frames, N_NOTE)]; pitch of the note, of the one before and of the one after, each
        [shape=(batch, n_frames)].
    """
    notes = spread(note_dur, like)

    def shifted(values: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cat([values[:, :1], values[:, :-1]], 1), torch.cat([values[:, 1:], values[:, -1:]], 1)

    here, (before, after) = notes.take(midi), (notes.take(x) for x in shifted(midi))
    rest_before, rest_after = (notes.take(x) for x in shifted(rest))
    long_before, long_after = (torch.log1p(notes.take(x)) * 0.2 for x in shifted(note_dur.to(like.dtype)))
    seconds = torch.stack([notes.after, notes.before, notes.length], 2) * FRAME_SECONDS
    steps = torch.stack([here - before, after - here], 2) / 6.0
    features = torch.cat(
        [
            notes.positions(),
            torch.clamp(seconds, max=3.0)[:, :, :2],
            torch.clamp(steps, -3.0, 3.0),
            torch.stack([notes.take(rest), rest_before, rest_after, long_before, long_after], 2),
        ],
        2,
    )
    return features, here, before, after


def edge_gates(note_dur: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """How much of the note before and of the note after may be heard in a frame: 1 at the edge, 0 from its reach on."""
    notes = spread(note_dur, like)
    share, most = EDGE_REACH
    reach = torch.clamp(share * notes.length, min=1.0, max=most)
    early, late = (torch.clamp((reach - x) / (0.4 * reach), 0.0, 1.0) for x in (notes.after, notes.before))
    return early, late


def phases(rate: Tensor) -> Tensor:
    """Phase of a vibrato of a changing rate in Hz, running on through the whole line, in radians."""
    return 2.0 * math.pi * torch.cumsum(rate * FRAME_SECONDS, 1)


class PitchGraph(nn.Module):
    """What ``pitch.onnx`` holds."""

    def __init__(self, net: PitchNet) -> None:
        super().__init__()
        self.net = net
        amplitudes = np.array(DRIFT_RATES) ** -0.5
        self.drifts = (amplitudes * DRIFT * np.sqrt(2.0 / np.square(amplitudes).sum())).tolist()

    def drift(self, midi: Tensor, like: Tensor) -> Tensor:
        """Slow sines that never meet twice in the same way; lines differ by their notes."""
        seconds = torch.cumsum(torch.ones_like(like), 1) * FRAME_SECONDS
        offset = midi.sum(1, keepdim=True)
        moves = torch.zeros_like(like)
        for i, (rate, amplitude) in enumerate(zip(DRIFT_RATES, self.drifts, strict=True)):
            moves = moves + amplitude * torch.sin(2.0 * math.pi * rate * seconds + (i + 1.0) * offset)
        return moves

    def forward(
        self,
        encoder_out: Tensor,
        ph_dur: Tensor,
        note_midi: Tensor,
        note_rest: Tensor,
        note_dur: Tensor,
        pitch: Tensor,
        expr: Tensor,
        retake: Tensor,
        spk_embed: Tensor,
        steps: Tensor,
    ) -> Tensor:
        """Return ``pitch_pred`` in semitones, [shape=(1, n_frames)].

        Parameters
        ----------
        encoder_out, ph_dur : Tensor
            As for the encoder.
        note_midi, note_rest, note_dur : Tensor [shape=(1, n_notes)] float, bool, int64
        pitch, expr, retake : Tensor [shape=(1, n_frames)] float, float, bool
            What is sung so far, how lively, and where it is sung anew; ``pitch`` stays where it is not.
        spk_embed : Tensor [shape=(1, n_frames, ENCODER_SIZE)]
        steps : Tensor [shape=()] int64, ignored: nothing is sampled
        """
        phones = spread(ph_dur, pitch)
        features, here, before, after = note_features(note_midi, note_rest.float(), note_dur, pitch)
        layers = self.net.layers(phones, encoder_out, features, spk_embed)
        early, late = edge_gates(note_dur, pitch)
        lively = torch.clamp(expr, 0.0, 1.0)
        sung = here + early * (layers[:, :, 0] + lively * layers[:, :, 2]) * (before - here)
        sung = sung + late * (layers[:, :, 1] + lively * layers[:, :, 3]) * (after - here)
        vibrato = torch.clamp(layers[:, :, 5], 0.0, VIBRATO_MOST) * torch.sin(phases(layers[:, :, 6]))
        micro = self.net.microprosody(phones, encoder_out, spk_embed)
        sung = sung + lively * (layers[:, :, 4] + vibrato + MICRO_SUNG * micro + self.drift(note_midi, pitch))
        kept = kept_share(retake[:, None, :])[:, 0, :]
        return sung * (1.0 - kept) + pitch * kept + 0.0 * steps.float()


def kept_share(retake: Tensor) -> Tensor:
    """Share of what was given: 1 where it is kept, falling to 0 within :data:`RETAKE_FADE` frames beside it.

    Parameters
    ----------
    retake : Tensor [shape=(batch, channels, n_frames)] bool
    """
    keep = 1.0 - retake.float()
    share = keep
    for k in range(1, RETAKE_FADE):
        wide = nn.functional.max_pool1d(keep, 2 * k + 1, 1, k)
        share = torch.maximum(share, wide * (1.0 - k / RETAKE_FADE))
    return share


class PitchStage(nn.Module):
    """Encoder, network and speakers' vectors, as they are trained."""

    def __init__(self, n_speakers: int) -> None:
        super().__init__()
        self.linguistic = PhonemeEncoder()
        self.pitch = PitchNet()
        self.speakers = nn.Embedding(n_speakers, ENCODER_SIZE)
        nn.init.normal_(self.speakers.weight, std=0.3)


class PitchLoss:
    """Error of each layer on drawn lines and of microprosody on the corpus; callable as the training loop wants it.

    Parameters
    ----------
    utterances : sequence of Utterance
        The corpus.
    voices : sequence of str
        Corpus voices in the order of the bank's speakers.
    batch, seed : int
        Lines of a step; seed of what is drawn.
    """

    def __init__(self, utterances: Sequence[Utterance], voices: Sequence[str], *, batch: int, seed: int) -> None:
        mine = [u for u in utterances if u.voice in voices]
        self._phrases = [(u.voice, phrase) for u in mine for phrase in spoken_phrases(u)]
        self._spoken = [measure_microprosody(u) for u in mine]
        self._voices, self._batch, self._seed = list(voices), batch, seed

    def draw(self, step: int) -> tuple[list[SungLine], list[SpokenLine]]:
        """Lines of one step, the same ones for the same seed and step."""
        rng = np.random.default_rng([self._seed, 5, step])
        sung = []
        for i in rng.integers(0, len(self._phrases), self._batch):
            voice, phrase = self._phrases[i]
            more = [self._phrases[j][1] for j in rng.integers(0, len(self._phrases), int(rng.random() < 0.3))]
            sung.append(draw_song_line(rng, voice, [excerpt(rng, one, EXCERPT_PHONES) for one in (phrase, *more)]))
        return sung, [self._spoken[i] for i in rng.integers(0, len(self._spoken), self._batch)]

    def __call__(self, net: nn.Module, step: int, device: torch.device) -> Tensor:
        """Loss on the lines of one step."""
        sung, spoken = self.draw(step)
        return self._sung(net, sung, device) + 4.0 * self._spoken_loss(net, spoken, device)

    def _encode(
        self, net: nn.Module, lines: Sequence[SungLine | SpokenLine], like: Tensor
    ) -> tuple[Spread, Tensor, Tensor]:
        tokens, ph_dur = (pad([getattr(line, name) for line in lines]).to(like.device) for name in ("tokens", "ph_dur"))
        encoder_out, _ = net.linguistic(tokens, ph_dur)
        ids = torch.tensor([self._voices.index(line.voice) for line in lines], device=like.device)
        return spread(ph_dur, like), encoder_out, net.speakers(ids)[:, None, :].expand(-1, like.shape[1], -1)

    def _sung(self, net: nn.Module, lines: Sequence[SungLine], device: torch.device) -> Tensor:
        wanted = pad([line.layers[:MOST_FRAMES] for line in lines]).to(device)
        weight = pad([np.ones(min(len(line.layers), MOST_FRAMES), np.float32) for line in lines]).to(device)
        phones, encoder_out, speaker = self._encode(net, lines, weight)
        midi = pad([line.midi for line in lines]).to(device)
        rest = pad([line.rest.astype(np.float32) for line in lines]).to(device)
        note_dur = pad([line.note_dur for line in lines]).to(device)
        features, here, before, after = note_features(midi, rest, note_dur, weight)
        layers = net.pitch.layers(phones, encoder_out, features, speaker)
        early, late = edge_gates(note_dur, weight)
        gate = torch.stack([early, late, early, late], 2)
        step = torch.stack([before - here, after - here] * 2, 2).abs().clamp(max=7.0)
        shares = ((layers[:, :, :4] * gate - wanted[:, :, :4]).abs() * step).sum(2)
        edge = (layers[:, :, 4] - wanted[:, :, 4]).abs()
        none = wanted[:, :, 5] <= 0.0
        depth = torch.where(none, torch.clamp(layers[:, :, 5], min=0.0), (layers[:, :, 5] - wanted[:, :, 5]).abs())
        rate = (layers[:, :, 6] - wanted[:, :, 6]).abs() * (wanted[:, :, 5] > 0.02).float()
        return ((shares + 2.0 * edge + 3.0 * depth + 0.2 * rate) * weight).sum() / weight.sum()

    def _spoken_loss(self, net: nn.Module, lines: Sequence[SpokenLine], device: torch.device) -> Tensor:
        weight = pad([line.weight[:MOST_FRAMES] for line in lines]).to(device)
        wanted = pad([line.micro[:MOST_FRAMES] for line in lines]).to(device)
        micro = net.pitch.microprosody(*self._encode(net, lines, weight))
        return ((micro - wanted).abs() * weight).sum() / weight.sum()
