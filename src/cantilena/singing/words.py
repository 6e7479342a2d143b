"""Which language a song is sung in, and where its words come from: our own reading, or the voicebank's dictionary.

Conventions
-----------
A language with a reader of its own (English) is read by it, whatever the voicebank. Any other is as good as the
voicebank's dictionary of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from cantilena.errors import VoicebankError
from cantilena.language import DictionaryLanguage, check_pronunciations, is_built_in, load_language
from cantilena.voicebank.dictionary import dictionary_language
from cantilena.voicebank.nearest import BREATH, SILENCE, bare, kind_by_name

if TYPE_CHECKING:
    from cantilena.language import Language
    from cantilena.voicebank import Voicebank

REST_LYRICS: Final[Mapping[str, str]] = {"AP": BREATH, "br": BREATH, "SP": SILENCE}
"""Lyrics that are no words in any language: a note of breath, and one of silence, written as singers' editors do."""


def find_language(voicebank: Voicebank, asked: str) -> Language:
    """The language of a song, as this voicebank can sing it.

    Parameters
    ----------
    voicebank : Voicebank
        Who sings.
    asked : str
        Code, with or without a region: ``en``, ``en-GB``, ``zh-yue``.

    Raises
    ------
    VoicebankError
        ``voicebank_language_missing``: it sings other languages, or has no dictionary of this one.
    """
    code = dictionary_language(asked)
    dictionary = voicebank.dictionary(code)
    own = dictionary.file is not None and dictionary_language(dictionary.file.name) == code
    if voicebank.languages and code not in voicebank.languages and not own:
        raise VoicebankError(
            "voicebank_language_missing",
            f"The voicebank {voicebank.id} sings {', '.join(voicebank.languages)}, not {asked}.",
            hint="Choose a voicebank of that language with --voicebank, or another --language.",
        )
    if is_built_in(code):
        return load_language(code)
    if dictionary.file is None:
        raise VoicebankError(
            "voicebank_language_missing",
            f"The voicebank {voicebank.id} has no dictionary of the language {asked!r}.",
            hint="Choose a voicebank with a dictionary of that language, or another --language.",
        )
    return DictionaryLanguage(
        code,
        look_up=lambda word: dictionary.words.get(word),
        is_symbol=lambda symbol: has_symbol(voicebank, code, symbol),
        is_vowel=lambda symbol: dictionary.kinds.get(symbol, kind_by_name(symbol)) == "vowel",
    )


def require_symbols(pronunciations: Mapping[str, tuple[str, ...]], voicebank: Voicebank, language: Language) -> None:
    """Refuse pronunciations that use what neither the language nor the voicebank has.

    Raises
    ------
    OptionError
        ``option_unknown_phoneme``.
    """
    check_pronunciations(pronunciations, language, lambda symbol: has_symbol(voicebank, language.code, symbol))


def has_symbol(voicebank: Voicebank, code: str, symbol: str) -> bool:
    """Whether the acoustic or the duration stage has a symbol, as it is or under the prefix of a language."""
    spellings = (symbol, f"{code}/{bare(symbol)}")
    return any(stage.symbols.find(one) for stage in (voicebank.acoustic, voicebank.durations) for one in spellings)
