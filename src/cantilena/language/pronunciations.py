"""Pronunciations that a user gives: one on the command line, many in a file.

Conventions
-----------
Words are kept as :func:`~cantilena.language.spelling.clean_word` leaves them, phonemes of the language in lower case
without stress digits and without a language prefix; ``HH AH0``, ``hh ah`` and ``en/hh en/ah`` all mean the same. What
is no phoneme of the language may be a symbol of a voicebank (``cl``, ``ja/a``) and stays as it is written, until
:func:`check_pronunciations` is told what the voicebank has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cantilena.errors import OptionError
from cantilena.language.registry import Language, is_built_in, load_language
from cantilena.language.spelling import clean_word

_MOST_BYTES = 32 * 2**20  # a pronouncing dictionary of a whole language fits


def parse_pronunciation(text: str, *, language: str = "en") -> dict[str, tuple[str, ...]]:
    """One pronunciation as ``--pronounce`` takes it.

    Parameters
    ----------
    text : str
        ``WORD=PH PH``.
    language : str
        Code of the language whose phonemes are meant.

    Returns
    -------
    dict of str to tuple of str
        One word and its phonemes.

    Raises
    ------
    OptionError
        ``option_bad_pronunciation``.
    """
    word, equals, sounds = text.partition("=")
    if not equals:
        raise _bad_pronunciation(f"--pronounce {text!r} has no equals sign between the word and its sounds.")
    return _checked(word, sounds.split(), f"--pronounce {text!r}", language)


def read_pronunciations(path: Path, *, language: str = "en") -> dict[str, tuple[str, ...]]:
    """A file of pronunciations: one ``word  PH PH PH`` a line, blank lines and ``#`` comments skipped.

    Of a word that comes twice the last line counts.

    Raises
    ------
    OptionError
        ``option_unreadable_file``; and, naming file and line, ``option_bad_pronunciation``.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise OptionError(
            "option_unreadable_file",
            f"The pronunciations in {path} cannot be read: {reason}.",
            hint="Name a text file with one word and its phonemes a line.",
        ) from error
    if len(content) > _MOST_BYTES:
        raise OptionError(
            "option_unreadable_file",
            f"The pronunciations in {path} are larger than {_MOST_BYTES // 2**20} MB.",
            hint="Keep only the words of the song.",
        )
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        word, *sounds = line.partition("#")[0].split() or [""]
        if word:
            found |= _checked(word, sounds, f"{path}, line {number}", language)
    return found


def check_pronunciations(
    pronunciations: Mapping[str, tuple[str, ...]], language: Language, is_symbol: Callable[[str], bool]
) -> None:
    """Refuse sounds that are neither phonemes of the language nor symbols of the voicebank.

    Parameters
    ----------
    pronunciations : mapping of str to tuple of str
        Word to phonemes.
    language : Language
        The language of the song.
    is_symbol : callable
        Whether the voicebank has a symbol.

    Raises
    ------
    OptionError
        ``option_unknown_phoneme``, naming the first word at fault.
    """
    for word, phonemes in pronunciations.items():
        unknown = [one for one in phonemes if one not in language.inventory and not is_symbol(one)]
        if unknown:
            known = f"Use {' '.join(sorted(language.inventory))}, or" if language.inventory else "Use"
            raise OptionError(
                "option_unknown_phoneme",
                f"The pronunciation of {word!r} names {' '.join(unknown)}, which is neither a phoneme of the language "
                f"{language.code!r} nor a symbol of the voicebank.",
                hint=f"{known} the voicebank's own symbols.",
            )


def _checked(word: str, sounds: list[str], where: str, language: str) -> dict[str, tuple[str, ...]]:
    key = clean_word(word)
    if not key or not sounds:
        missing = "a word" if not key else f"the sounds of {word!r}"
        raise _bad_pronunciation(f"{where}: {missing} expected.")
    spoken = load_language(language) if is_built_in(language) else None
    return {key: tuple(_phoneme(sound, spoken) for sound in sounds)}


def _phoneme(sound: str, language: Language | None) -> str:
    """A phoneme of the language as its inventory spells it, anything else as it is written."""
    if language is None:
        return sound
    phoneme = sound.lower().removeprefix(f"{language.code}/").rstrip("012")
    return phoneme if phoneme in language.inventory else sound


def _bad_pronunciation(message: str) -> OptionError:
    return OptionError(
        "option_bad_pronunciation",
        message,
        hint='Write it like --pronounce "Shiloh=SH AY L OW" or "Shiloh  SH AY L OW".',
    )
