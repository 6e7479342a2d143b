"""Damaged and hostile text files end in one error that names the file, whatever is in them, and soon."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from cantilena.errors import VoicebankError
from cantilena.voicebank import describe_voicebank
from cantilena.voicebank.config import read_character, read_stage_config, read_vocoder_config
from cantilena.voicebank.symbols import read_symbol_table

DSCONFIG = """\
phonemes: phonemes.json
languages: languages.json
acoustic: acoustic.onnx
vocoder: nsf_hifigan
speakers: [bank.kumi, embeds/soft]
hidden_size: 384
augmentation_args: {random_pitch_shifting: {range: [-5., 5.], scale: 0.75}}
use_continuous_acceleration: true
max_depth: 0.6
sample_rate: 44100
hop_size: 512
mel_base: 'e'
"""
VOCODER = "name: nsf_hifigan\nmodel: model.onnx\nsample_rate: 44100\nmel_base: e\npitch_controllable: true\n"
CHARACTER = """\
name: 歌
text_file_encoding: shift_jis
subbanks:
- {color: Soft, suffix: bank.kumi, tone_ranges: [C1-B7]}
cantilena: {languages: [en], ranges: {kumi: [50, 70]}}
"""
PHONEMES = json.dumps({"<PAD>": 0, "SP": 1, "AP": 2, "en/aa": 3})

FILES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "dsconfig.yaml": (DSCONFIG, read_stage_config),
    "vocoder.yaml": (VOCODER, read_vocoder_config),
    "character.yaml": (CHARACTER, lambda file: read_character(file.parent, root=file.parent)),
    "character.txt": ("name=歌\nauthor：誰\n", lambda file: read_character(file.parent, root=file.parent)),  # noqa: RUF001
    "phonemes.json": (PHONEMES, lambda file: read_symbol_table(file, None)),
    "phonemes.txt": ("<PAD>\nSP\nAP\naa\n", lambda file: read_symbol_table(file, None)),
}


def harmed(whole: bytes, chance: random.Random) -> bytes:
    """A file with bytes cut off, changed, repeated, or put in."""
    at, end = sorted(chance.choices(range(len(whole) + 1), k=2))
    return chance.choice(
        (
            whole[:at],
            whole[:at] + chance.randbytes(chance.randint(1, 9)) + whole[at + 1 :],
            whole[:at] + whole[at:end] * 3 + whole[end:],
            whole[:at] + chance.choice((b"\0", b"*a", b"&a ", b"{[", b"\t", b"\xff\xfe", b"9" * 5000)) + whole[at:],
            chance.randbytes(chance.randint(0, 300)),
        )
    )


@pytest.mark.parametrize("name", FILES)
def test_a_harmed_file_is_read_or_refused_by_name(tmp_path, name):
    text, read = FILES[name]
    file = tmp_path / name
    chance = random.Random(7)
    for _ in range(120):
        content = harmed(text.encode(), chance)
        file.write_bytes(content)
        try:
            read(file)
        except VoicebankError as error:
            assert error.code == "voicebank_broken", content  # noqa: PT017
            assert name in error.message, content  # noqa: PT017


LAUGHS = "a: &a [x, x]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}' if k else '*a'] * 10)}]\n" for k in range(12)
)


@pytest.mark.parametrize("name", ["dsconfig.yaml", "vocoder.yaml", "character.yaml"])
@pytest.mark.parametrize(
    "text",
    [LAUGHS, "a: &a {b: *a}", "a: " + "[" * 500_000, "- " * 100_000, "speakers: &s [*s]", 
     "a: !!python/name:os.system x\n["],
    ids=["laughs", "cycle", "brackets", "dashes", "speakers in a circle", "tags"],
)  # fmt: skip
def test_hostile_yaml_is_refused(tmp_path, name, text):
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(VoicebankError, match=name):
        FILES[name][1](file)


@pytest.mark.parametrize(
    "table",
    ["9" * 5000, '{"SP": ' + "9" * 5000 + "}", '{"SP": 99999999999999999999}', '{"SP": NaN}', '{"SP": 1e5}',
     '{"SP": true}', "[" * 100_000, '{"SP": -1}', '{"SP": 1, "a": {"b": 2}}', "[]", "null"],
)  # fmt: skip
def test_absurd_tables_are_refused(tmp_path, table):
    file = tmp_path / "phonemes.json"
    file.write_text(table)
    with pytest.raises(VoicebankError, match=r"phonemes\.json"):
        read_symbol_table(file, None).token_ids(["SP"])


def test_folders_where_files_belong_are_told(tmp_path):
    (tmp_path / "dsconfig.yaml").mkdir()
    with pytest.raises(VoicebankError, match=r"dsconfig\.yaml"):
        describe_voicebank(tmp_path)


def test_a_whole_voicebank_of_harmed_files_is_told(tmp_path):
    (tmp_path / "acoustic.onnx").write_bytes(b"")
    chance = random.Random(3)
    for _ in range(50):
        for name, (text, _) in FILES.items():
            (tmp_path / name).write_bytes(harmed(text.encode(), chance) if chance.random() < 0.5 else text.encode())
        try:
            describe_voicebank(tmp_path)
        except VoicebankError as error:
            assert error.code == "voicebank_broken"  # noqa: PT017
