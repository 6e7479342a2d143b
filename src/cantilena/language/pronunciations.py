"""Pronunciations that a user gives: one on the command line, many in a file.

Conventions
-----------
Words are kept as :func:`~cantilena.language.spelling.clean_word` leaves them, phonemes in lower case without stress
digits and without a language prefix; ``HH AH0``, ``hh ah`` and ``en/hh en/ah`` all mean the same.
"""

from __future__ import annotations

from pathlib import Path

from cantilena.errors import OptionError
from cantilena.language.registry import Language, load_language
from cantilena.language.spelling import clean_word

_MOST_BYTES = 32 * 2**20  # a pronouncing dictionary of a whole language fits


def parse_pronunciation(text: str, *, language: str = "en") -> dict[str, tuple[str, ...]]:
    """One pronunciation as ``--pronounce`` takes it.

    Parameters
    ----------
    text : str
        ``WORD=PH PH``.
    language : str
        Code of the language whose phonemes may be used.

    Returns
    -------
    dict of str to tuple of str
        One word and its phonemes.

    Raises
    ------
    OptionError
        ``option_bad_pronunciation``; ``option_unknown_phoneme``, listing the phonemes there are.
    """
    word, equals, sounds = text.partition("=")
    if not equals:
        raise _bad_pronunciation(f"--pronounce {text!r} has no equals sign between the word and its sounds.")
    return _checked(word, sounds.split(), f"--pronounce {text!r}", load_language(language))


def read_pronunciations(path: Path, *, language: str = "en") -> dict[str, tuple[str, ...]]:
    """A file of pronunciations: one ``word  PH PH PH`` a line, blank lines and ``#`` comments skipped.

    Of a word that comes twice the last line counts.

    Raises
    ------
    OptionError
        ``option_unreadable_file``; and, naming file and line, ``option_bad_pronunciation`` and
        ``option_unknown_phoneme``.
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
    spoken = load_language(language)
    for number, line in enumerate(text.splitlines(), start=1):
        word, *sounds = line.partition("#")[0].split() or [""]
        if word:
            found |= _checked(word, sounds, f"{path}, line {number}", spoken)
    return found


def _checked(word: str, sounds: list[str], where: str, language: Language) -> dict[str, tuple[str, ...]]:
    key = clean_word(word)
    phonemes = tuple(sound.lower().removeprefix(f"{language.code}/").rstrip("012") for sound in sounds)
    if not key or not phonemes:
        missing = "a word" if not key else f"the sounds of {word!r}"
        raise _bad_pronunciation(f"{where}: {missing} expected.")
    unknown = [sound for sound, phoneme in zip(sounds, phonemes, strict=True) if phoneme not in language.inventory]
    if unknown:
        raise OptionError(
            "option_unknown_phoneme",
            f"{where}: {' '.join(unknown)} is not among the phonemes of the language {language.code!r}.",
            hint=f"Use {' '.join(sorted(language.inventory))}.",
        )
    return {key: phonemes}


def _bad_pronunciation(message: str) -> OptionError:
    return OptionError(
        "option_bad_pronunciation",
        message,
        hint='Write it like --pronounce "Shiloh=SH AY L OW" or "Shiloh  SH AY L OW".',
    )
