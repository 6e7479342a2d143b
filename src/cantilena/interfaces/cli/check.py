"""``cantilena check``: can a score be sung as asked?"""

from __future__ import annotations

import typer

from cantilena.interfaces.cli import options as o
from cantilena.interfaces.cli.console import describe_finding, print_json, start_logging
from cantilena.interfaces.cli.problems import to_exit_code


def check(
    score: o.Score,
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
    json: o.Json = False,
) -> int:
    """Say whether SCORE can be sung like this, and what would not be; nothing is rendered."""
    start_logging()
    sing_options = o.sing_options(
        speaker=speaker, language=language, transpose=transpose, tempo=tempo, expression=expression,
        pronounce=pronounce, pronunciations=pronunciations, seed=seed, quality=quality, steps=steps, device=device,
        precision=precision, control=control,
    )  # fmt: skip
    from cantilena.api import check as check_score

    line = o.line_options(part=part, verse=verse, measures=measures, chord_note=chord_note, vocalise=vocalise)
    answer = check_score(score, line=line, options=sing_options, voicebank=voicebank)
    if json:
        print_json(
            {
                "singable": answer.singable,
                "phrases": answer.phrases,
                "duration_seconds": answer.duration_seconds,
                "findings": [
                    {
                        "severity": f.severity, "code": f.code, "message": f.message, "hint": f.hint,
                        "part": f.part, "measure": f.measure,
                    }
                    for f in answer.findings
                ],
            }
        )  # fmt: skip
    else:
        for finding in answer.findings:
            typer.echo(f"{finding.severity}: {describe_finding(finding)}")
        if answer.singable:
            typer.echo(f"can be sung: {answer.phrases} phrases, {answer.duration_seconds:.1f} s")
    return to_exit_code(answer.error) if answer.error is not None else 0
