"""A song is sung step by step through its JSON, edited on the way, damaged on the way, by a generated voicebank."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cantilena import stages
from cantilena.api import sing_to_file
from cantilena.errors import CantilenaError, OptionError, StageError
from cantilena.singing.controls import ControlCurve, Controls
from cantilena.singing.options import SingOptions
from cantilena.song import LineOptions
from cantilena.voicebank import Voicebank, open_voicebank
from tests.voicebanks.build import TinyBank, build_voicebank

HYMN = Path(__file__).resolve().parents[2] / "examples" / "amazing-grace.musicxml"
LINE = LineOptions(measures=("1", "4"))
STEPS: tuple[stages.Step, ...] = ("align", "durations", "pitch", "variance", "synthesize_audio")
FULL = TinyBank(
    name="Full", pitch="word", variance="phoneme", curves=("breathiness", "tension"), depth=True, language_ids=True,
    prefix="en/",
)  # fmt: skip


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Voicebank:
    return open_voicebank(build_voicebank(tmp_path_factory.mktemp("banks"), FULL), threads=1)


@pytest.fixture(scope="module")
def documents(bank: Voicebank) -> dict[str, str]:
    """The JSON of every step."""
    document = stages.begin(HYMN, line=LINE, options=SingOptions(seed=3), voicebank=bank)
    texts = {}
    for step in STEPS:
        document = stages.run(document, step, voicebank=bank)
        texts[step] = stages.to_json(document)
    return texts


def through_json(document: stages.StageDocument) -> stages.StageDocument:
    return stages.from_json(stages.to_json(document))


def samples_of(document: stages.StageDocument) -> np.ndarray:
    with stages.laid_out(document) as track:
        return track.samples()


def sing_on(document: stages.StageDocument, bank: Voicebank) -> None:
    """Run the step after the last."""
    if document.step == STEPS[-1]:
        samples_of(document)
    else:
        stages.run(document, STEPS[STEPS.index(document.step) + 1 if document.step else 0], voicebank=bank)


def edited(text: str, edit: Callable[[Any], object]) -> stages.StageDocument:
    """As a user edits: with any JSON library that reads numbers as floats."""
    song = json.loads(text)
    edit(song)
    return stages.from_json(json.dumps(song))


VARIANTS = {
    "everything": (FULL, SingOptions(seed=3)),
    "drawn pitch": (TinyBank(), SingOptions(seed=3, expression=0.5)),
    "one speaker": (TinyBank(speakers=(), ranges="{}"), SingOptions()),
    "another sample rate": (TinyBank(sample_rate=48000, hop_size=480, sub_hop_size=480), SingOptions()),
    "transposed and slower": (TinyBank(), SingOptions(transpose=-5, tempo=0.7, speaker="baritone")),
    "words of one's own": (FULL, SingOptions(pronunciations={"grace": ("g", "r", "aa", "s")}, quality="draft")),
    "controls": (
        replace(FULL, shifts=True),
        SingOptions(
            controls=Controls(
                curves={
                    "gender": ControlCurve(times=(0.0,), values=(30.0,)),
                    "breathiness": ControlCurve(times=(0.5123456789, 3.1), values=(1 / 3, 40.0)),
                },
                speakers={"baritone": ControlCurve(times=(1.0, 4.0), values=(0.0, 60.0))},
            )
        ),
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_steps_through_json_give_the_very_samples_of_singing(tmp_path: Path, variant: str) -> None:
    tiny, options = VARIANTS[variant]
    folder = build_voicebank(tmp_path, tiny)
    document = stages.begin(HYMN, line=LINE, options=options, voicebank=open_voicebank(folder, threads=1))
    for step in STEPS:
        document = through_json(stages.run(document, step, voicebank=open_voicebank(folder, threads=1)))
    stages.save(document, tmp_path / "by-steps.wav")
    sung = sing_to_file(
        HYMN, tmp_path / "at-once.wav", line=LINE, options=options, voicebank=open_voicebank(folder, threads=1)
    )
    assert (tmp_path / "by-steps.wav").read_bytes() == (tmp_path / "at-once.wav").read_bytes()
    assert document.findings == sung.report.warnings


def test_what_any_json_library_writes_again_is_sung_the_same(documents: dict[str, str], bank: Voicebank) -> None:
    again = edited(documents["variance"], lambda song: None)
    assert stages.to_json(again) == documents["variance"]
    assert stages.to_json(stages.run(again, "synthesize_audio", voicebank=bank)) == documents["synthesize_audio"]


def test_edited_f0_is_what_sounds(documents: dict[str, str], bank: Voicebank) -> None:
    """The tiny vocoder sings a sine at f0."""

    def bend(song: Any) -> None:
        f0 = song["phrases"][0]["pitch"]["f0"]
        f0[:] = [700.0] * len(f0)

    for step in ("pitch", "variance"):  # from either, the f0 is the user's
        document = edited(documents[step], bend)
        if step == "pitch":
            document = stages.run(document, "variance", voicebank=bank)
        sung = stages.run(document, "synthesize_audio", voicebank=bank).phrases[0].waveform
        assert sung is not None
        middle = sung.samples[len(sung.samples) // 3 : len(sung.samples) // 2]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 18))
        assert spectrum.argmax() * sung.sample_rate / (1 << 18) == pytest.approx(700, abs=2)


def lengthen(song: Any) -> None:
    longest = max(song["phrases"][0]["durations"]["phonemes"], key=lambda phoneme: phoneme["frames"])
    longest["frames"] += 18


def test_edited_durations_are_kept_by_the_steps_after_them(documents: dict[str, str], bank: Voicebank) -> None:
    before = stages.from_json(documents["durations"]).phrases[0].n_frames
    document = stages.run(edited(documents["durations"], lengthen), "pitch", voicebank=bank)
    assert document.phrases[0].n_frames == before + 18
    for step in ("variance", "synthesize_audio"):
        document = stages.run(document, step, voicebank=bank)
    waveform = document.phrases[0].waveform
    assert waveform is not None
    assert len(waveform.samples) == (before + 18) * 512


def test_a_length_that_does_not_fit_is_told_with_both_numbers_and_the_way_out(
    documents: dict[str, str], bank: Voicebank
) -> None:
    n_frames = stages.from_json(documents["variance"]).phrases[0].n_frames
    document = edited(documents["variance"], lengthen)
    with pytest.raises(StageError) as caught:
        stages.run(document, "synthesize_audio", voicebank=bank)
    assert caught.value.code == "stage_lengths_differ"
    assert caught.value.message == (
        f"phrases[0]: f0 has {n_frames} values, but its durations sum to {n_frames + 18} frames."
    )
    assert "stage pitch again" in caught.value.hint
    mended = stages.run(document, "pitch", voicebank=bank)  # from the same file, as the hint has it
    assert len(mended.phrases[0].pitch.f0) == n_frames + 18  # type: ignore[union-attr]


def test_running_a_step_again_drops_what_came_after_and_says_so(documents: dict[str, str], bank: Voicebank) -> None:
    again = stages.run(stages.from_json(documents["synthesize_audio"]), "pitch", voicebank=bank)
    assert again.step == "pitch"
    assert {results.variance for results in again.phrases} == {None}
    finding = again.warnings[-1]
    assert finding.code == "stage_results_dropped"
    assert "pitch and variance and synthesize_audio" in finding.message
    assert json.loads(stages.to_json(again))["phrases"] == json.loads(documents["pitch"])["phrases"]


def test_a_step_needs_the_one_before(documents: dict[str, str], bank: Voicebank) -> None:
    for step, text in (("variance", documents["durations"]), ("synthesize_audio", documents["align"])):
        with pytest.raises(StageError, match=f"The step {step} needs the result of") as caught:
            stages.run(stages.from_json(text), step, voicebank=bank)  # type: ignore[arg-type]
        assert caught.value.code == "stage_missing"
    with pytest.raises(StageError, match="postprocess needs the result of synthesize_audio"):
        samples_of(stages.from_json(documents["variance"]))
    with pytest.raises(OptionError, match="no step 'postprocess'"):
        stages.run(stages.from_json(documents["variance"]), "postprocess", voicebank=bank)  # type: ignore[arg-type]


def test_a_voicebank_that_changed_is_told(documents: dict[str, str], bank: Voicebank) -> None:
    document = edited(documents["pitch"], lambda song: song["voicebank"].update(version="older"))
    sung_on = stages.run(document, "variance", voicebank=bank)
    assert [finding.code for finding in sung_on.findings if finding not in document.findings] == [
        "stage_voicebank_changed"
    ]
    assert sung_on.version == bank.version


EDITS: dict[str, tuple[str, Callable[[Any], object], str]] = {
    "a phoneme nobody knows": (
        "durations", lambda s: s["phrases"][0]["durations"]["phonemes"][3].update(symbol="xx"), "phoneme 'xx'",
    ),
    "a speaker nobody knows": ("durations", lambda s: s.update(speaker="tenor"), "no speaker 'tenor'"),
    "a missing curve": (
        "variance", lambda s: s["phrases"][1]["variance"].pop("tension"), r"phrases\[1\]\.variance has no tension",
    ),
    "another frame grid": (
        "durations", lambda s: s.update(hop_size=256, frame_seconds=256 / 44100), "counts frames of 256 samples",
    ),
    "f0 of 0": (
        "pitch", lambda s: s["phrases"][0]["pitch"]["f0"].__setitem__(7, 0), r"phrases\[0\]\.pitch\.f0\[7\] must be",
    ),
    "a duration of no frame": (
        "durations", lambda s: s["phrases"][0]["durations"]["phonemes"][2].update(frames=0), r"phonemes\[2\]\.frames",
    ),
    "a phrase out of order": ("align", lambda s: s["phrases"][1].update(onset=0.1), r"phrases\[1\]\.onset is earlier"),
    "samples that are too few": (
        "synthesize_audio", lambda s: s["phrases"][0]["synthesize_audio"].update(samples="AAAAAA=="), "has 1 samples",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_that_cannot_be_sung_is_refused_with_its_place(
    documents: dict[str, str], bank: Voicebank, name: str
) -> None:
    step, edit, message = EDITS[name]
    document = edited(documents[step], edit)
    with pytest.raises(CantilenaError, match=message):
        sing_on(document, bank)


_WRONG = (None, True, -1, 0, 1, 7.5, 1e9, -1e300, 10**30, "", "x", "\ud800", [], {}, [[]], ["x"], {"x": 1})


def damage(song: Any, chance: random.Random) -> None:
    """Delete, replace, nudge, double or move one item somewhere in a document, mostly deep inside."""
    here, key = song, chance.choice([name for name in song for _ in range(20 if name == "phrases" else 1)])
    while isinstance(here[key], dict | list) and here[key] and chance.random() < 0.97:
        here = here[key]
        key = chance.choice(list(here)) if isinstance(here, dict) else chance.randrange(len(here))
    kind = chance.choice(("delete", "replace", "nudge", "nudge", "double", "move"))
    if kind == "delete":
        del here[key]
    elif kind == "double" and isinstance(here, list):
        here.insert(key, copy.deepcopy(here[key]))
    elif kind == "move" and isinstance(here, list):
        here.insert(chance.randrange(len(here)), here.pop(key))
    elif kind == "nudge" and type(here[key]) in (int, float):
        here[key] += chance.choice((-3, -1, 1, 0.01, 0.5, 100))
    else:
        here[key] = copy.deepcopy(chance.choice(_WRONG))


@pytest.mark.parametrize("step", STEPS)
def test_a_damaged_document_is_sung_or_refused_but_never_crashes(
    documents: dict[str, str], bank: Voicebank, step: str
) -> None:
    chance = random.Random(7 + STEPS.index(step))
    refused = 0
    for _ in range(60):
        song = json.loads(documents[step])
        for _ in range(chance.choice((1, 1, 3))):
            damage(song, chance)
        try:
            sing_on(stages.from_json(json.dumps(song)), bank)
        except CantilenaError:
            refused += 1
    assert 25 < refused <= 60


def test_a_document_that_names_a_folder_is_refused(documents: dict[str, str]) -> None:
    for name in ("../elsewhere", "/tmp", "..", "", "a\\b"):
        with pytest.raises(StageError, match=r"voicebank\.id must be the name"):
            edited(documents["pitch"], lambda song, name=name: song["voicebank"].update(id=name))
