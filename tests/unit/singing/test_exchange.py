"""Middle results as JSON: nothing is lost on the way, and nothing wrong gets through."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from cantilena.audio.waveform import Waveform
from cantilena.errors import StageError
from cantilena.findings import Finding
from cantilena.score.melody import Syllable
from cantilena.singing.controls import ControlCurve, Controls
from cantilena.singing.exchange import json_text
from cantilena.singing.exchange.consistency import check_phrase, check_song
from cantilena.singing.exchange.json_text import read_json, write_json
from cantilena.singing.exchange.phrases import (
    RESULTS,
    SongGrid,
    WrittenPhoneme,
    WrittenPhrase,
    read_phrase,
    rewind,
    steps_of,
    write_phrase,
)
from cantilena.singing.exchange.plain import from_plain, to_plain
from cantilena.singing.exchange.songs import StageDocument, song_from_plain, song_to_plain
from cantilena.singing.options import SingOptions
from cantilena.singing.phrase import LoudnessPoint, Phrase
from cantilena.singing.pipeline import PhraseResults
from cantilena.singing.results import (
    Phoneme,
    PhonemeGroup,
    PhonemeSequence,
    PhonemeTiming,
    PitchCurve,
    VarianceCurves,
)
from tests.unit.singing.singers import make_phrase, make_word

GRID = SongGrid(part="Soprano", sample_rate=8000, hop_size=16, lead_in_seconds=0.5 + 8 * 512 / 44100)
SILENCE = Phoneme(symbol="SP", kind="vowel", note=None)


def make_results() -> PhraseResults:
    """A phrase of two notes with the results of every step, each field different from its default."""
    carried = Syllable(word=make_word("hel-lo"), index=0, original="Hel")
    phrase = make_phrase("sky", "new", midi=[60.0, 61.5], breath_before=0.3, carried=carried)
    sung = Phoneme(symbol="en/ay", kind="vowel", note=phrase.notes[0].id)
    last = Phoneme(symbol="uw", kind="vowel", note=phrase.notes[1].id)
    n_frames = 8 + 240 + 250 + 8
    rng = np.random.default_rng(1)
    timing = PhonemeTiming(
        phonemes=(SILENCE, sung, last, SILENCE), durations=np.array([8, 240, 250, 8]), frame_seconds=16 / 8000,
        offset=-0.016,
    )  # fmt: skip
    return PhraseResults(
        phrase=phrase,
        onset=12.333333,
        sequence=PhonemeSequence(
            groups=(
                PhonemeGroup(onset=-0.5, midi=60.0, phonemes=(SILENCE,)),
                PhonemeGroup(onset=0.0, midi=60.0, phonemes=(sung,)),
                PhonemeGroup(onset=0.5, midi=61.5, phonemes=(last,)),
            ),
            offset=1.0,
            head_room=0.3,
        ),
        timing=timing,
        pitch=PitchCurve(f0=rng.uniform(200, 400, n_frames).astype(np.float32), source="drawn"),
        variance=VarianceCurves(
            breathiness=rng.uniform(-96, 0, n_frames).astype(np.float32),
            tension=rng.uniform(-10, 10, n_frames).astype(np.float32),
        ),
        waveform=Waveform(
            samples=rng.uniform(-1, 1, n_frames * 16).astype(np.float32), sample_rate=8000, offset=timing.offset
        ),
        findings=(Finding(code="phoneme_replaced", message="So it is.", part="Soprano", measure="3", hint="Look."),),
    )


def make_song(*phrases: PhraseResults) -> StageDocument:
    phrases = phrases or (make_results(),)
    done = steps_of(phrases[0])
    return StageDocument(
        step=done[-1] if done else None,  # type: ignore[arg-type]
        voicebank="Tiny",
        version="abc",
        options=SingOptions(
            speaker="mezzo", expression=0.1, seed=7, pronunciations={"grace": ("g", "r", "aa", "s")}, steps=3,
            precision="int8",
            controls=Controls(
                curves={"tension": ControlCurve(times=(0.1, 1 / 3), values=(0.1, 20.0))},
                speakers={"v1.baritone": ControlCurve(times=(0.0,), values=(25.0,))},
            ),
        ),
        grid=GRID,
        duration=13.333333,
        loudness=(LoudnessPoint(time=0.0, gain=0.1), LoudnessPoint(time=12.333333, gain=-1 / 3)),
        phrases=phrases,
        warnings=(Finding(code="a", message="B."),),
    )  # fmt: skip


def same(one: object, other: object) -> bool:
    """Equal to the bit, arrays included."""
    return type(one) is type(other) and repr(_bits(one)) == repr(_bits(other))


def _bits(value: Any) -> object:
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, tuple):
        return tuple(map(_bits, value))
    if hasattr(value, "__dataclass_fields__"):
        return (type(value).__name__, *(_bits(getattr(value, field.name)) for field in fields(value)))
    return value


def through_text(song: StageDocument) -> StageDocument:
    return song_from_plain(read_json(write_json(song_to_plain(song)).encode()))


# Nothing is lost


@pytest.mark.parametrize("step", [*RESULTS, None])
def test_a_song_comes_back_to_the_bit_after_every_step(step: str | None) -> None:
    steps = list(RESULTS)
    after = steps[steps.index(step) + 1 :] if step else steps
    results = rewind(make_results(), after[0]) if after else make_results()
    song = make_song(results)
    assert song.step == step
    back = through_text(song)
    assert same(back, song)
    assert back.options == song.options
    check_song(back)


@given(arrays(np.float32, st.integers(0, 50), elements=st.floats(-(2.0**52), 2.0**52, width=32)))
@settings(max_examples=50, deadline=None)
def test_any_float32_comes_back_to_the_bit(values: NDArray[np.float32]) -> None:
    curve = PitchCurve(f0=values, source="model")
    text = json.dumps(to_plain(curve))
    assert from_plain(PitchCurve, json.loads(text), "pitch").f0.tobytes() == values.tobytes()


def test_a_float32_is_written_with_its_own_digits() -> None:
    curve = PitchCurve(f0=np.array([440.1, 0.1, 261.62558], dtype=np.float32), source="model")
    assert json.dumps(to_plain(curve)) == '{"f0": [440.1, 0.1, 261.62558], "source": "model"}'


@given(st.integers(0, 4 * 3600 * 10**6))
@settings(max_examples=200, deadline=None)
def test_a_moment_of_the_score_survives_the_audios_clock(microseconds: int) -> None:
    onset = round(microseconds / 1e6, 6)
    assert GRID.to_score_clock(GRID.to_audio_clock(onset)) == onset


def test_times_outside_the_phrases_are_on_the_audios_own_clock() -> None:
    song: Any = song_to_plain(make_song())
    lead_in = song["lead_in_seconds"]
    assert song["phrases"][0]["onset"] == pytest.approx(12.333333 + lead_in)
    assert song["performance"]["duration"] == pytest.approx(13.333333 + lead_in)
    assert song["performance"]["loudness"][0]["time"] == pytest.approx(lead_in)
    assert song["options"]["controls"]["tension"]["times"] == [0.1, 1 / 3]
    assert song["phrases"][0]["notes"][0]["onset"] == 0.0


def test_every_field_of_the_results_is_written() -> None:
    """A field added to one of them must be written too, or a later step would miss it."""

    def names(*kinds: type) -> set[str]:
        return {field.name for kind in kinds for field in fields(kind)}

    assert names(PhraseResults) == {"phrase", "onset", "findings", *RESULTS.values()}
    assert names(WrittenPhrase) == (names(Phrase) - {"part"}) | {"onset", "warnings", *RESULTS}
    assert names(WrittenPhoneme) == names(Phoneme) | {"frames", "seconds"}
    assert names(PhonemeTiming) == {"phonemes", "durations", "frame_seconds", "offset"}
    assert names(Waveform) == {"samples", "sample_rate", "offset"}
    song: Any = song_to_plain(make_song())
    in_the_notes = {"transpose", "tempo"}
    assert names(SingOptions) == {*song["options"], "speaker", "seed"} | in_the_notes


def test_the_text_is_made_to_be_edited() -> None:
    text = write_json(song_to_plain(make_song()))
    assert '    {"symbol": "en/ay", "kind": "vowel", "note": 100, "frames": 240, "seconds": 0.48},\n' in text
    assert sum('"f0": [' in line and line.rstrip(",").endswith("]") for line in text.splitlines()) == 1


# Nothing that does not fit gets through


def refuse(results: PhraseResults) -> StageError:
    with pytest.raises(StageError) as caught:
        check_phrase(results, "phrases[3]")
    return caught.value


def longer(array: NDArray[Any]) -> NDArray[Any]:
    return np.append(array, array[-1])


def test_lengths_that_differ_are_told_with_both_numbers() -> None:
    results = make_results()
    assert results.timing is not None
    assert results.pitch is not None
    assert results.variance is not None
    assert results.waveform is not None
    n_frames = results.n_frames
    check_phrase(results, "phrases[3]")

    error = refuse(replace(results, pitch=replace(results.pitch, f0=longer(results.pitch.f0))))
    assert error.message == f"phrases[3]: f0 has {n_frames + 1} values, but its durations sum to {n_frames} frames."
    assert error.hint == f"Run cantilena stage pitch again, or give {n_frames} values."

    tension = results.variance.tension
    assert tension is not None
    error = refuse(replace(results, variance=replace(results.variance, tension=tension[:-2])))
    assert (
        error.message == f"phrases[3]: tension has {n_frames - 2} values, but its durations sum to {n_frames} frames."
    )

    error = refuse(replace(results, waveform=replace(results.waveform, samples=longer(results.waveform.samples))))
    assert error.message == (
        f"phrases[3] has {n_frames * 16 + 1} samples, but its durations sum to {n_frames} frames of 16 each."
    )
    error = refuse(replace(results, timing=replace(results.timing, durations=longer(results.timing.durations))))
    assert error.message == "phrases[3].durations has 5 durations for 4 phonemes."
    assert error.code == "stage_lengths_differ"


def test_values_nobody_could_sing_are_refused() -> None:
    results = make_results()
    timing, pitch, sequence = results.timing, results.pitch, results.sequence
    assert timing is not None
    assert pitch is not None
    assert sequence is not None
    assert results.waveform is not None

    def f0(value: float) -> PhraseResults:
        values = pitch.f0.copy()
        values[5] = value
        return replace(results, pitch=replace(pitch, f0=values))

    for value in (0.0, -100.0, np.nan, np.inf, 20_000.0):
        assert refuse(f0(value)).message.startswith("phrases[3].pitch.f0[5] must be from 10 to 10000, not")

    def durations(*frames: int) -> PhraseResults:
        return replace(results, timing=replace(timing, durations=np.array(frames)))

    assert "phonemes[1].frames must be from 1 to 60000, not 0" in refuse(durations(8, 0, 490, 8)).message
    assert "phonemes[1].frames must be from 1 to 60000, not -3" in refuse(durations(8, -3, 493, 8)).message
    assert "sums to 100016 frames" in refuse(durations(8, 50_000, 50_000, 8)).message

    stranger = replace(timing.phonemes[1], note=7)
    swapped = replace(timing, phonemes=(SILENCE, stranger, timing.phonemes[2], SILENCE))
    assert "phonemes[1].note is 7, but the phrase has no such note" in refuse(replace(results, timing=swapped)).message
    open_end = replace(timing, phonemes=(*timing.phonemes[:3], timing.phonemes[2]))
    assert "must begin and end with silence" in refuse(replace(results, timing=open_end)).message

    loud = replace(results.waveform, samples=results.waveform.samples * np.float32(100))
    assert "not within" in refuse(replace(results, waveform=loud)).message

    first, second = results.phrase.notes
    for notes in ((second, first), (), (first, first), (replace(first, offset=5.0), second)):
        refuse(replace(results, phrase=replace(results.phrase, notes=notes)))
    backwards = replace(sequence, groups=(sequence.groups[0], *reversed(sequence.groups[1:])))
    assert "before the onset" in refuse(replace(results, sequence=backwards)).message


def test_a_song_in_the_wrong_order_is_refused() -> None:
    one = make_results()
    two = replace(one, phrase=replace(one.phrase, index=1), onset=20.0)
    check_song(make_song(one, two))
    for phrases in ((one, one), (two,), (one, replace(two, onset=3.0)), (replace(one, onset=np.nan), two)):
        with pytest.raises(StageError):
            check_song(make_song(*phrases))
    with pytest.raises(StageError, match="phrases is empty"):
        check_song(replace(make_song(one), phrases=()))
    rising = (LoudnessPoint(time=1.0, gain=0.0), LoudnessPoint(time=1.0, gain=3.0))
    with pytest.raises(StageError, match=r"loudness\[1\].time is not later"):
        check_song(replace(make_song(one), loudness=rising))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda s: s.pop("seed"), "document has no field 'seed'."),
        (lambda s: s.update(sead=1), "document.'sead' is no field; there are format, version, step"),
        (lambda s: s.update(format="other"), "The document does not name the format 'cantilena-stage'."),
        (lambda s: s.update(version=2), "The document is of another version of the format than 1"),
        (lambda s: s.update(seed="7"), "document.seed must be a whole number, not '7'."),
        (lambda s: s.update(seed=True), "document.seed must be a whole number, not True."),
        (lambda s: s.update(seed=-1), "document.options: --seed is -1, but must lie between"),
        (lambda s: s["options"].update(quality="fine"), "document.options.quality must be one of draft, normal, best"),
        (lambda s: s["options"].update(controls={"growl": {"times": [0], "values": [1]}}), "no control 'growl'"),
        (lambda s: s.update(step="pitch"), "phrases[0] has the results of align, durations, pitch, variance"),
        (lambda s: s["phrases"][0].pop("pitch"), "phrases[0] has the results of align, durations, variance"),
        (lambda s: s["phrases"][0].pop("durations"), "phrases[0] has samples but no durations."),
        (lambda s: s["phrases"][0]["pitch"].update(f0=440), "phrases[0].pitch.f0 must be a list, not 440."),
        (lambda s: s["phrases"][0]["pitch"].update(f0=[1, None]), "phrases[0].pitch.f0[1] must be a number, not null."),
        (
            lambda s: s["phrases"][0]["notes"][0].update(midi=[]),
            "phrases[0].notes[0].midi must be a number, not a list",
        ),
        (lambda s: s["phrases"][0]["notes"][0].update(midi=10**400), "notes[0].midi is too large a number."),
        (lambda s: s["phrases"][0]["notes"][0].update(measure="\ud800"), "measure holds half of a character."),
        (lambda s: s["phrases"][0]["synthesize_audio"].update(samples="%"), "samples is not base64."),
        (lambda s: s["phrases"][0]["synthesize_audio"].update(samples="AAA="), "holds 2 bytes, which is no whole"),
        (lambda s: s.update(frame_seconds=0.01), "document.frame_seconds must be hop_size / sample_rate, 0.002"),
        (lambda s: s.update(hop_size=0), "document.hop_size must be from 1 to 16384, not 0."),
        (lambda s: s["voicebank"].update(id="../x"), "document.voicebank.id must be the name of a voicebank"),
    ],
)
def test_a_wrong_field_is_named(edit: Any, message: str) -> None:
    song: Any = song_to_plain(make_song())
    edit(song)
    with pytest.raises(StageError) as caught:
        song_from_plain(read_json(json.dumps(song).encode()))
    assert message in caught.value.message
    assert caught.value.hint


# Hostile text


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "there is nothing at all"),
        (b" \n", "there is nothing at all"),
        (b"\xff\xfe{}", "it is not UTF-8 at byte 0"),
        (b"MThd", "line 1, column 1"),
        (b'{"a": 1', "line 1, column 8"),
        (b'{"a": NaN}', "it holds NaN"),
        (b'{"a": -Infinity}', "it holds -Infinity"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "an object names 'b' twice"),
        (b"[" * 100_000 + b"]" * 100_000, "it is nested too deeply"),
        (b'{"a": ' + b"1" * 5000 + b"}", "it holds a number of too many digits"),
    ],
)
def test_text_that_is_no_document_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(StageError) as caught:
        read_json(raw)
    assert message in caught.value.message


def test_what_a_document_may_hold_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StageError, match="more items than any song"):
        read_json(b"[" + b"[]," * 2_000_001 + b"0]")
    with pytest.raises(StageError, match="more items than any song"):
        read_json(b"[" + b"0," * 8_000_001 + b"0]")
    monkeypatch.setattr(json_text, "LARGEST_BYTES", 1000)
    with pytest.raises(StageError) as caught:
        read_json(b" " * 1001)
    assert caught.value.code == "stage_too_large"


@pytest.mark.parametrize("document", [b"[]", b"1", b"null", b'"x"', b"{}", b'{"format": ["cantilena-stage"]}'])
def test_json_that_is_something_else_is_refused(document: bytes) -> None:
    with pytest.raises(StageError, match="does not name the format"):
        song_from_plain(read_json(document))


def test_a_byte_order_mark_does_no_harm() -> None:
    assert read_json(b"\xef\xbb\xbf{}") == {}


@dataclass(frozen=True, kw_only=True)
class Sample:
    name: Literal["a", "b"]
    loud: bool
    level: float | None = None


def test_plain_values_are_read_by_the_types_of_the_fields() -> None:
    assert to_plain(Sample(name="a", loud=True)) == {"name": "a", "loud": True}
    assert from_plain(Sample, {"name": "b", "loud": False, "level": 3}, "s") == Sample(name="b", loud=False, level=3.0)
    for wrong in ({"name": "c", "loud": True}, {"name": "a", "loud": 1}, {"name": "a", "loud": True, "level": True}):
        with pytest.raises(StageError):
            from_plain(Sample, wrong, "s")


def test_a_read_phrase_is_the_written_one() -> None:
    results = make_results()
    back = read_phrase(write_phrase(results, GRID), GRID, "phrases[0]")
    assert same(back, results)
    assert steps_of(rewind(results, "pitch")) == ("align", "durations")
    assert rewind(results, "align").findings == ()
