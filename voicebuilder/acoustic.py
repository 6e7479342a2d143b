"""The acoustic model: phones and their lengths to harmonic and noise envelopes, and from those to a mel.

The network never sees the pitch. The comb of the commanded pitch is laid over the harmonic envelope by a table, so
the model sings at any pitch as well as at those it was trained on.

**Conventions**: batch first; envelopes in natural log, [shape=(batch, n_frames, N_MELS)].
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from voicebuilder.curves import DB_PER_NEPER, band_shares, curves, level, ratio_of_tension, smooth
from voicebuilder.layers import ConvNextBlock, comb_lookup
from voicebuilder.spectra import FRAME_SECONDS, LOG_FLOOR, N_MELS, comb_table, hz_to_mel, mel_edges, noise_level
from voicebuilder.symbols import SYMBOLS

SPEAKER_SIZE = 256
N_POSITION = 8
MOTION_HZ = (0.37, 0.83, 1.51, 2.71, 4.3, 7.1)
"""Slow clocks that the network may hang the movement of a held sound on."""
MEL_FLOOR = -11.512925
GENDER_SEMITONES = 5.0
WANDER = ((0.43, 0.4), (0.97, 0.35), (2.1, 0.25))
"""Movement of a held vowel: (Hz, share)."""
WANDER_SEMITONES = 0.22
WANDER_LEVEL = 0.06
OUTPUT_GAIN = 0.45
"""Level of the singing above the level of the analysed speech (natural log, 3.9 dB)."""


LATE_FRAMES = 1
"""Frames by which everything is sung later than it was learnt. Targets run ahead of their labels
(``compose.LEAD_SUB_FRAMES``), and the labels are late themselves: the corpus's sound rises into a vowel 10 (af_heart)
and 12.5 ms (am_michael) before its label. So vowels came 8 and 13 ms early, by the medians of the tuning lines."""
CONTRAST_REACH = 0.4
"""The contrast filter moves no bin further (ln): valleys would become holes."""
PHONE_GAIN = {"m": 0.4, "n": 0.4, "ng": 0.4, "l": 0.4, "r": 0.4, "w": 0.4, "y": 0.4, "hh": 0.25}
"""Levels of soft consonants above those of the composed targets (ln): without it, six high lines had .37 of their words
wrong, with it .30."""
LEVEL_REACH_DB = 20.0
TENSION_REACH = 3.0
"""How far a level curve and the tension (as ln of a power ratio) are followed."""


def token_of_frame(durations: Tensor, clock: Tensor) -> Tensor:
    """Which token each frame belongs to, [shape=(batch, n_frames)] int64; ``clock`` holds the frames' numbers."""
    ends = torch.cumsum(durations, 1).to(clock.dtype)
    index = (clock[:, :, None] >= ends[:, None, :]).to(torch.int64).sum(2)
    return torch.minimum(index, torch.ones_like(index) * (durations.shape[1] - 1))


