"""Every kind of voicebank loads, sings the right notes on the beat, and is steered by the controls it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from cantilena.voicebanks import check_voicebank
from tests.voicebanks.build import build_voicebank
from tests.voicebanks.table import make_table, table_in, verdict_of
from tests.voicebanks.variants import VARIANTS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "voicebanks.md"


@pytest.mark.parametrize("name", VARIANTS)
def test_it_loads_and_sings_and_its_controls_act(name):
    variant = VARIANTS[name]
    verdict = verdict_of(variant)
    assert verdict.problems == ()
    assert verdict.loads
    assert verdict.sings
    # whatever a stage does not know is sung as something near, and told
    assert set(verdict.findings) == ({"phoneme_substituted"} if variant.bank.unknown else set())


CHECKED = [
    name for name, variant in VARIANTS.items() if variant.axis in ("stages", "root", "phonemes", "like known ones")
]


@pytest.mark.parametrize("name", CHECKED)
def test_what_is_said_of_it_is_true(name, tmp_path):
    """The check finds nothing but what the voicebank really lacks, and names the controls that act."""
    variant = VARIANTS[name]
    report = check_voicebank(build_voicebank(tmp_path, variant.bank))
    lacking = {"phonemes_missing", "dictionary_problem"} if variant.bank.unknown else set()
    lacking |= {"voicebank_without_durations"} if variant.bank.durations is None else set()
    assert [problem for problem in report.problems if problem.code not in lacking] == []
    assert report.singable
    assert report.controls == verdict_of(variant).acts


def test_the_documented_table_is_what_comes_of_singing_with_each():
    assert table_in(DOCUMENT.read_text("utf-8")) == make_table()
