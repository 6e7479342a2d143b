"""Whether the words of a song can be sung in a language, told before anything is rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cantilena.errors import LyricError, Place
from cantilena.language.from_dictionary import DictionaryLanguage
from cantilena.language.registry import Language
from cantilena.language.spelling import clean_word, foreign_script

if TYPE_CHECKING:
    from cantilena.score.melody import Word

_SHOWN = 3


def check_words(
    words: Sequence[Word], language: Language, pronunciations: Mapping[str, tuple[str, ...]]
) -> tuple[LyricError, ...]:
    """What keeps the words from being sung, in the order of the song.

    Parameters
    ----------
    words : sequence of Word
        All of the sung line, repetitions included or not.
    language : Language
        The language they are to be sung in.
    pronunciations : mapping of str to tuple of str
        Words whose pronunciation the user gave; nothing is asked of those.

    Returns
    -------
    tuple of LyricError
        Empty when all is well; one ``lyric_language_unsupported`` when a text is in another language, as its score
        declares or its words show (not asked of a language that only a voicebank's dictionary knows); else one
        ``lyric_not_pronounceable`` for each word that cannot be read.
    """
    asked = [word for word in words if clean_word(word.text) not in pronunciations]
    if isinstance(language, DictionaryLanguage):  # whoever asks for such a language has chosen it
        return _unpronounceable(asked, language)
    foreign = _declared_foreign(asked, language) or _foreign_by_script(asked) or _foreign_by_words(asked, language)
    if foreign:
        word, reason = foreign
        return (
            LyricError(
                "lyric_language_unsupported",
                f"The words are not sung as {language.code!r}: {reason}.",
                hint="Choose another verse or --language, or give the sounds of the words with --pronounce "
                "or --pronunciations.",
                place=Place(part=word.part, measure=word.measure),
            ),
        )
    return _unpronounceable(asked, language)


def _declared_foreign(words: Sequence[Word], language: Language) -> tuple[Word, str] | None:
    for word in words:
        declared = (word.language or language.code).replace("_", "-").partition("-")[0].lower()
        if declared != language.code:
            return word, f"the score declares {word.text!r} to be in the language {word.language!r}"
    return None


def _foreign_by_script(words: Sequence[Word]) -> tuple[Word, str] | None:
    for word in words:
        if script := foreign_script(word.text):
            return word, f"{word.text!r} is written in the script {script}"
    return None


def _foreign_by_words(words: Sequence[Word], language: Language) -> tuple[Word, str] | None:
    found = language.foreign_words([word.text for word in words])
    if not found:
        return None
    shown = dict.fromkeys(repr(words[index].text) for index in found)
    return words[found[0]], f"too many words are unknown, {', '.join(list(shown)[:_SHOWN])} among them"


def _unpronounceable(words: Sequence[Word], language: Language) -> tuple[LyricError, ...]:
    errors: dict[str, LyricError] = {}
    for word in words:
        try:
            language.pronounce(word.text, syllables=word.syllables)
        except LyricError as error:
            place = Place(part=word.part, measure=word.measure)
            errors.setdefault(
                clean_word(word.text) or word.text,
                LyricError(error.code, error.message, hint=error.hint, place=place),
            )
    return tuple(errors.values())
