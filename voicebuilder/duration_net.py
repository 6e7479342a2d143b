"""The duration stage: an encoder of words and a network that says how long each phone is sung.

What a host relies on holds by construction: consonants take no more than their share of a group, and every group sums
exactly to its length, so that nobody has to stretch it afterwards. The network decides the rest.

**Conventions**: batch first; lengths in frames of 11.6 ms.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from voicebuilder.corpus import Utterance
from voicebuilder.durations import (
    LONGEST_SHARE,
    LONGEST_SHARE_OF_REST,
    SHORT_SECONDS,
    SHORT_SHARES,
    TimedLine,
    draw_line,
    spoken_phrases,
)
from voicebuilder.frames import pad
from voicebuilder.layers import ConvNextBlock
from voicebuilder.spectra import FRAME_SECONDS
from voicebuilder.symbols import BREATH, IDS, PAD, SILENCE, SYMBOLS, is_vowel

DUR_SIZE: Final = 256
"""Width of ``encoder_out`` and of the speaker vectors of this stage."""
N_PLAIN: Final = 6
"""Channels of ``encoder_out`` that are no features but facts: share of the vowel part, usual consonant length, group
number, group length, 1 in a group with a rest, 1 in the last group."""
MOST_CHANGE: Final = 1.2
"""A consonant is at most this much (ln) longer or shorter than usual."""


class WordEncoder(nn.Module):
    """``linguistic.onnx`` in word mode.

    Parameters
    ----------
    lengths : mapping of str to float
        Usual sung length of each consonant, in seconds.
    width, layers : int
        Channels and number of blocks.
    """

    def __init__(self, lengths: Mapping[str, float], *, width: int = 128, layers: int = 3) -> None:
        super().__init__()
        share = torch.zeros(len(SYMBOLS))
        usual = torch.zeros(len(SYMBOLS))
        rest = torch.zeros(len(SYMBOLS))
        for symbol, i in IDS.items():
            if is_vowel(symbol) or symbol in (SILENCE, BREATH):
                share[i] = 1.0
                rest[i] = float(not is_vowel(symbol))
            elif symbol != PAD:
                usual[i] = lengths[symbol] / FRAME_SECONDS
        self.register_buffer("share", share)
        self.register_buffer("usual", usual)
        self.register_buffer("rest", rest)
        self.embedding = nn.Embedding(len(SYMBOLS), width)
        self.place = nn.Linear(6, width)
        self.blocks = nn.ModuleList(ConvNextBlock(width, 5, 2) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, DUR_SIZE - N_PLAIN)

    def forward(self, tokens: Tensor, word_div: Tensor, word_dur: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``encoder_out`` [shape=(batch, n_tokens, DUR_SIZE)] and ``x_masks`` (True where padding).

        Parameters
        ----------
        tokens : Tensor [shape=(batch, n_tokens)] int64
        word_div, word_dur : Tensor [shape=(batch, n_words)] int64
            Tokens and frames of each group.
        """
        ends = torch.cumsum(word_div, 1)
        clock = torch.cumsum(torch.ones_like(tokens), 1) - 1
        last = (word_div > 0).to(torch.int64).sum(1, keepdim=True) - 1
        group = torch.minimum((clock[:, :, None] >= ends[:, None, :]).to(torch.int64).sum(2), last)
        length = torch.gather(word_dur, 1, group).float()
        end = torch.gather(ends, 1, group)
        after = (clock - end + torch.gather(word_div, 1, group)).float()  # tokens of the group before this one
        before = torch.clamp((end - 1 - clock).float(), min=0.0)
        present = (tokens != 0).float()
        same = (group[:, :, None] == group[:, None, :]).float() * present[:, None, :]
        rest = torch.clamp(torch.matmul(same, self.rest[tokens][..., None])[..., 0], max=1.0)
        final = (group == last).float()
        place = torch.stack(
            [torch.log(torch.clamp(length, min=1.0)) - 3.4, after / 3.0, before / 3.0, rest, final, self.share[tokens]],
            2,
        )
        x = self.embedding(tokens) + self.place(place)
        for block in self.blocks:
            x = block(x * present[..., None])
        plain = torch.stack([self.share[tokens], self.usual[tokens], group.float(), length, rest, final], 2)
        out = torch.cat([plain, self.out(self.norm(x))], 2) * present[..., None]
        return out, tokens == 0


