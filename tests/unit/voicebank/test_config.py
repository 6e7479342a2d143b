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
     "acoustic: [a]", "max_depth: nan", "max_depth: 5000", "hop_size: 99999999999999999999",
     "mel_fmax: 1e999", "num_mel_bins: 900000", "use_continuous_acceleration: perhaps", "speakers: [[a]]",
     "sample_rate: .inf"],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_names_file_and_key(tmp_path, line):
    with pytest.raises(VoicebankError, match=rf"dsconfig\.yaml must give .*'{line.partition(':')[0]}'"):
        read_stage_config(written(tmp_path, line + "\n"))


def test_frames_of_absurd_length_are_refused(tmp_path):
    with pytest.raises(VoicebankError, match=r"dsconfig\.yaml makes a frame last 0\.000023 s"):
        read_stage_config(written(tmp_path, "hop_size: 1\n"))


def test_what_sampling_needs(tmp_path):
    config = read_stage_config(
        written(
            tmp_path,
            "use_continuous_acceleration: True\nmax_depth: 0.4\n"
            "augmentation_args: {random_pitch_shifting: {range: [-3., 12.0], scale: 1}}\n",
        )
    )
    assert config.use_continuous_acceleration
    assert (config.max_depth, config.pitch_shift_range) == (0.4, (-3.0, 12.0))


@pytest.mark.parametrize("text", ["", "augmentation_args: null", "augmentation_args: {random_time_stretching: {a: b}}"])
def test_voices_were_shifted_by_five_semitones_where_nothing_is_told(tmp_path, text):
    assert read_stage_config(written(tmp_path, text)).pitch_shift_range == (-5.0, 5.0)


@pytest.mark.parametrize("shifts", ["[5, -5]", "[a, b]", "7", "[-5, 5, 6]", "[-500, 5]", "[nan, nan]"])
def test_a_range_of_shifts_is_two_numbers(tmp_path, shifts):
    with pytest.raises(VoicebankError, match="two numbers of semitones"):
        read_stage_config(written(tmp_path, f"augmentation_args: {{random_pitch_shifting: {{range: {shifts}}}}}"))


@pytest.mark.parametrize("speakers", ["[]", "null", "", "~"])
def test_no_speakers_are_written_in_many_ways(tmp_path, speakers):
    assert read_stage_config(written(tmp_path, f"speakers: {speakers}\n")).speakers == ()


def test_a_vocoder(tmp_path):
    config = read_vocoder_config(
        written(tmp_path, "name: mini\nmodel: mini.onnx\nmel_base: 'e'\npitch_controllable: yes\n", "vocoder.yaml")
    )
    assert (config.name, config.model, config.mel.base) == ("mini", "mini.onnx", "e")
    assert (config.pitch_controllable, config.force_on_cpu) == (True, False)


@pytest.mark.parametrize(
    ("text", "base"), [("mel_base: 10", "10"), ("mel_base: '10'", "10"), ("", "10"), ("mel_base: E", "e")]
)
def test_the_base_of_a_vocoder_is_a_number_or_text(tmp_path, text, base):
    assert read_vocoder_config(written(tmp_path, text, "vocoder.yaml")).mel.base == base


def test_voice_colours_are_the_names_people_know(tmp_path):
    written(
        tmp_path,
        "subbanks:\n- {color: Soft, suffix: embeds/v2.soft.emb}\n- {color: Soft, suffix: other}\n"
        "- {color: '', suffix: a}\n- {color: b}\n- c\n",
        "character.yaml",
    )
    assert read_character(tmp_path, root=tmp_path).colours == {"Soft": "embeds/v2.soft"}
    written(tmp_path, "subbanks: none of this kind\n", "character.yaml")
    assert read_character(tmp_path, root=tmp_path).colours == {}


def test_what_is_told_may_lie_in_another_folder(tmp_path):
    (tmp_path / "configs").mkdir()
    written(tmp_path, "name: Outer\n", "Character.YAML")
    assert read_character(tmp_path / "configs", tmp_path, root=tmp_path).name == "Outer"


@pytest.mark.parametrize("encoding", ["nonsense", "idna", "undefined", "base64", "[a]"])
def test_an_encoding_that_nobody_knows_is_passed_over(tmp_path, encoding):
    written(tmp_path, f"text_file_encoding: {encoding}\n", "character.yaml")
    (tmp_path / "character.txt").write_bytes("name=重音\n".encode("cp932"))
    assert read_character(tmp_path, root=tmp_path).name == "重音"


def test_what_a_voicebank_tells_people(tmp_path):
    written(
        tmp_path,
        "name: Vesper\nauthor: A. Singer\ncantilena:\n  languages: [en]\n  ranges: {mezzo: [53, 77]}\n"
        "  license: CC0-1.0\n",
        "character.yaml",
    )
    character = read_character(tmp_path, root=tmp_path)
    assert (character.name, character.author, character.licence) == ("Vesper", "A. Singer", "CC0-1.0")
    assert character.languages == ("en",)
    assert character.ranges == {"mezzo": (53.0, 77.0)}


def test_a_plain_character_file_in_shift_jis(tmp_path):
    (tmp_path / "character.txt").write_bytes("名前=重音\nAuthor：小山\nfree text\n".encode("shift-jis"))  # noqa: RUF001
    character = read_character(tmp_path, root=tmp_path)
    assert character.name == "重音"


def test_a_voicebank_need_tell_nothing(tmp_path):
    assert read_character(tmp_path, root=tmp_path).name == ""


@pytest.mark.parametrize(
    "ranges", ["{mezzo: [77, 53]}", "{mezzo: 60}", "[1, 2]", "{mezzo: [low, high]}", "{m: [1, 2, 3]}"]
)
def test_ranges_are_two_midi_numbers(tmp_path, ranges):
    written(tmp_path, f"cantilena: {{ranges: {ranges}}}\n", "character.yaml")
    with pytest.raises(VoicebankError, match="two MIDI numbers for each speaker"):
        read_character(tmp_path, root=tmp_path)
