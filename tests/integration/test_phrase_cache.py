"""Only what changed is sung again; whatever is found in the cache is what would have been sung."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from cantilena import Take
from cantilena.api import sing
from tests.integration.phrases import FULL, PHRASES, song
from tests.voicebanks.build import TinyBank, build_voicebank


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_voicebank(tmp_path_factory.mktemp("banks"), TinyBank(name="Full", **FULL))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own for each test."""
    monkeypatch.setenv("CANTILENA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("CANTILENA_THREADS", "1")
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def sung_once(bank: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Take, Path]:
    """The song as it was sung first, and the cache it left."""
    folder = tmp_path_factory.mktemp("warm") / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CANTILENA_CACHE_DIR", str(folder))
        patch.setenv("CANTILENA_THREADS", "1")
        return sing(song(), voicebank=bank), folder


@pytest.fixture
def warm(sung_once: tuple[Take, Path], cache: Path) -> Take:
    """The song as it was sung first; the test goes on with a copy of the cache."""
    take, folder = sung_once
    shutil.copytree(folder, cache)
    return take


def misses(take: Take) -> int:
    return len(take.phrases) - take.cache_hits


def test_a_song_sung_again_is_found(warm: Take, bank: Path) -> None:
    again = sing(song(), voicebank=bank)
    assert misses(again) == 0
    assert np.array_equal(again.samples, warm.samples)
    assert again.warnings == warm.warnings


def test_a_repeated_phrase_is_sung_once(warm: Take) -> None:
    assert len(warm.phrases) == len(PHRASES)
    assert warm.cache_hits == 1


@pytest.mark.parametrize("changed", [1, 3, 5])
def test_after_one_word_is_changed_one_phrase_is_sung(warm: Take, bank: Path, changed: int) -> None:
    phrases = list(PHRASES)
    phrases[changed] = phrases[changed].rsplit(" ", 1)[0] + " moon"
    take = sing(song(phrases), voicebank=bank)
    assert misses(take) == 1
    assert np.array_equal(take.samples, sing(song(phrases), voicebank=bank, cache=False).samples)
    assert not np.array_equal(take.samples, warm.samples)


def test_phrases_move_without_being_sung_again(warm: Take, bank: Path) -> None:
    """A phrase put in before the others, and another measure's number for each of them."""
    take = sing(song(["be still my soul", *PHRASES]), voicebank=bank)
    assert misses(take) <= 2  # the first phrase of a song has no breath before it, and now another one has not
    assert np.array_equal(take.samples, sing(song(["be still my soul", *PHRASES]), voicebank=bank, cache=False).samples)


@pytest.mark.parametrize(
    "changed",
    [
        {"tempo": 1.1}, {"transpose": 1}, {"seed": 1}, {"expression": 0.5}, {"speaker": "baritone"},
        {"controls": {"gender": 20}}, {"controls": {"breathiness": 20}},
        {"controls": {"speaker:baritone": 50}},
    ],
    ids=str,
)  # fmt: skip
def test_what_changes_every_phrase_is_sung_anew(warm: Take, bank: Path, changed: Mapping[str, object]) -> None:
    take = sing(song(), voicebank=bank, **changed)
    assert take.cache_hits == 1  # the repeated phrase
    assert not np.array_equal(take.samples, warm.samples)
    assert np.array_equal(take.samples, sing(song(), voicebank=bank, cache=False, **changed).samples)


@pytest.mark.parametrize("changed", [{"steps": 3}, {"quality": "best"}], ids=str)
def test_sampling_counts_though_these_models_do_not_hear_it(
    warm: Take, bank: Path, changed: Mapping[str, object]
) -> None:
    assert sing(song(), voicebank=bank, **changed).cache_hits == 1


def test_a_curve_is_heard_only_in_the_phrases_it_touches(warm: Take, bank: Path) -> None:
    second = warm.phrases[1]
    times = [second.onset, second.onset + 0.2, second.onset + 0.4, second.onset + 0.5]
    take = sing(song(), voicebank=bank, controls={"gender": (times, [0, 30, 30, 0])})
    assert misses(take) == 1
    moved = sing(song(), voicebank=bank, controls={"gender": (times, [0, 60, 60, 0])})
    assert misses(moved) == 1
    neutral = sing(song(), voicebank=bank, controls={"gender": 0, "velocity": ([0.0, 3.0], [100, 100])})
    assert misses(neutral) == 0
    assert np.array_equal(neutral.samples, warm.samples)


def test_a_pronunciation_counts_where_its_word_is_sung(warm: Take, bank: Path) -> None:
    take = sing(song(), voicebank=bank, pronunciations={"mile": ("m", "iy", "l")})
    assert misses(take) == 1
    same = sing(song(), voicebank=bank, pronunciations={"mile": ("m", "iy", "l"), "moon": ("m", "uw", "n")})
    assert misses(same) == 0


@pytest.mark.parametrize("file", ["acoustic.onnx", "dsdur/dur.onnx", "dsvocoder/tiny_vocoder.onnx", "baritone.emb"])
def test_a_changed_file_of_the_voicebank_counts(cache: Path, tmp_path: Path, file: str) -> None:
    bank = build_voicebank(tmp_path, TinyBank())
    found = bank / file if (bank / file).exists() else next(bank.rglob(Path(file).name.replace("tiny_vocoder", "*")))
    sing(song(), voicebank=bank)
    content = bytearray(found.read_bytes())
    if file.endswith(".emb"):
        content[0] ^= 1
    found.write_bytes(content)
    os.utime(found, (2_000_000_000, 2_000_000_000))
    assert sing(song(), voicebank=bank).cache_hits == 1


def test_threads_count_since_sums_may_differ(warm: Take, bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANTILENA_THREADS", "2")
    assert sing(song(), voicebank=bank).cache_hits == 1


def test_where_all_is_found_no_model_is_opened(warm: Take, bank: Path) -> None:
    with capture_logs() as lines:
        sing(song(), voicebank=bank)
    assert not [line for line in lines if line["event"] == "model_loaded"]
    outcomes = {line["step"]: line["outcome"] for line in lines if line["event"] == "synthesize_step"}
    assert outcomes == {
        "align": "ok", "durations": "cached", "pitch": "cached", "variance": "cached", "synthesize_audio": "cached",
        "postprocess": "ok",
    }  # fmt: skip
    (total,) = (line for line in lines if line["event"] == "synthesize_total")
    assert total["cache_hits"] == len(PHRASES)
    frames = {line["step"]: line["frames"] for line in lines if line["event"] == "synthesize_step"}
    assert frames["durations"] == frames["synthesize_audio"] > 0


def test_nothing_is_kept_or_found_without_the_cache(cache: Path, bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert misses(sing(song(), voicebank=bank, cache=False)) == len(PHRASES)
    monkeypatch.setenv("CANTILENA_CACHE_MAX_BYTES", "0")
    assert misses(sing(song(), voicebank=bank)) == len(PHRASES)
    assert not cache.exists()


def test_what_was_damaged_is_sung_again(warm: Take, bank: Path, cache: Path) -> None:
    damaged, cut, *_ = sorted(file for file in (cache / "phrases").rglob("*") if file.is_file())
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    cut.write_bytes(cut.read_bytes()[:1000])
    take = sing(song(), voicebank=bank)
    assert 2 <= misses(take) <= 3
    assert np.array_equal(take.samples, warm.samples)


def test_where_nothing_can_be_kept_the_song_is_sung_and_one_warning_says_so(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("CANTILENA_CACHE_DIR", str(tmp_path / "file"))
    take = sing(song(), voicebank=bank)
    assert misses(take) == len(PHRASES)
    (warning,) = (warning for warning in take.warnings if warning.code == "cache_unwritable")
    assert str(tmp_path / "file") in warning.message
    assert "--no-cache" in warning.hint
