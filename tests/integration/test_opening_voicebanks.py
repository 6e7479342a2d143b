"""What an open voicebank knows of its speakers, and what its content key covers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cantilena.voicebank import Voicebank, open_voicebank
from tests.voicebanks.bank import HIDDEN, TinyBank
from tests.voicebanks.build import build_voicebank

SUBBANKS = "subbanks:\n- {color: Warm, suffix: v1.soft}\n- {color: Nobody, suffix: gone}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build_voicebank(tmp_path, TinyBank(speakers=("v1.kumi", "v1.soft"), ranges="{kumi: [53, 77]}"))


def with_other_names_in_dsdur(folder: Path) -> Path:
    """The duration stage names its speakers otherwise, and in another order."""
    config = folder / "dsdur" / "dsconfig.yaml"
    config.write_text(config.read_text().replace("v1.kumi", "d2.soft").replace("v1.soft", "d2.kumi"))
    for name, value in (("d2.soft", 7.0), ("d2.kumi", 8.0)):
        (folder / "dsdur" / f"{name}.emb").write_bytes(np.full(HIDDEN["dsdur"], value, dtype="<f4").tobytes())
    character = folder / "character.yaml"
    character.write_text(character.read_text() + SUBBANKS)
    return folder


def first_value(voicebank: Voicebank, speaker: str) -> float:
    return float(voicebank.durations.embedding(speaker, size=HIDDEN["dsdur"])[0])


@pytest.mark.parametrize("asked", ["soft", "SOFT", "v1.soft", "Warm", "warm"])
def test_a_speaker_is_found_by_name_colour_and_entry_in_every_stage(folder, asked):
    voicebank = open_voicebank(with_other_names_in_dsdur(folder), threads=1)
    assert voicebank.info.colours == {"Warm": "soft"}
    assert voicebank.find_speaker(asked) == "soft"
    assert voicebank.durations.has_speaker(asked)
    assert first_value(voicebank, asked) == 7.0


def test_nobody_is_found_by_a_name_that_nobody_has(folder):
    voicebank = open_voicebank(with_other_names_in_dsdur(folder), threads=1)
    assert voicebank.find_speaker("Nobody") is None
    assert not voicebank.durations.has_speaker("Nobody")


def test_the_content_key_covers_a_vocoder_outside(folder):
    own = open_voicebank(folder, threads=1)
    assert own.content_key == own.version
    shared = folder.parent / "tiny_vocoder"
    shutil.move(folder / "dsvocoder", shared)
    before = open_voicebank(folder, threads=1)
    assert before.content_key.startswith(f"{before.version}-")
    with (shared / "model.onnx").open("ab") as stream:
        stream.write(b"\0")
    after = open_voicebank(folder, threads=1)
    assert after.version == before.version
    assert after.content_key != before.content_key


def test_a_vocoder_that_is_slow_elsewhere_stays_on_the_cpu(folder):
    file = folder / "dsvocoder" / "vocoder.yaml"
    file.write_text(file.read_text() + "force_on_cpu: true\n")
    voicebank = open_voicebank(folder, threads=1, device="cuda")
    voicebank.vocoder.model.open()
