"""A song can be heard from its first phrase on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

import cantilena
from cantilena.errors import OptionError
from cantilena.singing.options import SingOptions
from cantilena.song import LineOptions
from tests.integration.phrases import PHRASES, song
from tests.unit.score.engraving import direction
from tests.voicebanks.build import TinyBank, build_voicebank

LOUDER = direction('<dynamics><pp/></dynamics>') + direction('<wedge type="crescendo"/>')  # fmt: skip


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_voicebank(tmp_path_factory.mktemp("banks"), TinyBank(name="Full", pitch="word"))


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CANTILENA_THREADS", "1")
    monkeypatch.setenv("CANTILENA_CACHE_DIR", str(tmp_path / "cache"))


def test_the_phrases_added_up_are_the_song_but_for_its_gain(bank: Path) -> None:
    score = song(head=LOUDER)
    take = cantilena.sing(score, voicebank=bank)
    heard = np.zeros(len(take.samples), dtype=np.float32)
    for phrase in cantilena.sing_phrases(score, voicebank=bank):
        begin = round(phrase.offset_seconds * phrase.sample_rate)
        heard[begin : begin + len(phrase.samples)] += phrase.samples
    gain = np.dot(heard, take.samples) / np.dot(heard, heard)
    assert np.abs(gain * heard - take.samples).max() < 1e-4


def test_each_phrase_tells_where_it_lies(bank: Path) -> None:
    phrases = list(cantilena.sing_phrases(song(), voicebank=bank))
    take = cantilena.sing(song(), voicebank=bank)
    assert [phrase.index for phrase in phrases] == list(range(len(PHRASES)))
    assert {phrase.phrases for phrase in phrases} == {len(PHRASES)}
    assert [(phrase.onset, phrase.offset) for phrase in phrases] == [(span.onset, span.offset) for span in take.phrases]
    for phrase in phrases:
        assert phrase.samples.dtype == np.float32
        assert 0.0 <= phrase.offset_seconds < phrase.onset
        assert phrase.offset_seconds + len(phrase.samples) / phrase.sample_rate > phrase.offset
    assert [phrase.cached for phrase in phrases] == [False, False, False, False, True, False]


def test_the_first_phrase_is_heard_before_the_second_is_sung(bank: Path) -> None:
    heard = cantilena.sing_phrases(song(), voicebank=bank, cache=False)
    with capture_logs() as lines:
        next(heard)
        sung = [line for line in lines if line["event"] == "synthesize_phrase" and line["step"] == "synthesize_audio"]
        assert len(sung) == 1
        heard.close()


def test_a_listener_who_leaves_early_leaves_nothing_behind(bank: Path) -> None:
    heard = cantilena.sing_phrases(song(), voicebank=bank)
    next(heard)
    with capture_logs() as lines:
        heard.close()
    (total,) = (line for line in lines if line["event"] == "synthesize_total")
    assert total["outcome"] == "canceled"
    phrases = {line["step"]: line["phrases"] for line in lines if line["event"] == "synthesize_step"}
    assert phrases.pop("align") >= 1  # some phrases ahead are looked up
    assert set(phrases.values()) == {1}
    with pytest.raises(StopIteration):
        next(heard)


def test_what_the_score_tells_comes_with_the_first_phrase(bank: Path) -> None:
    low = song(["so low I go", "the sun is up"])
    first, second = cantilena.sing_phrases(low, voicebank=bank, options=SingOptions(transpose=-24, speaker="mezzo"))
    assert "note_outside_range" in {finding.code for finding in first.findings}
    assert "note_outside_range" not in {finding.code for finding in second.findings}


def test_what_cannot_be_sung_is_said_when_the_first_phrase_is_asked_for(bank: Path) -> None:
    heard = cantilena.sing_phrases(song(), voicebank=bank, line=LineOptions(part="Tuba"))
    with capture_logs() as lines, pytest.raises(OptionError, match="Tuba"):
        next(heard)
    assert lines[-1]["outcome"] == "failed"
