"""Sung lines made of spoken ones: lengths and pitch layers; needs numpy alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from voicebuilder.contours import LAYERS, draw_song_line, measure_microprosody, pitch_layers
from voicebuilder.corpus import Phone, Utterance, read_labels, write_labels
from voicebuilder.durations import SHORT_SHARES, crowd, draw_line, group_starts, spoken_phrases, sung_length
from voicebuilder.spectra import FRAME_SECONDS
from voicebuilder.symbols import IDS, SYMBOLS, is_vowel

WORDS = ["SP", "s", "t", "r", "iy", "m", "z", "ah", "v", "l", "ay", "t", "SP", "k", "ae", "n", "d", "SP"]


@pytest.fixture
def utterance() -> Utterance:
    edges = np.concatenate([[0.0], np.cumsum([0.15 if is_vowel(s) else 0.1 for s in WORDS])])
    phones = tuple(
        Phone(symbol=s, start=a, end=b, stress=0) for s, a, b in zip(WORDS, edges[:-1], edges[1:], strict=True)
    )
    f0 = np.full(int(edges[-1] / 0.0125) + 1, 200.0)
    return Utterance(name="0001", voice="anna", audio=Path("anna/0001.flac"), phones=phones, f0=f0)


def test_phrases_end_at_silences(utterance: Utterance):
    assert [[p.symbol for p in phrase] for phrase in spoken_phrases(utterance)] == [
        ["s", "t", "r", "iy", "m", "z", "ah", "v", "l", "ay", "t"],
        ["k", "ae", "n", "d"],
    ]


def test_groups_start_at_vowels_and_at_the_glide_between_consonant_and_vowel():
    assert group_starts(["s", "t", "r", "iy", "m", "z", "ah"]) == [2, 6]
    assert group_starts(["y", "uw"]) == [1]


def test_consonants_lie_between_speech_and_the_prior():
    assert 0.105 * 0.75 < sung_length("s", 0.105, 0.35) < 0.105
    assert sung_length("s", 0.14, 1.5) > sung_length("s", 0.14, 0.15)


def test_closures_give_way_before_hisses():
    s, t = crowd(["s", "t"], np.array([0.1, 0.07]), 0.11)
    assert s + t == pytest.approx(0.11)
    assert s / 0.1 > t / 0.07
    assert crowd(["s", "t"], np.array([0.1, 0.07]), 0.04).sum() == pytest.approx(0.04)  # below the floors


def test_every_group_sums_to_its_length_and_leaves_room_for_its_vowel(utterance: Utterance):
    for seed in range(20):
        line = draw_line(np.random.default_rng(seed), "anna", spoken_phrases(utterance)[0])
        assert line.word_div.sum() == len(line.tokens) == len(line.lengths)
        starts = np.concatenate([[0], np.cumsum(line.word_div)[:-1]])
        np.testing.assert_allclose(np.add.reduceat(line.lengths, starts), line.word_dur, rtol=1e-4)
        vowels = np.array([is_vowel(SYMBOLS[t]) for t in line.tokens])
        for start, size, frames in zip(starts, line.word_div, line.word_dur, strict=True):
            group = slice(start, start + size)
            if vowels[group].any():
                assert line.lengths[group][~vowels[group]].sum() <= SHORT_SHARES[-1] * frames + 1e-3


def test_the_same_seed_draws_the_same_line(utterance: Utterance):
    one, other = (draw_song_line(np.random.default_rng(5), "anna", spoken_phrases(utterance)) for _ in range(2))
    np.testing.assert_array_equal(one.layers, other.layers)


def test_phones_notes_and_layers_are_of_one_length(utterance: Utterance):
    for seed in range(20):
        line = draw_song_line(np.random.default_rng(seed), "anna", spoken_phrases(utterance))
        assert line.ph_dur.sum() == line.note_dur.sum() == len(line.layers)
        assert line.rest[0]
        assert line.rest[-1]
        assert line.tokens[0] == line.tokens[-1] == IDS["SP"]


def layers_of(midi: list[float], seconds: list[float]) -> dict[str, np.ndarray]:
    """Of notes between two rests."""
    note_dur = np.array([8, *(round(s / FRAME_SECONDS) for s in seconds), 8])
    rest = np.array([True, *([False] * len(midi)), True])
    pitch = np.array([midi[0], *midi, midi[-1]], np.float32)
    rows = pitch_layers(pitch, rest, note_dur, np.zeros(len(rest), bool))
    return dict(zip(LAYERS, rows.T, strict=True))


def middle(note: int, seconds: list[float]) -> slice:
    begin = 8 * FRAME_SECONDS + sum(seconds[:note])
    return slice(*(round((begin + share * seconds[note]) / FRAME_SECONDS) for share in (0.22, 0.78)))


@pytest.mark.parametrize("length", [0.25, 0.5, 2.0])
def test_the_middle_of_a_note_is_its_pitch(length: float):
    seconds = [length] * 3
    layers = layers_of([60, 67, 55], seconds)
    for name in ("before", "after", "preparation", "edge"):
        np.testing.assert_allclose(layers[name][middle(1, seconds)], 0.0, atol=1e-3)
    assert np.abs(7.0 * layers["overshoot"][middle(1, seconds)]).max() < 0.4  # semitones


def test_vibrato_begins_late_and_follows_the_length_of_the_note():
    widest = [layers_of([60], [length])["depth"].max() for length in (0.4, 0.8, 2.5)]
    assert widest[0] == 0.0
    assert 0.1 < widest[1] < widest[2]
    long = layers_of([60], [2.5])["depth"]
    assert long[: 8 + round(1.0 / FRAME_SECONDS)].max() == 0.0


def test_a_level_voice_has_no_microprosody(utterance: Utterance):
    line = measure_microprosody(utterance)
    assert line.weight.sum() > 50
    np.testing.assert_allclose(line.micro, 0.0, atol=1e-6)


def test_labels_are_kept_as_they_were_read(utterance: Utterance, tmp_path: Path):
    write_labels([utterance], tmp_path / "labels.jsonl")
    (again,) = read_labels(tmp_path / "labels.jsonl")
    assert again.phones == utterance.phones
    np.testing.assert_array_equal(again.f0, utterance.f0)
