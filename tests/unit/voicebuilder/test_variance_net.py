"""The contour that a phrase lays over the predicted curves."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="torch is not installed; the voice recipe needs it, singing does not")

import torch

from voicebuilder.frames import plain_channels, spread
from voicebuilder.symbols import IDS
from voicebuilder.variance_net import CURVES, Contour

PHONES = ("SP", "AP", "m", "aa", "l", "iy", "SP")
FRAMES = (8, 20, 6, 60, 6, 60, 8)
SUNG = slice(28, 160)


def contour(pitch: list[float], frames: tuple[int, ...] = FRAMES) -> dict[str, torch.Tensor]:
    """Of a phrase whose phones have these pitches and lengths."""
    durations = torch.tensor([frames])
    curve = torch.repeat_interleave(torch.tensor([pitch]), durations[0], 1)
    with torch.no_grad():
        facts = plain_channels()[torch.tensor([[IDS[p] for p in PHONES]])]
        adds = Contour()(spread(durations, curve), facts, curve)
    return dict(zip(CURVES, adds[0].T, strict=True))


def test_rests_and_breaths_have_none():
    for curve in contour([60.0] * 7).values():
        assert (curve[: SUNG.start] == 0.0).all()
        assert (curve[SUNG.stop :] == 0.0).all()


def test_a_phrase_begins_softly_and_fades():
    voicing = contour([60.0] * 7)["voicing"][SUNG]
    middle = voicing[20:-30]
    assert voicing[0] < middle.min() - 0.5
    assert voicing[-1] < middle.min() - 1.5
    assert middle.max() - middle.min() < 3.0


def test_it_is_louder_upwards():
    rising = contour([57.0, 57.0, 57.0, 57.0, 64.0, 64.0, 64.0])["voicing"][SUNG]
    level = contour([60.0] * 7)["voicing"][SUNG]
    assert (rising - level)[30] < -0.8
    assert (rising - level)[100] > 0.8


def test_it_is_louder_on_long_vowels():
    voicing = contour([60.0] * 7, FRAMES)["voicing"]
    shorter = contour([60.0] * 7, (8, 20, 6, 20, 6, 100, 8))["voicing"]
    assert voicing[34 + 10] > shorter[34 + 10] + 0.3


def test_its_level_moves_with_the_vibrato():
    still, moved = (contour([60.0, 60.0, 60.0, 60.0, 60.0, 60.0 + x, 60.0])["voicing"] for x in (0.0, 0.2))
    assert (moved - still)[100] > 0.1
