"""The training loop that every stage shares: one optimiser, checkpoints that a later run continues from, a loss plot.

**Conventions**: every random draw of a loss comes from a generator seeded by ``Schedule.seed`` and the step, so a run
that was interrupted anywhere goes on as if it had not been. A checkpoint appears whole or not at all.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from voicebuilder.plots import plot_losses

EMA: Final = 0.998
"""The running average of the weights forgets this slowly; the average is what is exported."""
SHOWN_SECONDS: Final = 20.0

Loss = Callable[[nn.Module, int, torch.device], Tensor]
"""Loss of a network on the batch of a step, on a device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast a stage is trained.

    ``steps`` and ``minutes`` are planned totals over all runs; the learning rate falls with whichever is nearer its
    end, and training ends there.
    """

    steps: int
    minutes: float | None = None
    learning_rate: float = 2e-3
    final_learning_rate: float = 5e-5
    checkpoint_seconds: float = 120.0
    seed: int = 20260


def find_device() -> torch.device:
    """Return the accelerator where there is one, else the CPU."""
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return found or torch.device("cpu")


def train_net(stage: str, net: nn.Module, loss: Loss, folder: Path, schedule: Schedule) -> Path:
    """Train one network, continuing from its checkpoint when there is one.

    Parameters
    ----------
    stage : str
        Names the checkpoint, ``<stage>.pt``, and the plot, ``loss-<stage>.svg``.
    net : nn.Module
        Untrained; its weights are replaced by the checkpoint's.
    loss : callable
        See :data:`Loss`.
    folder : Path
        The work folder.
    schedule : Schedule
        How long and how fast.

    Returns
    -------
    Path
        The checkpoint; it holds the running average of the weights as ``ema``.
    """
    torch.set_num_threads(1)
    device = find_device()
    net.to(device).train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=schedule.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    path = folder / f"{stage}.pt"
    folder.mkdir(parents=True, exist_ok=True)
    step, spent = 0, 0.0
    losses: list[list[float]] = []
    ema = {k: v.clone() for k, v in net.state_dict().items()}
    if path.exists():
        saved = torch.load(path, weights_only=True, map_location=device)
        net.load_state_dict(saved["net"])
        optimiser.load_state_dict(saved["optimiser"])
        ema, step, spent, losses = saved["ema"], saved["step"], saved["seconds"], saved["losses"]
        print(f"{stage}: continuing at step {step}", flush=True)
    begun = saved_at = shown_at = time.monotonic()
    shown, mean = step, losses[-1][1] if losses else None

    def save() -> None:
        state: dict[str, Any] = {"net": net.state_dict(), "ema": ema, "optimiser": optimiser.state_dict()}
        state |= {"step": step, "seconds": spent + time.monotonic() - begun, "losses": losses}
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)
        plot_losses(folder / f"loss-{stage}.svg", stage, losses)

    while step < schedule.steps:
        used = spent + time.monotonic() - begun
        share = used / (60.0 * schedule.minutes) if schedule.minutes else 0.0
        if share >= 1.0:
            break
        rate = _learning_rate(schedule, step, max(step / schedule.steps, share))
        for group in optimiser.param_groups:
            group["lr"] = rate
        torch.manual_seed(schedule.seed + step)
        value = loss(net, step, device)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        step += 1
        _follow(ema, net.state_dict(), min(EMA, (1 + step) / (10 + step)))
        mean = float(value.detach()) if mean is None else 0.98 * mean + 0.02 * float(value.detach())
        if step % 20 == 0 or step == schedule.steps:
            losses.append([step, mean])
        now = time.monotonic()
        if now - shown_at > SHOWN_SECONDS or step == schedule.steps:
            speed = (step - shown) / max(now - shown_at, 1e-6)
            done = 100.0 * max(step / schedule.steps, share)
            print(f"{stage}: step {step} ({done:.0f} %) loss {mean:.4f} {speed:.2f} steps/s", flush=True)
            shown, shown_at = step, now
        if now - saved_at > schedule.checkpoint_seconds:
            save()
            saved_at = now
    save()
    return path


def _learning_rate(schedule: Schedule, step: int, progress: float) -> float:
    cosine = 0.5 * (1.0 + math.cos(math.pi * progress))
    span = schedule.learning_rate - schedule.final_learning_rate
    return min(1.0, (step + 1) / 100) * (schedule.final_learning_rate + cosine * span)


@torch.no_grad()
def _follow(average: dict[str, Tensor], weights: dict[str, Tensor], decay: float) -> None:
    for name, value in weights.items():
        if value.is_floating_point():
            average[name].lerp_(value, 1.0 - decay)
        else:
            average[name].copy_(value)


def load_average(path: Path, net: nn.Module) -> dict[str, float]:
    """Load the averaged weights of a checkpoint into a network; return what is known of its training."""
    saved = torch.load(path, weights_only=True, map_location="cpu")
    net.load_state_dict(saved["ema"])
    net.to("cpu").eval()
    return {"steps": saved["step"], "seconds": round(saved["seconds"])}
