"""The same phrase and seed give the same samples: sung twice, found, side by side, in any order, in another process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cantilena.api import plan, sing
from cantilena.cache import ContentStore
from cantilena.singing.phrase import Phrase
from cantilena.singing.pipeline import sing_phrase
from cantilena.tracing import SongTrace
from cantilena.voicebank import open_voicebank
from tests.conftest import ROOT
from tests.integration.phrases import FULL, song
from tests.voicebanks.build import TinyBank, build_voicebank

BUILT_IN = ROOT / "assets" / "voicebanks" / "Vesper_1.0"
ANOTHER_PROCESS = """
import hashlib, sys
from cantilena.api import sing
from tests.integration.phrases import song
print(hashlib.sha256(sing(song(), voicebank=sys.argv[1], seed=5, cache=False).samples.tobytes()).hexdigest())
"""


@pytest.fixture(scope="module", params=["tiny", "built in"])
def bank(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "built in":
        return BUILT_IN
    return build_voicebank(tmp_path_factory.mktemp("banks"), TinyBank(name="Full", **FULL))


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CANTILENA_THREADS", "1")
    monkeypatch.setenv("CANTILENA_CACHE_DIR", str(tmp_path / "cache"))


def test_sung_twice_and_from_a_cold_and_a_warm_cache(bank: Path) -> None:
    takes = [sing(song(), voicebank=bank, seed=5, cache=cache) for cache in (False, False, True, True)]
    assert takes[-1].cache_hits == len(takes[-1].phrases)
    for take in takes[1:]:
        assert np.array_equal(take.samples, takes[0].samples)
    assert np.abs(takes[0].samples).max() > 0.1


def test_in_another_process(bank: Path) -> None:
    here = hashlib.sha256(sing(song(), voicebank=bank, seed=5, cache=False).samples.tobytes()).hexdigest()
    there = subprocess.run(
        [sys.executable, "-c", ANOTHER_PROCESS, bank], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert there.stdout.strip() == here


def test_phrases_side_by_side_and_in_any_order(bank: Path, tmp_path: Path) -> None:
    voicebank = open_voicebank(bank, threads=1)
    song_plan = plan(song(), voicebank=voicebank)
    phrases = song_plan.performance.phrases
    store = ContentStore(tmp_path / "crowded", max_bytes=400_000)  # too small for all: evicted while others read

    def samples(phrase: Phrase, kept: ContentStore | None = None) -> bytes:
        return sing_phrase(phrase, song_plan.singer, SongTrace(), kept).waveform.samples.tobytes()

    in_order = [samples(phrase) for phrase in phrases]
    backwards = [samples(phrase) for phrase in reversed(phrases)][::-1]
    with ThreadPoolExecutor(4) as pool:
        side_by_side = list(pool.map(samples, phrases))
        crowded = list(pool.map(lambda phrase: samples(phrase, store), [*phrases, *phrases, *phrases]))
    assert backwards == in_order
    assert side_by_side == in_order
    assert crowded == [*in_order, *in_order, *in_order]


def test_noise_differs_from_phrase_to_phrase_and_from_seed_to_seed(tmp_path: Path) -> None:
    bank = build_voicebank(tmp_path, TinyBank(name="Full", **FULL))
    first, second = (sing(song(), voicebank=bank, seed=seed).samples for seed in (1, 2))
    assert not np.array_equal(first, second)
