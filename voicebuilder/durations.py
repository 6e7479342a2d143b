"""The length rule: how long sung consonants are, as tables from the corpus and a graph that shares out each group.

A group is what the host calls a word: it starts at a vowel's onset and runs to the next one. Consonants keep their own
length (shrunk when the group is short), the vowel takes the rest, and every group sums exactly to its length.

**Conventions**: lengths in frames of 11.6 ms inside the graph, seconds in the table.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from voicebuilder.corpus import Utterance
from voicebuilder.spectra import FRAME_SECONDS
from voicebuilder.symbols import BREATH, IDS, PAD, PHONES, SILENCE, SYMBOLS, TYPES, is_vowel

DUR_SIZE: Final = 256
"""Width of ``encoder_out`` and of the speaker vectors of this stage."""

SUNG_PRIOR: Final[Mapping[str, float]] = {
    "p": 0.070, "t": 0.070, "k": 0.072, "b": 0.052, "d": 0.050, "g": 0.055,
    "s": 0.105, "sh": 0.105, "f": 0.090, "th": 0.088, "hh": 0.065, "ch": 0.105, "jh": 0.085,
    "z": 0.078, "zh": 0.078, "v": 0.060, "dh": 0.052,
    "m": 0.070, "n": 0.066, "ng": 0.085, "l": 0.066, "r": 0.062, "w": 0.062, "y": 0.060,
}  # fmt: skip
"""Length in seconds of sung consonants, from published label sets of singers, adapted to English."""

SPEECH_TO_SONG: Final[Mapping[str, float]] = {
    "stop": 0.72, "fricative": 0.75, "affricate": 0.75, "aspirate": 0.72, "nasal": 0.75, "liquid": 0.72,
    "semivowel": 0.58,
}  # fmt: skip
LONGEST_SHARE: Final = 0.4
"""Consonants of a group take at most this share of it: with a half, fast notes lost their middle (within 50 cents .965
instead of .972, same word errors)."""


def consonant_lengths(utterances: Iterable[Utterance]) -> dict[str, float]:
    """Sung length of each consonant: half way between its scaled median in the corpus and the prior.

    Returns
    -------
    dict of str to float
        Seconds, for every consonant of the inventory.
    """
    spoken: dict[str, list[float]] = {}
    for utterance in utterances:
        for phone in utterance.phones:
            spoken.setdefault(phone.symbol, []).append(phone.end - phone.start)
    lengths = {}
    for phone in PHONES:
        if is_vowel(phone):
            continue
        prior = SUNG_PRIOR[phone]
        seen = spoken.get(phone, [])
        median = float(np.median(seen)) * SPEECH_TO_SONG[TYPES[phone]] if len(seen) >= 5 else prior
        lengths[phone] = round(0.5 * (prior + median), 4)
    return lengths


def _same_group(group: Tensor) -> Tensor:
    """Matrix [shape=(1, n, n)] that is 1 where two tokens share a group."""
    return (torch.abs(group[:, :, None] - group[:, None, :]) < 0.5).float()


class LinguisticGraph(nn.Module):
    """``linguistic.onnx`` in word mode: puts what the rule needs into the first channels of ``encoder_out``.

    Channels: share of the vowel part, consonant length, group number, group length, 1 in the first group, 1
    in the last.
    """

    def __init__(self, lengths: Mapping[str, float]) -> None:
        super().__init__()
        share = torch.zeros(len(SYMBOLS))
        prior = torch.zeros(len(SYMBOLS))
        for symbol, i in IDS.items():
            if is_vowel(symbol) or symbol in (SILENCE, BREATH):
                share[i] = 1.0
            elif symbol != PAD:
                prior[i] = lengths[symbol] / FRAME_SECONDS
        self.register_buffer("share", share)
        self.register_buffer("prior", prior)

    def forward(self, tokens: Tensor, word_div: Tensor, word_dur: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``encoder_out`` [shape=(1, n_tokens, DUR_SIZE)] and ``x_masks`` (True where padding)."""
        ends = torch.cumsum(word_div, 1)
        clock = torch.cumsum(torch.ones_like(tokens), 1) - 1
        group = (clock[:, :, None] >= ends[:, None, :]).to(torch.int64).sum(2)
        last = torch.ones_like(group) * (word_dur.shape[1] - 1)
        group = torch.minimum(group, last)
        length = torch.gather(word_dur, 1, group).float()
        first = (group == 0).float()
        final = (group == last).float()
        channels = torch.stack([self.share[tokens], self.prior[tokens], group.float(), length, first, final], 2)
        masks = tokens == 0
        channels = channels * (1.0 - masks.float())[..., None]
        return nn.functional.pad(channels, (0, DUR_SIZE - 6)), masks


class DurationGraph(nn.Module):
    """``dur.onnx``: the rule itself. The first value of a speaker vector scales consonants (natural log)."""

    def forward(self, encoder_out: Tensor, x_masks: Tensor, ph_midi: Tensor, spk_embed: Tensor) -> Tensor:
        """Return ``ph_dur_pred`` in frames, [shape=(1, n_tokens)]; every group sums to its length."""
        share, prior, group, length, first, final = encoder_out[:, :, :6].unbind(2)
        present = 1.0 - x_masks.float()
        same = _same_group(group) * present[:, None, :]
        share = share * present + 0.0 * ph_midi.float()
        consonant = prior * torch.exp(spk_embed[:, :, 0]) * present

        def group_sum(x: Tensor) -> Tensor:
            return torch.matmul(same, x[..., None])[..., 0]

        wanted = group_sum(consonant)
        shares = group_sum(share)
        vowel = torch.clamp(length - wanted, min=1.0)
        quarter = 0.25 / FRAME_SECONDS
        stretch = torch.clamp(torch.exp(0.12 * torch.log(vowel / quarter)), 0.78, 1.2)
        stretch = stretch * (1.0 + 0.25 * final) * (1.0 - first) + first
        wanted = wanted * stretch
        room = LONGEST_SHARE * length
        squeeze = torch.clamp(room / torch.clamp(wanted, min=1e-3), max=1.0)
        fill = length / torch.clamp(wanted, min=1e-3)  # no vowel in the group: consonants fill it
        factor = torch.where(shares > 0.5, squeeze, fill) * (1.0 - first) + first * torch.clamp(squeeze * 1.8, max=1.0)
        consonant = consonant * stretch * factor
        rest = torch.clamp(length - group_sum(consonant), min=0.0)
        return consonant + share * rest / torch.clamp(shares, min=1.0)
