"""``cantilena sing``: a score to an audio file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from cantilena.interfaces.cli import options as o
from cantilena.interfaces.cli.console import print_json, print_warnings, start_logging
from cantilena.interfaces.cli.progress import download_progress, phrase_progress


def sing(
    score: o.Score,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT", help="File to write. [default: SCORE's name .wav]")
    ] = None,
    part: o.Part = None,
    verse: o.Verse = None,
    measures: o.Measures = None,
    chord_note: o.ChordNoteText = "top",
    voicebank: o.VoicebankName = None,
    speaker: o.Speaker = None,
    language: o.Language = "en",
    transpose: o.Transpose = 0,
    tempo: o.Tempo = 1.0,
    expression: o.Expression = 1.0,
    pronounce: o.Pronounce = None,
    pronunciations: o.PronunciationsFile = None,
    vocalise: o.Vocalise = None,
    seed: o.Seed = 0,
    quality: o.QualityName = "normal",
    steps: o.StepCount = None,
    precision: o.PrecisionName = "fp32",
    device: o.DeviceName = "cpu",
    control: o.Control = None,
    format: Annotated[
        Literal["wav", "flac", "mp3", "opus"] | None,
        typer.Option(help="Format of the file. [default: told by OUT's suffix]"),
    ] = None,
    json: o.Json = False,
    progress: Annotated[
        Literal["bar", "json", "none"] | None,
        typer.Option(help="On standard error. [default: bar on a terminal, else none]"),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Sing every phrase anew, and keep nothing in the cache.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUT if it exists.")] = False,
) -> None:
    """Sing SCORE to an audio file, and print the file's path."""
    start_logging()
    sing_options = o.sing_options(
        speaker=speaker, language=language, transpose=transpose, tempo=tempo, expression=expression,
        pronounce=pronounce, pronunciations=pronunciations, seed=seed, quality=quality, steps=steps, device=device,
        precision=precision, control=control,
    )  # fmt: skip
    from cantilena.api import sing_to_file

    line = o.line_options(part=part, verse=verse, measures=measures, chord_note=chord_note, vocalise=vocalise)
    path = output or Path(f"{score.stem}.{format or 'wav'}")
    shown = progress or ("bar" if sys.stderr.isatty() else "none")
    with phrase_progress(shown) as on_progress, download_progress(shown) as on_download:
        sung = sing_to_file(
            score, path, line=line, options=sing_options, voicebank=voicebank, format=format, force=force,
            cache=not no_cache, on_progress=on_progress, on_download=on_download,
        )  # fmt: skip
    if json:
        print_json(sung.to_json())
        return
    print_warnings(sung.report.warnings)
    typer.echo(str(sung.file.path))
