"""Trains the acoustic network: regression to composed targets, then a critic that knows what envelopes look like.

Regression draws the mean of all that a phone may sound like: formants too broad, held vowels without life. From
``CRITIC_FROM`` on a small network learns to tell drawn envelopes from natural ones, and the acoustic network learns to
be taken for natural by it.

**Conventions**: envelopes in natural log, [shape=(batch, n_frames, N_MELS)].
"""

from typing import Final

import torch
from torch import Tensor, nn

from voicebuilder.acoustic import AcousticNet
from voicebuilder.compose import Target, pair_means
from voicebuilder.training import Sampler, envelope_loss, pad

CRITIC_FROM: Final = 8400
"""Step at which the critic joins."""
CRITIC_WEIGHT: Final = 0.25
CRITIC_FRAMES: Final = 128
"""Length of what the critic is shown of each target (1.5 s)."""
LIKENESS_WEIGHT: Final = 1.0
"""Weight of the distance between drawn and natural envelopes in the critic's own features."""


class Critic(nn.Module):
    """Judges patches of envelopes (about 0.1 s by half the spectrum): near 1 natural, near 0 drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                nn.Conv2d(3, 16, (3, 5), stride=(1, 2), padding=(1, 2)),
                nn.Conv2d(16, 32, (3, 5), stride=(2, 2), padding=(1, 2)),
                nn.Conv2d(32, 48, (3, 5), stride=(2, 2), padding=(1, 2)),
            ]
        )
        self.out = nn.Conv2d(48, 1, 3, padding=1)

    def forward(self, harmonic: Tensor, noise: Tensor) -> list[Tensor]:
        """Return the features of every layer and last the verdict, [shape=(batch, 1, n_frames / 4, 16)]."""
        height = torch.linspace(-1.0, 1.0, harmonic.shape[2], device=harmonic.device).expand_as(harmonic)
        x = torch.stack([0.3 * harmonic + 1.5, 0.3 * noise + 2.0, height], 1)
        features = []
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), 0.2)
            features.append(x)
        return [*features, self.out(x)]


class AcousticStage(nn.Module):
    """The acoustic network and its critic, trained together and stored in one checkpoint."""

    def __init__(self, n_speakers: int) -> None:
        super().__init__()
        self.net = AcousticNet(n_speakers=n_speakers)
        self.critic = Critic()


class AcousticLoss:
    """Loss of an :class:`AcousticStage` on the targets of a step."""

    def __init__(self, sampler: Sampler, *, critic_from: int = CRITIC_FROM) -> None:
        self._sampler = sampler
        self._critic_from = critic_from

    def batch(self, targets: list[Target], device: torch.device) -> tuple[Tensor, ...]:
        """Pad targets to one batch: tokens, durations, speakers, harmonic, noise, weight."""
        n_tokens = max(len(t.tokens) for t in targets)
        n_frames = max(len(t.weight) for t in targets)
        columns = (
            pad([t.tokens for t in targets], n_tokens, 0),
            pad([t.durations for t in targets], n_tokens, 0),
            torch.tensor([self._sampler.speaker_id(t) for t in targets]),
            pad([pair_means(t.harmonic) for t in targets], n_frames, -6.0),
            pad([pair_means(t.noise) for t in targets], n_frames, -6.0),
            pad([t.weight for t in targets], n_frames, 0.0),
        )
        return tuple(column.to(device) for column in columns)

    def __call__(self, stage: nn.Module, step: int, device: torch.device) -> Tensor:
        """Return the loss of one step."""
        assert isinstance(stage, AcousticStage)
        _, targets = self._sampler.draw(step, 1)
        tokens, durations, ids, harmonic, noise, weight = self.batch(targets, device)
        speaker = stage.net.speakers(ids)[:, None, :].expand(-1, harmonic.shape[1], -1)
        h, n = stage.net(tokens, durations, speaker)
        loss = envelope_loss(h, harmonic, weight) + envelope_loss(n, noise, weight)
        if step >= self._critic_from:
            first = step * 37 % max(1, h.shape[1] - CRITIC_FRAMES)
            part = slice(first, first + CRITIC_FRAMES)
            natural = harmonic[:, part], noise[:, part]
            loss = loss + criticism(stage.critic, (h[:, part], n[:, part]), natural, weight[:, part])
        return loss


def criticism(critic: Critic, drawn: tuple[Tensor, Tensor], natural: tuple[Tensor, Tensor], weight: Tensor) -> Tensor:
    """Loss by which the critic learns from both and, through the drawn envelopes, the network learns from the critic.

    Least squares; where ``weight`` [shape=(batch, n_frames)] is 0, drawn and natural are the same and say nothing.
    """
    known = (weight > 0)[..., None]
    drawn = (torch.where(known, drawn[0], natural[0]), torch.where(known, drawn[1], natural[1]))
    true = critic(*natural)
    false = critic(drawn[0].detach(), drawn[1].detach())[-1]
    learning = ((true[-1] - 1.0) ** 2).mean() + (false**2).mean()
    fixed = {name: value.detach() for name, value in critic.named_parameters()}
    seen = torch.func.functional_call(critic, fixed, drawn)
    taken = ((seen[-1] - 1.0) ** 2).mean()
    likeness = torch.stack([(a - b.detach()).abs().mean() for a, b in zip(seen[:-1], true[:-1], strict=True)]).sum()
    return learning + CRITIC_WEIGHT * taken + LIKENESS_WEIGHT * likeness
