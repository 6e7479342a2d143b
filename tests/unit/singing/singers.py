"""A voicebank without models, a language of a few words, and short ways to write phrases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from cantilena.errors import LyricError
from cantilena.score.melody import Syllable, Word
from cantilena.singing.options import SingOptions
from cantilena.singing.phrase import PerformedNote, Phrase
from cantilena.singing.pipeline import Singer
from cantilena.voicebank import Voicebank, describe_voicebank
from cantilena.voicebank.bundle import Stage, Vocoder
from cantilena.voicebank.config import MelConfig, VocoderConfig, read_stage_config
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.sessions import Model

PHONEMES = (
    "aa",
    "ah",
    "ay",
    "ey",
    "iy",
    "ow",
    "uw",
    "b",
    "d",
    "hh",
    "k",
    "m",
    "n",
    "ng",
    "s",
    "t",
    "v",
    "l",
    "r",
    "w",
    "y",
)
VOWELS = frozenset({"aa", "ah", "ay", "ey", "iy", "ow", "uw"})


class Toy:
    """A language of a few words; each vowel opens a syllable until the syllables run out."""

    code = "en"
    vowels = VOWELS
    inventory = frozenset((*PHONEMES, "f", "z"))
    words = {  # noqa: RUF012
        "hello": "hh ah l ow",
        "sky": "s k ay",
        "new": "n y uw",
        "you": "y uw",
        "mister": "m iy s t ah r",
        "country": "k ah n t r iy",
        "singing": "s iy ng iy ng",
        "love": "l ah v",
        "heaven": "hh ah v ah n",
        "mm": "m",
        "every": "ah v r iy",
        "zoo": "z uw",
        "foo": "f uw",
    }

    def pronounce(
        self, word: str, *, next_word: str | None = None, syllables: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        if word == "the":
            return ("d", "iy") if next_word in ("every",) else ("d", "ah")
        if word not in self.words:
            raise LyricError("lyric_not_pronounceable", f"The word {word!r} cannot be read.", hint="Correct it.")
        return tuple(self.words[word].split())

    def place_syllables(self, phonemes: Sequence[str], syllables: Sequence[str]) -> tuple[int | None, ...]:
        found = [k for k, phoneme in enumerate(phonemes) if phoneme in self.vowels] or [0]
        return tuple(found[k] if k < len(found) else None for k in range(len(syllables)))

    def is_guess(self, word: str) -> bool:
        return False

    def foreign_words(self, words: Sequence[str]) -> tuple[int, ...]:
        return ()


def make_singer(
    folder: Path,
    *,
    phonemes: Sequence[str] = PHONEMES,
    breath: bool = True,
    dictionary: str = "",
    acoustic_phonemes: Sequence[str] | None = None,
) -> Voicebank:
    """A voicebank of two stages, real but for its models."""

    def stage(path: Path, names: Sequence[str]) -> Stage:
        path.mkdir(parents=True, exist_ok=True)
        symbols = ["<PAD>", "SP", *(["AP"] if breath else []), *names]
        (path / "phonemes.json").write_text(json.dumps({symbol: k for k, symbol in enumerate(symbols)}))
        (path / "dsconfig.yaml").write_text("phonemes: phonemes.json\n")
        return Stage(read_stage_config(path / "dsconfig.yaml"), root=folder, models={})

    acoustic = stage(folder, acoustic_phonemes or phonemes)
    durations = stage(folder / "dsdur", phonemes)
    (folder / "dsdur" / "dsdict.yaml").write_text(dictionary)
    config = VocoderConfig(file=folder / "vocoder.yaml", name="none", model="none", mel=MelConfig())
    return Voicebank(
        info=describe_voicebank(folder),
        acoustic=acoustic,
        durations=durations,
        pitch=None,
        variance=None,
        vocoder=Vocoder(config, Model(folder / "none.onnx", root=folder, role="vocoder", engine=EngineOptions())),
        engine=EngineOptions(),
    )


def make_voice(voicebank: Voicebank, options: SingOptions) -> Singer:
    """Somebody who sings the toy language; the controls' clock is the score's."""
    return Singer(voicebank=voicebank, language=Toy(), options=options, controls=options.controls)


def make_word(text: str, measure: str = "1") -> Word:
    """``"hel-lo"`` as a word of two syllables."""
    syllables = tuple(text.split("-"))
    return Word(text="".join(syllables), syllables=syllables, part="Soprano", measure=measure)


def make_phrase(
    *lyrics: str,
    onset: float = 0.0,
    length: float = 0.5,
    breath_before: float = 0.0,
    offsets: Sequence[float | None] | None = None,
    midi: Sequence[float] | None = None,
    carried: Syllable | None = None,
) -> Phrase:
    """A phrase of notes of equal length.

    Each lyric is what one note sings: ``"hel-"`` then ``"-lo"`` (a word in syllables), ``""`` (the vowel goes on),
    ``"the_sky"`` (an elision). Words are found by joining what hangs together.
    """
    words = _words(lyrics)
    notes = []
    for k, lyric in enumerate(lyrics):
        begin = onset + k * length
        syllables = tuple(words.pop(0) for _ in lyric.split("_") if lyric)
        end = offsets[k] if offsets and offsets[k] is not None else begin + length
        notes.append(
            PerformedNote(
                id=100 + k, onset=begin, offset=float(end or 0.0), midi=midi[k] if midi else 60.0 + k,
                syllables=syllables, slurred=not lyric, measure=str(k + 1),
            )
        )  # fmt: skip
    return Phrase(index=0, notes=tuple(notes), breath_before=breath_before, carried_vowel=carried, part="Soprano")


def _words(lyrics: Sequence[str]) -> list[Syllable]:
    pieces = [piece for lyric in lyrics if lyric for piece in lyric.split("_")]
    syllables: list[Syllable] = []
    group: list[str] = []
    for piece in pieces:
        group.append(piece.strip("-"))
        if not piece.endswith("-"):
            word = make_word("-".join(group))
            syllables += [Syllable(word=word, index=k, original=text) for k, text in enumerate(group)]
            group = []
    return syllables
