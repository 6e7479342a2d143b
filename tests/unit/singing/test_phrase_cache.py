"""What belongs to a phrase's key, and what is kept under it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cantilena.audio.waveform import Waveform
from cantilena.cache import ContentStore
from cantilena.findings import Finding
from cantilena.singing.controls import ControlCurve, Controls
from cantilena.singing.phrase_cache import KeptPhrase, keep_phrase, read_phrase, settled

KEY = "0123456789abcdef"


def curve(*points: tuple[float, float]) -> ControlCurve:
    return ControlCurve(times=tuple(time for time, _ in points), values=tuple(value for _, value in points))


def test_controls_that_sound_the_same_have_one_form() -> None:
    flat = Controls(curves={"tension": curve((-3.0, 20.0), (4.0, 20.0)), "gender": curve((1.0, 5.0))})
    same = Controls(curves={"gender": curve((9.5, 5.0)), "tension": curve((0.0, 20.0))})
    assert settled(flat) == settled(same)
    assert list(settled(flat).curves) == list(settled(same).curves)


def test_controls_at_their_neutral_value_are_left_out() -> None:
    neutral = Controls(
        curves={"velocity": curve((0.0, 100.0), (1.0, 100.0)), "gender": curve((2.0, 0.0))},
        speakers={"baritone": curve((0.0, 0.0))},
    )
    assert settled(neutral) == Controls()


def test_a_shifted_clock_leaves_no_trace_and_a_jump_stays_one() -> None:
    jump = curve((1.0, 0.0), (1.0 + 1e-9, 50.0), (2.0, 50.0))
    there = settled(Controls(curves={"gender": jump}))
    moved = settled(Controls(curves={"gender": jump.shifted(1 / 3).shifted(-1 / 3)}))
    assert there == moved
    assert there.curves["gender"].times == (1.0, 1.000001, 2.0)
    assert settled(there) == there


def test_what_is_kept_is_read_to_the_bit(tmp_path: Path) -> None:
    store = ContentStore(tmp_path, max_bytes=10**6)
    samples = np.random.default_rng(0).standard_normal(1001).astype(np.float32)
    finding = Finding(code="speaker_not_in_stage", message="Kein Sprecher „Zoë“.", hint="Wählen Sie einen.")
    kept = KeptPhrase(waveform=Waveform(samples=samples, sample_rate=44100, offset=-0.1 - 0.2), findings=(finding,))
    keep_phrase(store, KEY, kept)
    found = read_phrase(store, KEY)
    assert found is not None
    assert np.array_equal(found.waveform.samples, samples)
    assert (found.waveform.offset, found.waveform.sample_rate) == (-0.1 - 0.2, 44100)
    assert found.findings == (finding,)
    assert not found.waveform.samples.flags.writeable
    assert found.waveform.samples.flags.aligned
