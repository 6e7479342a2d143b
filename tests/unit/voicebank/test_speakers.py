"""Which speaker is meant, and its embedding."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.errors import VoicebankError
from cantilena.voicebank.speakers import match_speaker, read_embedding, speaker_aliases, speaker_names

ENTRIES = ("v1.Kumi", "embeds/soft", "embeds/v2.Kumi", "SOFT")


@pytest.mark.parametrize(
    ("asked", "index"),
    [("embeds/soft", 1), ("SOFT", 3), ("soft", 3), ("v2.kumi", 2), ("kumi", 0), ("V1.KUMI", 0), ("rena", None)],
)
def test_a_name_matches_exactly_then_loosely(asked, index):
    assert match_speaker(asked, ENTRIES) == index


def test_names_are_short_while_they_differ():
    assert speaker_names(("bank.kumi", "embeds\\bank.rena")) == ("kumi", "rena")
    assert speaker_names(("a.kumi", "embeds/b.kumi")) == ("a.kumi", "b.kumi")
    assert speaker_names(("a/kumi", "b/kumi")) == ("a/kumi", "b/kumi")


def test_a_voice_colour_is_a_name_too_unless_a_speaker_has_it():
    aliases = speaker_aliases(("embeds/v1.Kumi", "embeds/v1.Soft"), {"Warm": "v1.soft", "soft": "v1.kumi", "no": "x"})
    assert aliases == {"kumi": "embeds/v1.Kumi", "soft": "embeds/v1.Soft", "warm": "embeds/v1.Soft"}


def test_an_embedding_is_raw_floats_and_its_name_may_hold_dots(tmp_path):
    values = np.arange(4, dtype="<f4")
    (tmp_path / "bank.v1.kumi.emb").write_bytes(values.tobytes())
    assert read_embedding(tmp_path, tmp_path, "bank.v1.kumi").tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "must hold 32-bit floats, but has 0 bytes"),
        (b"12345", "must hold 32-bit floats, but has 5 bytes"),
        (np.array([np.nan], dtype="<f4").tobytes(), "holds values that are not numbers"),
        (None, r"is missing \(the embedding of a speaker\)"),
    ],
)
def test_a_damaged_embedding_is_named(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "kumi.emb").write_bytes(content)
    with pytest.raises(VoicebankError, match=rf"kumi\.emb {reason}"):
        read_embedding(tmp_path, tmp_path, "kumi")
