"""How far a song is: a number that rises with whatever begins, and never arrives before the song does."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cantilena.service.song_progress import WAITING, SongProgress
from cantilena.tracing import STEPS

lengths = st.lists(st.floats(0.1, 30.0), min_size=1, max_size=12)


def test_ticks_move_it_towards_the_next_step_without_end() -> None:
    progress = SongProgress()
    seen = [progress.now.progress]
    for _ in range(900):
        progress.tick()
        seen.append(progress.now.progress)
    assert all(before < after for before, after in pairwise(seen))
    assert seen[-1] < WAITING
    assert progress.begin("parse", None)
    assert progress.now.progress == WAITING


@given(lengths=lengths, ticks=st.integers(0, 20), aligned_first=st.booleans())
def test_it_rises_in_whatever_order_phrases_are_sung(lengths: list[float], ticks: int, aligned_first: bool) -> None:
    progress = SongProgress()
    for step in ("parse", "voicebank", "plan"):
        progress.begin(step, None)
    progress.plan(lengths)
    phrases = range(len(lengths))
    first, *rest = STEPS
    if aligned_first:
        order = [(first, phrase) for phrase in phrases] + [(step, phrase) for phrase in phrases for step in rest]
    else:
        order = [(step, phrase) for phrase in phrases for step in STEPS]
    seen = [progress.now.progress]
    for step, phrase in [*order, ("postprocess", None), ("encode", None)]:
        assert progress.begin(step, phrase)
        seen.append(progress.now.progress)
        for _ in range(ticks):
            progress.tick()
            seen.append(progress.now.progress)
    assert all(before < after for before, after in pairwise(seen))
    assert seen[-1] < 1.0
    assert progress.now.step == "postprocess"


def test_the_step_is_the_furthest_and_the_message_what_is_done_now() -> None:
    progress = SongProgress()
    progress.begin("voicebank", None)
    assert (progress.now.step, progress.now.message) == ("", "opening the voicebank")
    progress.plan([1.0, 2.0])
    progress.begin("pitch", 0)
    progress.begin("align", 1)
    assert (progress.now.step, progress.now.message) == ("pitch", "phrase 2 of 2")


def test_what_goes_on_beside_the_steps_of_a_phrase_is_no_news() -> None:
    progress = SongProgress()
    progress.plan([1.0])
    progress.begin("align", 0)
    before = progress.now
    assert not progress.begin("voicebank", None)
    assert not progress.begin("cache", None)
    assert progress.now == before