class AcousticNet(nn.Module):
    """Convolutional network from tokens, durations and a speaker vector per frame to two envelopes.

    Parameters
    ----------
    width : int
        Channels throughout.
    token_layers, frame_layers : int
        Number of blocks before and after tokens are spread over frames.
    n_speakers : int
        Rows of the table of speaker vectors (used in training; singing takes the vectors as input).
    """

    def __init__(self, *, width: int = 160, token_layers: int = 3, frame_layers: int = 4, n_speakers: int = 2) -> None:
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(len(SYMBOLS), width)
        self.length = nn.Linear(1, width)
        self.token_blocks = nn.Sequential(*(ConvNextBlock(width, 5, 2) for _ in range(token_layers)))
        self.speakers = nn.Embedding(n_speakers, SPEAKER_SIZE)
        nn.init.normal_(self.speakers.weight, std=0.3)
        self.speaker_in = nn.Linear(SPEAKER_SIZE, width)
        self.position_in = nn.Linear(N_POSITION, width)
        self.motion_in = nn.Linear(2 * len(MOTION_HZ), width, bias=False)
        nn.init.zeros_(self.motion_in.weight)
        self.frame_in = nn.Conv1d(width, width, 3, padding=1)
        self.frame_blocks = nn.Sequential(*(ConvNextBlock(width, 9, 2) for _ in range(frame_layers)))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 2 * N_MELS)
        with torch.no_grad():
            self.out.weight.mul_(0.3)
            self.out.bias.fill_(-6.0)

    def motion(self, tokens: Tensor, clock: Tensor) -> Tensor:
        """Sines and cosines of slow clocks, [shape=(batch, n_frames, 12)]; phrases differ by their phones."""
        offset = tokens.to(clock.dtype).sum(1, keepdim=True) * 0.7
        angles = [2.0 * math.pi * hz * (clock * FRAME_SECONDS + offset) for hz in MOTION_HZ]
        return torch.stack([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], 2)

    def forward(self, tokens: Tensor, durations: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Predict envelopes.

        Parameters
        ----------
        tokens, durations : Tensor [shape=(batch, n_tokens)] int64
        speaker : Tensor [shape=(batch, n_frames, SPEAKER_SIZE)]
            Speaker vector of each frame; its length sets the number of frames.

        Returns
        -------
        tuple of Tensor
            Harmonic and noise envelopes.
        """
        return self.decode(self.encode(tokens, durations), tokens, durations, speaker)

    def encode(self, tokens: Tensor, durations: Tensor) -> Tensor:
        """Features of each token, [shape=(batch, n_tokens, width)]."""
        x = self.embedding(tokens) + self.length(torch.log1p(durations.to(torch.float32))[..., None] * 0.5)
        return self.token_blocks(x)

    def decode(self, x: Tensor, tokens: Tensor, durations: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Spread features of tokens over frames and draw both envelopes."""
        lengths = durations.to(speaker.dtype)
        ends = torch.cumsum(durations, 1)
        clock = torch.cumsum(torch.ones_like(speaker[:, :, 0]), 1) - 1.0  # frame numbers
        index = token_of_frame(durations, clock)
        x = torch.gather(x, 1, index[..., None].expand(-1, -1, x.shape[2]))
        length = torch.gather(lengths, 1, index)
        end = torch.gather(ends.to(clock.dtype), 1, index)
        after = clock - (end - length) + 0.5
        before = torch.clamp(length - after, min=0.0)  # below 0 only in the padding of a batch
        part = torch.clamp(after / torch.clamp(length, min=1.0), max=1.0)
        position = torch.stack(
            [
                part,
                1.0 - part,
                torch.exp(-after / 3.0),
                torch.exp(-before / 3.0),
                torch.exp(-after / 12.0),
                torch.exp(-before / 12.0),
                torch.log1p(length) * 0.2,
                torch.sin(torch.pi * part),
            ],
            2,
        )
        x = x + self.position_in(position) + self.motion_in(self.motion(tokens, clock)) + self.speaker_in(speaker)
        x = self.frame_in(x.transpose(1, 2)).transpose(1, 2)
        x = self.norm(self.frame_blocks(x))
        harmonic, noise = self.out(x).split(N_MELS, 2)
        return torch.clamp(harmonic, min=LOG_FLOOR), torch.clamp(noise, min=LOG_FLOOR)


class AcousticGraph(nn.Module):
    """What ``acoustic.onnx`` holds: the network, a contrast filter for its formants, and the comb.

    Parameters
    ----------
    net : AcousticNet
    contrast : Tensor [shape=(N_MELS, N_MELS)]
        Linear map over mel bins that undoes the smoothing of formants by regression.
    """

    def __init__(self, net: AcousticNet, contrast: Tensor) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("contrast", contrast.t().contiguous())
        self.register_buffer("phone_gain", torch.tensor([PHONE_GAIN.get(symbol, 0.0) for symbol in SYMBOLS]))
        self.register_buffer("comb", torch.from_numpy(comb_table()))
        self.register_buffer("noise_level", torch.from_numpy(noise_level()).float())
        edges = mel_edges()
        self.register_buffer("centres", torch.from_numpy(edges[1:-1].copy()).float())
        low, high = hz_to_mel(np.array([edges[0], edges[-1]]))
        self.mel_low, self.mel_step = float(low), float((high - low) / (N_MELS + 1))

    def wander(self, tokens: Tensor, like: Tensor) -> Tensor:
        """Slow movement within +-1 of a held voice, [shape=(1, n_frames)]; phrases differ by their phones."""
        seconds = (torch.cumsum(torch.ones_like(like), 1) - 1.0) * FRAME_SECONDS
        offset = tokens.float().sum(1, keepdim=True) * 0.7
        moves = [
            share * torch.sin(2.0 * math.pi * rate * seconds + (i + 1.0) * offset)
            for i, (rate, share) in enumerate(WANDER)
        ]
        return moves[0] + moves[1] + moves[2]

    def shift_formants(self, semitones: Tensor) -> tuple[Tensor, Tensor]:
        """Where each bin looks on the mel axis: whole and fractional bins, [shape=(1, n_frames, N_MELS)]."""
        hz = self.centres * torch.exp(semitones[..., None] * (-math.log(2.0) / 12.0))
        high = 15.0 + torch.log(torch.clamp(hz, min=1.0) / 1000.0) * (27.0 / math.log(6.4))
        mel = torch.where(hz < 1000.0, hz * 0.015, high)
        position = torch.clamp((mel - self.mel_low) / self.mel_step - 1.0, 0.0, N_MELS - 1.001)
        low = torch.floor(position)
        return low.to(torch.int64), position - low

    def envelopes(self, tokens: Tensor, durations: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Draw harmonic and noise envelopes as they are before anything is commanded."""
        return self.decode(self.net.encode(tokens, durations), tokens, durations, speaker)

    def decode(self, x: Tensor, tokens: Tensor, durations: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Draw envelopes from the features of tokens, on the beat, with the depth of formants that regression took."""
        harmonic, noise = self.net.decode(x, tokens, durations, speaker)
        sharper = torch.clamp(harmonic @ self.contrast - harmonic, -CONTRAST_REACH, CONTRAST_REACH)
        clock = torch.cumsum(torch.ones_like(speaker[:, :, 0]), 1) - 1.0
        gain = torch.gather(self.phone_gain[tokens], 1, token_of_frame(durations, clock))[..., None]
        return _later(harmonic + sharper + gain), _later(noise + gain)

    def follow(
        self, harmonic: Tensor, noise: Tensor, f0: Tensor, breathiness: Tensor, voicing: Tensor, tension: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Give envelopes the commanded curves: overtones against the first harmonic, then the level of both parts."""
        has_breathiness, _, has_tension = curves(harmonic, noise, f0)
        turn = ratio_of_tension(tension) - ratio_of_tension(has_tension)
        octaves = torch.log(self.centres / torch.clamp(f0, min=55.0)[..., None]) * 1.4426950408889634
        shelf = torch.clamp(octaves, 0.0, 1.0) + 0.2 * torch.clamp(octaves - 2.0, 0.0, 3.0)
        harmonic = harmonic + 0.5 * torch.clamp(turn, -TENSION_REACH, TENSION_REACH)[..., None] * shelf
        lift = voicing - smooth(level(harmonic, band_shares()[0]))
        harmonic = harmonic + torch.clamp(lift, -LEVEL_REACH_DB, LEVEL_REACH_DB)[..., None] / DB_PER_NEPER
        lift = breathiness - has_breathiness
        noise = noise + torch.clamp(lift, -LEVEL_REACH_DB, LEVEL_REACH_DB)[..., None] / DB_PER_NEPER
        return torch.clamp(harmonic, min=LOG_FLOOR), torch.clamp(noise, min=LOG_FLOOR)

    def forward(
        self,
        tokens: Tensor,
        durations: Tensor,
        f0: Tensor,
        gender: Tensor,
        breathiness: Tensor,
        voicing: Tensor,
        tension: Tensor,
        spk_embed: Tensor,
        steps: Tensor,
    ) -> Tensor:
        """Return the log mel, [shape=(1, n_frames, N_MELS)].

        Parameters
        ----------
        tokens, durations : Tensor [shape=(1, n_tokens)] int64
        f0 : Tensor [shape=(1, n_frames)] Hz
        gender : Tensor [shape=(1, n_frames)] -1 .. 1, formants down or up by ``GENDER_SEMITONES``
        breathiness, voicing : Tensor [shape=(1, n_frames)] dB, levels of the noise and of the harmonic part
        tension : Tensor [shape=(1, n_frames)] logit, strength of the overtones against the first harmonic
        spk_embed : Tensor [shape=(1, n_frames, SPEAKER_SIZE)]
        steps : Tensor [shape=()] int64, ignored: the model needs no sampling steps
        """
        harmonic, noise = self.envelopes(tokens, durations, spk_embed)
        wander = self.wander(tokens, f0)
        low, part = self.shift_formants(torch.clamp(gender, -1.0, 1.0) * GENDER_SEMITONES + WANDER_SEMITONES * wander)
        harmonic = torch.gather(harmonic, 2, low) * (1.0 - part) + torch.gather(harmonic, 2, low + 1) * part
        noise = torch.gather(noise, 2, low) * (1.0 - part) + torch.gather(noise, 2, low + 1) * part
        harmonic, noise = self.follow(harmonic, noise, f0, breathiness, voicing, tension)
        harmonic = harmonic + OUTPUT_GAIN + WANDER_LEVEL * self.wander(tokens + 1, f0)[..., None]
        noise = noise + OUTPUT_GAIN
        a = 2.0 * (harmonic + comb_lookup(self.comb, f0))
        b = 2.0 * (noise + self.noise_level)
        high = torch.maximum(a, b)
        mel = 0.5 * (high + torch.log1p(torch.exp(-torch.abs(a - b))))
        return torch.clamp(mel, min=MEL_FLOOR) + 0.0 * steps.float()


def _later(envelope: Tensor) -> Tensor:
    """Move [shape=(batch, n_frames, N_MELS)] by :data:`LATE_FRAMES`; the first frame, a silence, is held."""
    return torch.cat([envelope[:, :1]] * LATE_FRAMES + [envelope[:, :-LATE_FRAMES]], 1)
