"""The training loop: what is interrupted goes on as if it had not been."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed; the voice recipe needs it, singing does not")

import torch

from voicebuilder.loop import Schedule, load_average, train_net
from voicebuilder.plots import plot_losses

pytestmark = pytest.mark.filterwarnings("ignore")
SCHEDULE = Schedule(steps=40, checkpoint_seconds=0.0, seed=7)


def guess(net: torch.nn.Module, step: int, device: torch.device) -> torch.Tensor:
    """Error of a line through random points; the points are those of the step."""
    x = torch.rand(8, 1, device=device)
    return (net(x) - 3.0 * x - step % 2).abs().mean()


def interrupted(at: int):
    def loss(net: torch.nn.Module, step: int, device: torch.device) -> torch.Tensor:
        if step == at:
            raise KeyboardInterrupt
        return guess(net, step, device)

    return loss


def trained(folder: Path) -> dict[str, torch.Tensor]:
    net = torch.nn.Linear(1, 1)
    facts = load_average(folder / "line.pt", net)
    assert facts["steps"] == SCHEDULE.steps
    return net.state_dict()


def new_net() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Linear(1, 1)


@pytest.mark.parametrize("at", [1, 17, 39])
def test_an_interrupted_training_ends_as_one_that_was_not(tmp_path: Path, at: int):
    train_net("line", new_net(), guess, tmp_path / "whole", SCHEDULE)
    with pytest.raises(KeyboardInterrupt):
        train_net("line", new_net(), interrupted(at), tmp_path / "parts", SCHEDULE)
    torch.manual_seed(99)  # the net that goes on begins anywhere
    train_net("line", torch.nn.Linear(1, 1), guess, tmp_path / "parts", SCHEDULE)
    whole, parts = trained(tmp_path / "whole"), trained(tmp_path / "parts")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_a_finished_training_stays_as_it_is(tmp_path: Path):
    train_net("line", new_net(), guess, tmp_path, SCHEDULE)
    before = trained(tmp_path)
    train_net("line", torch.nn.Linear(1, 1), interrupted(SCHEDULE.steps - 1), tmp_path, SCHEDULE)
    assert all(torch.equal(value, before[name]) for name, value in trained(tmp_path).items())


def test_the_loss_is_plotted(tmp_path: Path):
    train_net("line", new_net(), guess, tmp_path, SCHEDULE)
    assert "line: loss over steps" in (tmp_path / "loss-line.svg").read_text(encoding="utf-8")


def test_a_single_loss_is_no_plot(tmp_path: Path):
    plot_losses(tmp_path / "loss.svg", "one", [[20, 1.0]])
    assert not list(tmp_path.iterdir())