class DurationNet(nn.Module):
    """``dur.onnx``."""

    def __init__(self, *, width: int = 128, layers: int = 2) -> None:
        super().__init__()
        self.encoded = nn.Linear(DUR_SIZE - N_PLAIN, width)
        self.speaker = nn.Linear(DUR_SIZE, width)
        self.pitch = nn.Linear(1, width)
        self.blocks = nn.ModuleList(ConvNextBlock(width, 5, 2) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 2)

    def forward(self, encoder_out: Tensor, x_masks: Tensor, ph_midi: Tensor, spk_embed: Tensor) -> Tensor:
        """Return ``ph_dur_pred`` in frames, [shape=(batch, n_tokens)]; every group sums to its length.

        Parameters
        ----------
        encoder_out, x_masks : Tensor
            From the encoder.
        ph_midi : Tensor [shape=(batch, n_tokens)] int64
        spk_embed : Tensor [shape=(batch, n_tokens, DUR_SIZE)]
        """
        share, usual, group, length, rest, _ = encoder_out[:, :, :N_PLAIN].unbind(2)
        present = 1.0 - x_masks.float()
        x = self.encoded(encoder_out[:, :, N_PLAIN:]) + self.speaker(spk_embed)
        x = x + self.pitch((ph_midi.float()[..., None] - 60.0) / 12.0)
        for block in self.blocks:
            x = block(x * present[..., None])
        change, weight = self.out(self.norm(x)).unbind(2)
        same = (torch.abs(group[:, :, None] - group[:, None, :]) < 0.5).float() * present[:, None, :]

        def group_sum(values: Tensor) -> Tensor:
            return torch.matmul(same, values[..., None])[..., 0]

        share = share * present * torch.exp(2.0 * torch.tanh(0.5 * weight))
        shares = group_sum(share)
        wanted = usual * torch.exp(MOST_CHANGE * torch.tanh(change / MOST_CHANGE)) * present
        total = torch.clamp(group_sum(wanted), min=1e-3)
        room = length * self.longest_share(group_sum((usual > 0.0).float() * present), length, rest)
        squeeze = torch.clamp(room / total, max=1.0)
        consonant = wanted * torch.where(shares > 1e-3, squeeze, length / total)  # without a vowel they fill the group
        left = torch.clamp(length - group_sum(consonant), min=0.0)
        return consonant + share * left / torch.clamp(shares, min=1e-3)

    def longest_share(self, n_consonants: Tensor, length: Tensor, rest: Tensor) -> Tensor:
        """What :func:`voicebuilder.durations.consonants_room` allows, as a share of the group."""
        low, high = SHORT_SECONDS
        short = torch.full_like(length, SHORT_SHARES[0])
        for n, (fewer, more) in enumerate(pairwise(SHORT_SHARES), start=1):
            short = short + (more - fewer) * torch.clamp(n_consonants - n, 0.0, 1.0)
        long = torch.clamp((length * FRAME_SECONDS - low) / (high - low), 0.0, 1.0)
        share = short + torch.clamp(LONGEST_SHARE - short, min=0.0) * long
        return share + (LONGEST_SHARE_OF_REST - share) * rest


class DurationStage(nn.Module):
    """Both networks and the speakers' vectors, as they are trained."""

    def __init__(self, lengths: Mapping[str, float], n_speakers: int) -> None:
        super().__init__()
        self.linguistic = WordEncoder(lengths)
        self.dur = DurationNet()
        self.speakers = nn.Embedding(n_speakers, DUR_SIZE)
        nn.init.normal_(self.speakers.weight, std=0.3)


class DurationLoss:
    """Error of the logarithm of each length on drawn lines; callable as the training loop wants it.

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
        self._phrases = [(u.voice, phrase) for u in utterances if u.voice in voices for phrase in spoken_phrases(u)]
        self._voices, self._batch, self._seed = list(voices), batch, seed

    def draw(self, step: int) -> list[TimedLine]:
        """Lines of one step, the same ones for the same seed and step."""
        rng = np.random.default_rng([self._seed, 3, step])
        picks = rng.integers(0, len(self._phrases), self._batch)
        return [draw_line(rng, *self._phrases[i]) for i in picks]

    def __call__(self, net: nn.Module, step: int, device: torch.device) -> Tensor:
        """Loss on the lines of one step."""
        lines = self.draw(step)
        tokens = pad([line.tokens for line in lines]).to(device)
        word_div, word_dur = (
            pad([getattr(line, name) for line in lines]).to(device) for name in ("word_div", "word_dur")
        )
        lengths = pad([line.lengths for line in lines]).to(device)
        speakers = net.speakers(torch.tensor([self._voices.index(line.voice) for line in lines], device=device))
        encoder_out, masks = net.linguistic(tokens, word_div, word_dur)
        rng = np.random.default_rng([self._seed, 4, step])
        midi = torch.from_numpy(rng.integers(40, 80, tokens.shape)).to(device)
        predicted = net.dur(encoder_out, masks, midi, speakers[:, None, :].expand(-1, tokens.shape[1], -1))
        error = nn.functional.smooth_l1_loss(
            torch.log(predicted + 0.2), torch.log(lengths + 0.2), reduction="none", beta=0.2
        )
        weight = (~masks).float() * (1.0 - 0.7 * net.linguistic.share[tokens])
        return (error * weight).sum() / weight.sum()
