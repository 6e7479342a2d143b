"""What a client may ask for when a song is to be sung: the options of ``sing`` as plain values, checked at the border.

Conventions
-----------
Names and values are those of the command line and of a JSON document alike, so that a job can be sung from what its
document holds. Importing this module loads neither the engine nor the reader of scores.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from cantilena.errors import OptionError
from cantilena.singing.control_settings import make_controls
from cantilena.singing.options import SingOptions

if TYPE_CHECKING:
    from cantilena.audio.files import AudioFormat
    from cantilena.song import ChordNote, LineOptions

_MOST_TEXT: Final = 1_000
_MOST_PRONUNCIATIONS: Final = 10_000
_FORMATS: Final = ("wav", "flac", "mp3", "opus")
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class SongWishes:
    """How a song is to be sung, every value as a client writes it.

    Attributes
    ----------
    part, verse, measures, chord_note, vocalise
        Which line is sung; ``measures`` as ``5-8``, ``chord_note`` as ``top``, ``bottom`` or a number. See
        :class:`cantilena.song.LineOptions`.
    voicebank : str or None
        Id or folder; None: the built-in one.
    speaker, language, transpose, tempo, expression, seed, quality, steps, precision, device
        How it is sung; see :class:`cantilena.singing.options.SingOptions`.
    pronunciations : mapping of str to str
        Word to phonemes, separated by spaces.
    controls : mapping of str to number or mapping
        What is turned; see :func:`cantilena.singing.control_settings.make_controls`.
    format : {"wav", "flac", "mp3", "opus"}
        Of the audio.
    cache : bool
        Whether phrases that were sung before are taken from the cache, and new ones kept there.

    Raises
    ------
    OptionError
        ``option_invalid``: a value is of another kind than belongs there. What else is wrong is said by
        :meth:`line_options` and :meth:`sing_options`.
    """

    part: str | None = None
    verse: str | None = None
    measures: str | None = None
    chord_note: str = "top"
    vocalise: str | None = None
    voicebank: str | None = None
    speaker: str | None = None
    language: str = "en"
    transpose: int = 0
    tempo: float = 1.0
    expression: float = 1.0
    pronunciations: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    seed: int = 0
    quality: str = "normal"
    steps: int | None = None
    precision: str = "fp32"
    device: str = "cpu"
    controls: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    format: str = "wav"
    cache: bool = True

    def __post_init__(self) -> None:
        for named in fields(self):
            is_right, wanted = _KINDS[str(named.type)]
            value = getattr(self, named.name)
            if not is_right(value):
                raise OptionError(
                    "option_invalid",
                    f"The option {named.name!r} is {repr(value)[:60]}, but must be {wanted}.",
                    hint="Leave it out for the usual value.",
                )
        if self.format not in _FORMATS:
            raise OptionError(
                "option_unknown_choice",
                f"The option 'format' is {self.format[:40]!r}, but must be one of {', '.join(_FORMATS)}.",
                hint=f"Choose one of {', '.join(_FORMATS)}.",
            )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SongWishes:
        """The wishes that a JSON object holds.

        Raises
        ------
        OptionError
            ``option_unknown``: a name that is no option; ``option_invalid``.
        """
        known = [named.name for named in fields(cls)]
        strange = next((name for name in values if name not in known), None)
        if strange is not None:
            raise OptionError(
                "option_unknown",
                f"There is no option {str(strange)[:60]!r}.",
                hint=f"The options are {', '.join(known)}.",
            )
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """As :meth:`from_json` takes it, without what is as usual."""
        usual = SongWishes()
        given = {named.name: getattr(self, named.name) for named in fields(self)}
        return {name: _plain(value) for name, value in given.items() if value != getattr(usual, name)}

    def line_options(self) -> LineOptions:
        """Which line is sung.

        Raises
        ------
        OptionError
            ``option_invalid``, ``option_unknown_choice``.
        """
        from cantilena.song import LineOptions

        return LineOptions(
            part=self.part,
            verse=self.verse,
            measures=parse_measures(self.measures) if self.measures is not None else None,
            chord_note=parse_chord_note(self.chord_note),
            vocalise=self.vocalise,
        )

    def sing_options(self) -> SingOptions:
        """How it is sung.

        Raises
        ------
        OptionError
            As :class:`~cantilena.singing.options.SingOptions`, ``option_bad_pronunciation``, and those of
            :func:`~cantilena.singing.control_settings.make_controls`.
        """
        words: dict[str, tuple[str, ...]] = {}
        if self.pronunciations:
            from cantilena.language import parse_pronunciation

            for word, sounds in self.pronunciations.items():
                words.update(parse_pronunciation(f"{word}={sounds}", language=self.language))
        return SingOptions(
            speaker=self.speaker,
            language=self.language,
            transpose=self.transpose,
            tempo=self.tempo,
            expression=self.expression,
            pronunciations=words,
            seed=self.seed,
            quality=cast("Any", self.quality),  # choices are checked there
            steps=self.steps,
            precision=cast("Any", self.precision),
            device=cast("Any", self.device),
            controls=make_controls(self.controls),
        )

    @property
    def audio_format(self) -> AudioFormat:
        return cast("AudioFormat", self.format)


def parse_measures(text: str) -> tuple[str, str]:
    """``"5-8"`` as first and last measure, ``"5"`` as that one alone.

    >>> parse_measures("5-8"), parse_measures("12a")
    (('5', '8'), ('12a', '12a'))
    """
    first, dash, last = (piece.strip() for piece in text.partition("-"))
    if not first or (dash and not last):
        raise OptionError(
            "option_invalid",
            f"--measures is {text!r}, but must name a first and a last measure.",
            hint="Write it as 5-8, or 5 for one measure.",
        )
    return first, last or first


def parse_chord_note(text: str) -> ChordNote:
    """``"top"``, ``"bottom"``, or a number from the top.

    >>> parse_chord_note("top"), parse_chord_note("2")
    ('top', 2)
    """
    if text == "top":
        return "top"
    if text == "bottom":
        return "bottom"
    if re.fullmatch(r"[1-9]\d?", text):
        return int(text)
    raise OptionError(
        "option_unknown_choice",
        f"--chord-note is {text!r}, but must be top, bottom or a number from 1 to 99.",
        hint="1 is the top note of the chord, 2 the one below it.",
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MOST_TEXT


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_whole(value) or isinstance(value, float)


def _is_words(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) <= _MOST_PRONUNCIATIONS
        and all(_is_text(word) and _is_text(sounds) for word, sounds in value.items())
    )


def _is_named(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, value))


_KINDS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "str": (_is_text, "a text"),
    "str | None": (lambda value: value is None or _is_text(value), "a text"),
    "int": (_is_whole, "a whole number"),
    "int | None": (lambda value: value is None or _is_whole(value), "a whole number"),
    "float": (_is_number, "a number"),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "Mapping[str, str]": (_is_words, "words, each with its phonemes as a text"),
    "Mapping[str, Any]": (_is_named, "controls by name"),
}
"""By the type of the field: whether a value fits, and what it must be."""


def _plain(value: object) -> Any:  # noqa: ANN401 -- a value of JSON
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return list(map(_plain, value))
    return value
