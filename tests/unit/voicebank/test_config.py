"""What configuration files say, with the defaults OpenUtau assumes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cantilena.errors import VoicebankError
from cantilena.voicebank.config import MelConfig, read_character, read_stage_config, read_vocoder_config


def written(folder: Path, text: str, name: str = "dsconfig.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults(tmp_path):
    config = read_stage_config(written(tmp_path, "acoustic: acoustic.onnx\n"))
    assert config.mel == MelConfig(
        sample_rate=44100, hop_size=512, win_size=2048, fft_size=2048, n_mels=128, fmin=40, fmax=16000, base="10",
        scale="slaney",
    )  # fmt: skip
    assert (config.phonemes, config.languages, config.speakers, config.vocoder) == ("phonemes.txt", None, (), None)
    assert config.models == {"acoustic": "acoustic.onnx"}


def test_a_current_acoustic_configuration(tmp_path):
    config = read_stage_config(
        written(
            tmp_path,
            "phonemes: phonemes.json\nlanguages: languages.json\nacoustic: files\\acoustic.onnx\n"
            "speakers:\n  - bank_v1.kumi\n  - embeds/soft.emb\nsample_rate: 48000\nhop_size: 480\n"
            "mel_base: e\nmax_depth: 0.6\nuse_lang_id: true\nsomething_new: {a: b}\nvocoder: nsf_hifigan\n",
        )
    )
    assert config.speakers == ("bank_v1.kumi", "embeds/soft")
    assert config.mel.base == "e"
    assert config.mel.frame_seconds == 0.01
    assert config.max_depth == 0.6
    assert config.vocoder == "nsf_hifigan"


def test_a_depth_in_thousandths_is_understood(tmp_path):
    assert read_stage_config(written(tmp_path, "max_depth: 400\n")).max_depth == 0.4


@pytest.mark.parametrize(
    "line",
    ["hop_size: many", "hop_size: 0", "hop_size: 1.5", "mel_fmin: -1", "mel_base: 2", "speakers: {a: b}",
     "acoustic: [a]", "sample_rate: .inf", "max_depth: nan"],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_names_file_and_key(tmp_path, line):
    with pytest.raises(VoicebankError, match=rf"dsconfig\.yaml must give .*'{line.partition(':')[0]}'"):
        read_stage_config(written(tmp_path, line + "\n"))


def test_a_vocoder(tmp_path):
    config = read_vocoder_config(written(tmp_path, "name: mini\nmodel: mini.onnx\nmel_base: e\n", "vocoder.yaml"))
    assert (config.name, config.model, config.mel.base) == ("mini", "mini.onnx", "e")


def test_what_a_voicebank_tells_people(tmp_path):
    written(
        tmp_path,
        "name: Vesper\nauthor: A. Singer\ncantilena:\n  languages: [en]\n  ranges: {mezzo: [53, 77]}\n"
        "  license: CC0-1.0\n",
        "character.yaml",
    )
    character = read_character(tmp_path)
    assert (character.name, character.author, character.licence) == ("Vesper", "A. Singer", "CC0-1.0")
    assert character.languages == ("en",)
    assert character.ranges == {"mezzo": (53.0, 77.0)}


def test_a_plain_character_file_in_shift_jis(tmp_path):
    (tmp_path / "character.txt").write_bytes("名前=重音\nAuthor：小山\nfree text\n".encode("shift-jis"))  # noqa: RUF001
    character = read_character(tmp_path)
    assert character.name == "重音"


def test_a_voicebank_need_tell_nothing(tmp_path):
    assert read_character(tmp_path).name == ""


@pytest.mark.parametrize(
    "ranges", ["{mezzo: [77, 53]}", "{mezzo: 60}", "[1, 2]", "{mezzo: [low, high]}", "{m: [1, 2, 3]}"]
)
def test_ranges_are_two_midi_numbers(tmp_path, ranges):
    written(tmp_path, f"cantilena: {{ranges: {ranges}}}\n", "character.yaml")
    with pytest.raises(VoicebankError, match="two MIDI numbers for each speaker"):
        read_character(tmp_path)
