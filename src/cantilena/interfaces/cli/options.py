"""The options that ``sing`` and ``check`` share, and how their text becomes values.

Types only: nothing here may import numpy or the engine, or ``cantilena --help`` would wait for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cantilena.service.song_wishes import parse_chord_note, parse_measures
from cantilena.singing.control_settings import parse_controls
from cantilena.singing.options import SingOptions

if TYPE_CHECKING:
    from cantilena.song import LineOptions

Score = Annotated[Path, typer.Argument(metavar="SCORE", help="A MusicXML file: .musicxml, .xml or .mxl.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]

Part = Annotated[str | None, typer.Option(help="Part to sing, by name or id. [default: the topmost one with words]")]
Verse = Annotated[str | None, typer.Option(help="Sing this verse throughout. [default: verse N on pass N]")]
Measures = Annotated[str | None, typer.Option(metavar="A-B", help="Sing measures A to B only.")]
ChordNoteText = Annotated[
    str, typer.Option("--chord-note", metavar="top|bottom|N", help="Note of a chord; N counts from the top.")
]
Vocalise = Annotated[
    str | None, typer.Option(metavar="SYLLABLE", help="Sing a part without words on this syllable, such as 'la'.")
]
VoicebankName = Annotated[
    str | None, typer.Option(metavar="ID|DIR", help="Voicebank, by id or folder. [default: the built-in voice]")
]
Speaker = Annotated[
    str | None, typer.Option(metavar="NAME", help="Speaker of the voicebank. [default: whose range fits best]")
]
Language = Annotated[
    str, typer.Option(help="Language of the words: en, or one that the voicebank has a dictionary of.")
]
Transpose = Annotated[int, typer.Option(metavar="SEMITONES", help="Sing higher or lower, -24 to 24.")]
Tempo = Annotated[float, typer.Option(metavar="FACTOR", help="Sing faster or slower, 0.25 to 4.")]
Expression = Annotated[float, typer.Option(metavar="0..1", help="How much vibrato, drift and breath.")]
Pronounce = Annotated[
    list[str] | None,
    typer.Option(
        metavar='WORD="PH PH"',
        help="Pronunciation of one word, in ARPAbet or the voicebank's own symbols; may be given several times.",
    ),
]
PronunciationsFile = Annotated[
    Path | None, typer.Option("--pronunciations", metavar="FILE", help="Pronunciations, one word a line.")
]
Seed = Annotated[int, typer.Option(metavar="N", help="The same seed gives the same take.")]
Control = Annotated[
    list[str] | None,
    typer.Option(
        "--control",
        metavar="NAME=VALUE|FILE",
        help="Turn gender, velocity, energy, breathiness, voicing, tension, pitch_expression, tone_shift or "
        "speaker:NAME, for the whole song or by a JSON file of curves; may be given several times.",
    ),
]
QualityName = Annotated[Literal["draft", "normal", "best"], typer.Option("--quality", help="Sampling steps.")]
StepCount = Annotated[int | None, typer.Option("--steps", metavar="N", help="Sampling steps, instead of --quality.")]
PrecisionName = Annotated[
    Literal["fp32", "int8"], typer.Option("--precision", help="int8 is quicker and a little less exact.")
]
DeviceName = Annotated[
    Literal["cpu", "cuda", "coreml", "directml"], typer.Option("--device", help="Where the large models run.")
]


def line_options(
    *, part: str | None, verse: str | None, measures: str | None, chord_note: str, vocalise: str | None
) -> LineOptions:
    """Which line is sung, from the text of the options."""
    from cantilena.song import LineOptions

    return LineOptions(
        part=part,
        verse=verse,
        measures=parse_measures(measures) if measures is not None else None,
        chord_note=parse_chord_note(chord_note),
        vocalise=vocalise,
    )


def sing_options(
    *,
    speaker: str | None,
    language: str,
    transpose: int,
    tempo: float,
    expression: float,
    pronounce: list[str] | None,
    pronunciations: Path | None,
    seed: int,
    quality: Literal["draft", "normal", "best"],
    steps: int | None,
    device: Literal["cpu", "cuda", "coreml", "directml"],
    precision: Literal["fp32", "int8"],
    control: list[str] | None,
) -> SingOptions:
    """How it is sung; a word given with --pronounce wins over the file."""
    words: dict[str, tuple[str, ...]] = {}
    if pronounce or pronunciations:
        from cantilena.language import parse_pronunciation, read_pronunciations

        if pronunciations is not None:
            words.update(read_pronunciations(pronunciations, language=language))
        for text in pronounce or ():
            words.update(parse_pronunciation(text, language=language))
    return SingOptions(
        speaker=speaker,
        language=language,
        transpose=transpose,
        tempo=tempo,
        expression=expression,
        pronunciations=words,
        seed=seed,
        quality=quality,
        steps=steps,
        device=device,
        precision=precision,
        controls=parse_controls(control or ()),
    )
