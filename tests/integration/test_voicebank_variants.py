"""Every kind of voicebank loads, sings the right notes on the beat, and is steered by the controls it has."""

from __future__ import annotations

from pathlib import Path

import pytest

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


def test_the_documented_table_is_what_comes_of_singing_with_each():
    assert table_in(DOCUMENT.read_text("utf-8")) == make_table()
