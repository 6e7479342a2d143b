"""``cantilena stage``: one step of a song at a time, from the JSON of the step before to the JSON of this one."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cantilena.errors import OptionError, OutputError
from cantilena.interfaces.cli import options as o
from cantilena.interfaces.cli.console import print_json, print_warnings, show_help, start_logging

if TYPE_CHECKING:
    from cantilena.findings import Finding
    from cantilena.stages import StageDocument, Step

app = typer.Typer(help="Run one step of singing, from the JSON of the step before to the JSON of this one.")

FromScore = Annotated[Path, typer.Option("--from", metavar="SCORE", help="A MusicXML file: .musicxml, .xml or .mxl.")]
FromDocument = Annotated[
    Path, typer.Option("--from", metavar="FILE", help="JSON of the step before, or of a later one; -: standard input.")
]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="Where the JSON goes; -: standard output.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite OUT if it exists.")]
KnownVoicebank = Annotated[
    str | None,
    typer.Option("--voicebank", metavar="ID|DIR", help="Where the voicebank is. [default: the one the JSON names]"),
]

_STREAM = Path("-")


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    show_help(context)


@app.command("align")
def align(
    score: FromScore,
    output: Output = _STREAM,
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
    force: Force = False,
) -> None:
    """Begin with a score: words become phonemes, and phonemes find their beats."""
    start_logging()
    _check_output(output, force=force)
    sing_options = o.sing_options(
        speaker=speaker, language=language, transpose=transpose, tempo=tempo, expression=expression,
        pronounce=pronounce, pronunciations=pronunciations, seed=seed, quality=quality, steps=steps, device=device,
        precision=precision, control=control,
    )  # fmt: skip
    line = o.line_options(part=part, verse=verse, measures=measures, chord_note=chord_note, vocalise=vocalise)
    from cantilena import stages
    from cantilena.voicebanks import resolve_voicebank

    bank = resolve_voicebank(voicebank, sing_options)
    planned = stages.begin(score, line=line, options=sing_options, voicebank=bank)
    _write(stages.run(planned, "align", voicebank=bank), output, force=force, told=())


@app.command("durations")
def durations(
    source: FromDocument = _STREAM, output: Output = _STREAM, voicebank: KnownVoicebank = None, force: Force = False
) -> None:
    """Give every phoneme its length, in frames."""
    _run("durations", source, output, voicebank=voicebank, force=force)


@app.command("pitch")
def pitch(
    source: FromDocument = _STREAM, output: Output = _STREAM, voicebank: KnownVoicebank = None, force: Force = False
) -> None:
    """Give every frame its f0, in Hz."""
    _run("pitch", source, output, voicebank=voicebank, force=force)


@app.command("variance")
def variance(
    source: FromDocument = _STREAM, output: Output = _STREAM, voicebank: KnownVoicebank = None, force: Force = False
) -> None:
    """Give every frame its energy, breathiness, voicing and tension, where the voicebank sings with them."""
    _run("variance", source, output, voicebank=voicebank, force=force)


@app.command("synthesize_audio")
def synthesize_audio(
    source: FromDocument = _STREAM, output: Output = _STREAM, voicebank: KnownVoicebank = None, force: Force = False
) -> None:
    """Make every phrase sound; its samples go into the JSON."""
    _run("synthesize_audio", source, output, voicebank=voicebank, force=force)


@app.command("postprocess")
def postprocess(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="Audio file to write.")],
    source: FromDocument = _STREAM,
    format: Annotated[
        Literal["wav", "flac", "mp3", "opus"] | None,
        typer.Option(help="Format of the file. [default: told by OUT's suffix]"),
    ] = None,
    force: Force = False,
    json: o.Json = False,
) -> None:
    """Join the phrases to one track, write it to an audio file, and print the file's path."""
    start_logging()
    from cantilena import stages
    from cantilena.audio.files import check_output, resolve_format

    resolve_format(output, format)
    check_output(output, force=force)
    document = _read(source)
    file = stages.save(document, output, format=format, force=force)
    if not json:
        typer.echo(str(file.path))
        return
    print_json(
        {
            "path": str(file.path),
            "duration_seconds": round(file.duration_seconds, 3),
            "lead_in_seconds": round(document.grid.lead_in_seconds, 4),
            "sample_rate": file.sample_rate,
            "format": file.format,
            "voicebank": {"id": document.voicebank, "version": document.version},
            "speaker": document.options.speaker,
            "seed": document.options.seed,
            "phrases": len(document.phrases),
            "warnings": [
                {"code": w.code, "message": w.message, "part": w.part, "measure": w.measure} for w in document.findings
            ],
        }
    )


def _run(step: Step, source: Path, output: Path, *, voicebank: str | None, force: bool) -> None:
    start_logging()
    _check_output(output, force=force)
    from cantilena import stages

    before = _read(source)
    _write(stages.run(before, step, voicebank=voicebank), output, force=force, told=before.findings)


def _read(source: Path) -> StageDocument:
    """A document from a file or from standard input; no more of it is read than a document may have."""
    from cantilena import stages
    from cantilena.singing.exchange.json_text import LARGEST_BYTES

    if source == _STREAM:
        if sys.stdin.isatty():
            raise OptionError(
                "option_missing", "There is no document to go on from.", hint="Name it with --from FILE, or pipe it in."
            )
        raw = sys.stdin.buffer.read(LARGEST_BYTES + 1)
    else:
        try:
            with source.open("rb") as file:
                raw = file.read(LARGEST_BYTES + 1)
        except (OSError, ValueError) as error:  # a name with a NUL in it is a ValueError
            reason = error.strerror if isinstance(error, OSError) else "this is no name of a file"
            raise OptionError(
                "option_invalid", f"--from {source} cannot be read: {reason}.", hint="Name a file that can be read."
            ) from error
    return stages.from_json(raw)


def _check_output(output: Path, *, force: bool) -> None:
    """Find out before the work whether the result can be written."""
    if output != _STREAM:
        from cantilena.audio.whole_file import check_output

        check_output(output, force=force)


def _write(document: StageDocument, output: Path, *, force: bool, told: Sequence[Finding]) -> None:
    """Write the result, and tell what this step noticed and none before it has."""
    from cantilena import stages

    text = stages.to_json(document).encode()
    if output == _STREAM:
        _write_stream(text)
    else:
        from cantilena.audio.whole_file import whole_file

        with whole_file(output, force=force) as descriptor, os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(text)
        typer.echo(str(output))
    print_warnings([finding for finding in document.findings if finding not in told])


def _write_stream(text: bytes) -> None:
    try:
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains again when it leaves
        raise OutputError(
            "output_unwritable",
            "Nobody reads standard output any more.",
            hint="See what the command after this one said.",
        ) from error
