"""Controls: scales, curves over time, and what they become on their way to the models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cantilena.errors import OptionError
from cantilena.singing.controls import SCALES, ControlCurve, Controls
from cantilena.singing.drawing import DrawnNote, draw_pitch
from cantilena.singing.pitch import shift_tone
from cantilena.singing.results import Phoneme, PhonemeTiming, PitchCurve
from cantilena.singing.speaker_mix import mix_weights
from cantilena.singing.synthesize_audio import to_key_shift, to_speed
from cantilena.singing.variance import control_delta, from_mu_law, to_mu_law

DOCS = Path(__file__).parents[3] / "docs" / "command-line.md"
TIMING = PhonemeTiming(
    phonemes=tuple(Phoneme(symbol=s, kind="vowel", note=None) for s in ("SP", "aa", "SP")),
    durations=np.array([8, 100, 8]),
    frame_seconds=0.01,
    offset=-0.08,
)


def constant(value: float) -> ControlCurve:
    return ControlCurve(times=(0.0,), values=(value,))


def delta(name: str, value: float) -> float:
    change = control_delta(name, Controls(curves={name: constant(value)}), TIMING)
    assert change.shape == (116,)
    assert len(set(change.tolist())) == 1
    return float(change[0])


def test_curves_are_linear_between_their_points_and_level_beyond():
    curve = ControlCurve(times=(1.0, 3.0), values=(0.0, 40.0))
    assert curve.at([0.0, 1.0, 2.0, 3.0, 9.0]).tolist() == [0.0, 0.0, 20.0, 40.0, 40.0]
    assert curve.shifted(-1.0).at([1.0]).tolist() == [20.0]


def test_a_part_of_a_curve_is_told_by_the_points_that_decide_it():
    curve = ControlCurve(times=(0.0, 1.0, 2.0, 3.0, 4.0), values=(0.0, 1.0, 5.0, 2.0, 9.0))
    part = curve.between(1.5, 2.5)
    assert part.times == (1.0, 2.0, 3.0)
    at = np.linspace(1.5, 2.5, 11)
    assert part.at(at).tolist() == curve.at(at).tolist()
    assert curve.between(-5.0, -4.0).values == (0.0,)
    assert curve.between(7.0, 8.0).values == (9.0,)
    assert Controls(speakers={"kumi": curve}).between(1.5, 2.5).speakers["kumi"] == part


def test_what_is_not_turned_is_neutral():
    assert Controls().at("velocity", [0.0, 1.0]).tolist() == [100.0, 100.0]
    assert Controls().at("tension", np.zeros(3)).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "curve", "code"),
    [
        ("loudness", constant(0), "control_unknown"),
        ("breathiness", constant(101), "control_out_of_range"),
        ("voicing", constant(-1), "control_out_of_range"),
        ("energy", constant(float("nan")), "control_out_of_range"),
        ("energy", ControlCurve(times=(), values=()), "control_invalid"),
        ("energy", ControlCurve(times=(0.0, 1.0), values=(1.0,)), "control_invalid"),
        ("energy", ControlCurve(times=(1.0, 1.0), values=(1.0, 2.0)), "control_invalid"),
        ("energy", ControlCurve(times=(float("inf"),), values=(1.0,)), "control_invalid"),
    ],
)
def test_controls_are_checked_at_the_border(name, curve, code):
    with pytest.raises(OptionError) as caught:
        Controls(curves={name: curve})
    assert caught.value.code == code
    assert caught.value.hint


def test_the_reference_has_the_scales():
    text = DOCS.read_text("utf-8")
    for scale in SCALES.values():
        assert f"| `{scale.name}` | {scale.low:g} | {scale.high:g} | {scale.neutral:g} |" in text


def test_deltas():
    assert delta("energy", 50) == pytest.approx(6.0)
    assert delta("energy", -100) == pytest.approx(-12.0)
    assert delta("breathiness", 100) == pytest.approx(12.0)
    assert delta("voicing", 50) == pytest.approx(-6.0)
    assert delta("voicing", 0) == pytest.approx(-12.0)
    assert delta("tension", 100) == pytest.approx(5.0)
    assert delta("tension", -20) == pytest.approx(-1.0)
    for name in ("energy", "breathiness", "voicing", "tension"):
        assert delta(name, SCALES[name].neutral) == 0.0


def test_a_curve_acts_frame_by_frame():
    controls = Controls(curves={"energy": ControlCurve(times=(0.0, 1.0), values=(0.0, 100.0))})
    change = control_delta("energy", controls, TIMING)
    assert change[8] == pytest.approx(0.06)  # the middle of the first frame that is sung
    assert change[57] == pytest.approx(12.0 * 0.495)
    assert (change[:8] == change[8]).all()


def test_gender():
    limits = (-5.0, 5.0)
    assert to_key_shift(np.array([-41.667, 0.0, 100.0, 41.667]), limits) == pytest.approx([1, 0, -2.4, -1], abs=1e-4)
    assert to_key_shift(np.array([-100.0, 100.0]), (-12.0, 6.0)) == pytest.approx([2.0, -1.0])
    assert to_key_shift(np.array([-100.0, 100.0]), (0.0, 0.0)).tolist() == [0.0, 0.0]


def test_velocity():
    assert to_speed(np.array([0.0, 50.0, 100.0, 200.0])) == pytest.approx([0.5, 2**-0.5, 1.0, 2.0])


def test_tone_shift_in_cents():
    pitch = PitchCurve(f0=np.full(116, 220.0, dtype=np.float32), source="drawn")
    shifted = shift_tone(pitch, Controls(curves={"tone_shift": constant(1200)}), TIMING)
    assert shifted.f0 == pytest.approx(np.full(116, 440.0), rel=1e-5)
    assert shift_tone(pitch, Controls(), TIMING) is pitch


def test_expression_scales_ornaments_frame_by_frame():
    notes = [DrawnNote(onset=0.0, offset=4.0, midi=60.0, slurred=False)]
    times = np.linspace(0.0, 4.0, 400)
    plain, lively = (draw_pitch(notes, times, expression=share) for share in (0.0, 1.0))
    half = draw_pitch(notes, times, expression=np.where(times < 3.0, 0.0, 0.5))
    assert half[times < 3.0].tolist() == plain[times < 3.0].tolist()
    assert (half - plain)[times >= 3.0] == pytest.approx(0.5 * (lively - plain)[times >= 3.0])


def test_weights_of_speakers():
    others = np.array([[0.0, 30.0, 100.0, 150.0], [0.0, 20.0, 0.0, 50.0]])
    weights = mix_weights(others)
    assert weights.sum(axis=0) == pytest.approx(np.ones(4))
    assert weights.tolist() == [[1.0, 0.5, 0.0, 0.0], [0.0, 0.3, 1.0, 0.75], [0.0, 0.2, 0.0, 0.25]]


def test_pressed_voicing_is_turned_in_decibels():
    wire = np.array([-96.0, -48.0, -24.0, 0.0], dtype=np.float32)
    in_db = from_mu_law(wire, 255.0)
    assert in_db[0] == pytest.approx(-96.0)
    assert in_db[3] == pytest.approx(0.0, abs=1e-5)
    assert in_db[1] == pytest.approx(20 * np.log10(15 / 255), abs=1e-3)  # half of the way of log(1 + 255)
    assert to_mu_law(in_db, 255.0) == pytest.approx(wire, abs=1e-3)
    assert from_mu_law(wire, None) is wire
    assert to_mu_law(wire, None) is wire
