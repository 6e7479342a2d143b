"""Words reach every stage of a voicebank as its own ids, in languages that only the voicebank knows too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cantilena
from cantilena.cache import ContentStore
from cantilena.errors import LyricError, OptionError, VoicebankError
from cantilena.score import Score
from cantilena.singing.options import SingOptions
from cantilena.singing.pipeline import PHRASE_STEPS, PhraseResults, sing_phrase
from cantilena.singing.pitch import note_inputs
from cantilena.song import LineOptions, SongPlan, plan_song
from cantilena.tracing import SongTrace
from cantilena.voicebank import Voicebank, open_voicebank
from tests.unit.score.engraving import lyric, note, part, read
from tests.voicebanks.build import TinyBank, build_voicebank

SOUNDS = ("a", "i", "u", "e", "o", "N", "cl", "k", "s", "sh", "t", "n", "h", "m", "r", "w", "y")
MORAE = {"sa": "さ", "ku": "く", "ra": "ら", "ka": "か", "na": "な", "ki": "き"}  # fmt: skip
JAPANESE = TinyBank(
    name="Hana", phonemes=SOUNDS, prefix="ja/", bare=("cl",), language_ids=True, pitch="word", variance="phoneme",
    predicted=("breathiness", "tension"), curves=("breathiness", "tension"), dictionaries=False,
)  # fmt: skip


def build(parent: Path, bank: TinyBank, *, languages: str = "ja", dictionary: str = "dsdict-ja.yaml") -> Path:
    """A voicebank with a dictionary of romaji and kana."""
    folder = build_voicebank(parent, bank)
    character = (folder / "character.yaml").read_text().replace("languages: [en]", f"languages: [{languages}]")
    (folder / "character.yaml").write_text(character)
    types = {**dict.fromkeys("aiueoN", "vowel"), **dict.fromkeys("ry", "liquid"), "w": "semivowel"}
    entries = {**{text: f"{text[0]}, {text[1]}" for text in MORAE}, "n": "N", "a": "a", "tte": "cl, t, e"}
    entries |= {kana: entries[text] for text, kana in MORAE.items()} | {"ん": "N", "っ": "cl", "し": "sh, i"}
    symbols = {sound: sound if sound in bank.bare else bank.prefix + sound for sound in SOUNDS}
    lines = ["symbols:", *(f"  - {{symbol: {symbols[one]}, type: {types.get(one, 'stop')}}}" for one in SOUNDS)]
    lines.append("entries:")
    for text, sounds in entries.items():
        lines.append(f"  - {{grapheme: '{text}', phonemes: [{', '.join(symbols[s] for s in sounds.split(', '))}]}}")
    (folder / "dsdur" / dictionary).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def hana(tmp_path_factory: pytest.TempPathFactory) -> Voicebank:
    return open_voicebank(build(tmp_path_factory.mktemp("banks"), JAPANESE), threads=1)


def score_of(*lyrics: str, language: str = "ja") -> Score:
    """A note for each lyric; ``"sa-" "-ku-" "-ra"`` is one word."""
    notes = []
    for k, text in enumerate(lyrics):
        syllabic = {(False, False): "single", (False, True): "begin", (True, True): "middle", (True, False): "end"}[
            text.startswith("-"), text.endswith("-")
        ]
        declared = lyric(text.strip("-"), syllabic).replace("<text>", f'<text xml:lang="{language}">')
        notes.append(note("CDEFG"[k % 5] + "4", 1, declared))
    return read(part("".join(notes)))


def plan(voicebank: Voicebank, score: Score, **options: object) -> SongPlan:
    return plan_song(
        score, line=LineOptions(), voicebank=voicebank, options=SingOptions(**{"language": "ja", **options})
    )


def groups(planned: SongPlan, *, until: str = "align") -> tuple[list[str], PhraseResults]:
    """The phonemes of each group of the first phrase, and the results of its steps."""
    results = PhraseResults.of(planned.performance.phrases[0])
    for step, add in PHRASE_STEPS.items():
        results = add(results, planned.singer)
        if step == until:
            break
    assert results.sequence is not None
    return [" ".join(p.symbol.removeprefix("ja/") for p in g.phonemes) for g in results.sequence.groups], results


@pytest.mark.parametrize(
    "lyrics", [("sa-", "-ku-", "-ra"), ("sa", "ku", "ra"), ("さ-", "-く-", "-ら"), ("さ", "く", "ら")]
)
def test_what_the_dictionary_has_is_sung_each_mora_on_its_note(hana: Voicebank, lyrics: tuple[str, ...]) -> None:
    assert groups(plan(hana, score_of(*lyrics)))[0] == ["SP s", "a k", "u r", "a"]


def test_a_mora_without_a_vowel_fills_its_note(hana: Voicebank) -> None:
    assert groups(plan(hana, score_of("か-", "-ん-", "-な")))[0] == ["SP k", "a", "N n", "a"]
    assert groups(plan(hana, score_of("さ-", "-っ-", "-か")))[0] == ["SP s", "a", "cl k", "a"]


def test_a_word_on_one_note_and_a_vowel_that_is_held(hana: Voicebank) -> None:
    assert groups(plan(hana, score_of("さくら", "か-", "-ー")))[0] == ["SP s", "a k u r a k", "a"]


def test_a_lyric_may_spell_phonemes(hana: Voicebank) -> None:
    planned = plan(hana, score_of("sa", "i", "N"))
    assert groups(planned)[0] == ["SP s", "a", "i", "N"]


def test_a_breath_fills_its_note_and_is_a_rest_to_the_pitch_model(hana: Voicebank) -> None:
    sung, results = groups(plan(hana, score_of("sa", "AP", "ku", "SP", "ra")), until="pitch")
    assert sung == ["SP s", "a", "AP k", "u", "SP r", "a"]
    assert results.timing is not None
    onsets = dict(zip(results.timing.symbols, results.timing.onsets, strict=True))
    notes = results.phrase.notes
    assert onsets["AP"] == pytest.approx(notes[1].onset, abs=0.012)
    told = note_inputs(notes, results.timing)
    assert told.is_rest.tolist() == [True, False, True, False, True, False, True]


def test_the_song_sounds(hana: Voicebank, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CANTILENA_CACHE_DIR", str(tmp_path))
    take = cantilena.sing(score_of("さ-", "-く-", "-ら", "AP", "ka"), voicebank=hana, language="ja")
    assert take.warnings == ()
    assert np.abs(take.samples).max() > 0.1
    # The same sounds in other letters are the same song.
    again = cantilena.sing(score_of("sa-", "-ku-", "-ra", "AP", "か"), voicebank=hana, language="ja")
    assert len(again.samples) == len(take.samples)


def test_a_word_that_the_dictionary_lacks_is_told_with_its_place(hana: Voicebank) -> None:
    with pytest.raises(LyricError) as raised:
        plan(hana, score_of("sa", "花"))
    assert raised.value.code == "lyric_not_pronounceable"
    assert "dictionary of the language 'ja' does not have the word '花'" in raised.value.message
    assert "kana or romaji" in raised.value.hint
    assert str(raised.value.place) == "part Voice, measure 1"
    assert groups(plan(hana, score_of("sa", "花"), pronunciations={"花": ("h", "a", "n", "ja/a")}))[0][1:] == [
        "a h",
        "a n a",
    ]


@pytest.mark.parametrize(
    ("language", "code"), [("en", "voicebank_language_missing"), ("de", "voicebank_language_missing")]
)
def test_a_language_that_neither_has_is_refused(hana: Voicebank, language: str, code: str) -> None:
    with pytest.raises(VoicebankError) as raised:
        plan(hana, score_of("sa"), language=language)
    assert raised.value.code == code
    assert "sings ja, not" in raised.value.message


def test_a_pronunciation_with_sounds_that_nobody_has_is_refused(hana: Voicebank) -> None:
    with pytest.raises(OptionError) as raised:
        plan(hana, score_of("sa"), pronunciations={"sa": ("s", "xx")})
    assert raised.value.code == "option_unknown_phoneme"


VARIANTS = {
    "prefixes and language ids": JAPANESE,
    "prefixes without language ids": replace(JAPANESE, language_ids=False),
    "bare symbols": replace(JAPANESE, prefix="", language_ids=False),
    "partly bare": replace(JAPANESE, bare=("cl", "k", "s", "a"), language_ids=False),
    "merged ids": replace(JAPANESE, merged={"": ("ja/a ja/o",), "dspitch": ("ja/s ja/sh",)}),
    "a text table with a blank line": replace(JAPANESE, table="blank", language_ids=False),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_kind_of_inventory_resolves(tmp_path: Path, variant: str) -> None:
    bank = VARIANTS[variant]
    voicebank = open_voicebank(build(tmp_path, bank, dictionary="dsdict.yaml"), threads=1)
    planned = plan(voicebank, score_of("sa", "ku", "っ", "し", "ra"))
    sung = sing_phrase(planned.performance.phrases[0], planned.singer, SongTrace())
    assert sung.findings == ()
    assert np.abs(sung.waveform.samples).max() > 0.1


LACKING = replace(
    JAPANESE, language_ids=True,
    unknown={"dspitch": ("ja/k", "ja/u", "AP"), "dsvariance": ("cl", "ja/N"), "dsdur": ("ja/r",)},
)  # fmt: skip


def test_each_stage_replaces_what_it_alone_lacks(tmp_path: Path) -> None:
    voicebank = open_voicebank(build(tmp_path, LACKING), threads=1)
    planned = plan(voicebank, score_of("か-", "-っ-", "-く-", "-ん", "ra"))
    sung = sing_phrase(planned.performance.phrases[0], planned.singer, SongTrace())
    told = {finding.message for finding in sung.findings}
    assert {finding.code for finding in sung.findings} == {"phoneme_substituted"}
    assert len(sung.findings) == 5
    name = "of the voicebank Hana has no phoneme"
    assert f"The stage dspitch {name} 'ja/u'; it is told ja/o instead." in told
    assert f"The stage dspitch {name} 'ja/k'; it is told ja/t instead." in told
    assert f"The stage dsdur {name} 'ja/r'; it is told ja/y instead." in told
    assert np.abs(sung.waveform.samples).max() > 0.1
    # What the acoustic stage has is what it sings.
    symbols = ["ja/k", "ja/u", "ja/r", "cl"]
    tokens = voicebank.acoustic.symbols.tokens
    assert voicebank.acoustic.symbols.token_ids(symbols).tolist() == [[tokens[symbol] for symbol in symbols]]
    # No stage is ever told padding, and languages follow the spelling of each stage.
    for stage in voicebank.stages:
        assert (stage.symbols.token_ids([*symbols, "ja/N", "AP"]) > 0).all()
    assert voicebank.pitch is not None
    assert voicebank.pitch.symbols.language_ids(["ja/k", "cl", "AP", "SP"]).tolist() == [[2, 0, 0, 0]]


ENGLISH = TinyBank(name="Anglia", unknown=dict.fromkeys(("acoustic", "dsdur"), ("z", "hh")))


def english(parent: Path, entries: str) -> Voicebank:
    folder = build_voicebank(parent, ENGLISH)
    (folder / "dsdur" / "dsdict-en.yaml").write_text(f"entries:\n{entries}", encoding="utf-8")
    return open_voicebank(folder, threads=1)


def test_the_dictionary_helps_an_english_reader_out(tmp_path: Path) -> None:
    entries = (
        "- {grapheme: his, phonemes: [ih, s]}\n"  # the voice lacks hh and z: its author knows better
        "- {grapheme: sun, phonemes: [uw, uw]}\n"  # read well without it
        "- {grapheme: zzyzx, phonemes: [s, ay, s, ih, k, s]}\n"  # only its letters are known
    )
    voicebank = english(tmp_path, entries)
    planned = plan(voicebank, score_of("his", "sun", "Zzyzx", language="en"), language="en")
    sung, results = groups(planned)
    assert sung == ["SP", "ih s s", "ah n s", "ay s ih k s"]
    assert results.findings == ()


def test_an_entry_that_needs_replacing_itself_is_not_asked(tmp_path: Path) -> None:
    voicebank = english(tmp_path, "- {grapheme: his, phonemes: [hh, ih, s]}\n")
    sung, results = groups(plan(voicebank, score_of("his", language="en"), language="en"))
    assert sung[1] == "ih s"
    assert [finding.code for finding in results.findings] == ["phoneme_substituted"] * 2


def test_parsed_words_are_kept_for_the_next_process(tmp_path: Path) -> None:
    folder = build(tmp_path, JAPANESE)
    dictionary = folder / "dsdur" / "dsdict-ja.yaml"
    with dictionary.open("a", encoding="utf-8") as file:
        file.writelines(f"  - {{grapheme: word{k}, phonemes: [ja/k, ja/a]}}\n" for k in range(8000))
    store = ContentStore(tmp_path / "cache", max_bytes=10**8)
    for _ in range(2):
        voicebank = open_voicebank(folder, threads=1, store=store)
        assert groups(plan(voicebank, score_of("word7999")))[0] == ["SP k", "a"]
    assert store.size().entries == 2  # what it declares, and its words
