"""``cantilena voicebank``: the voicebanks at hand, what they can do, and what is wrong with them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cantilena.interfaces.cli import options as o
from cantilena.interfaces.cli import voicebank_bucket as bucket
from cantilena.interfaces.cli.console import print_json, show_help, start_logging
from cantilena.interfaces.cli.problems import VOICEBANK
from cantilena.interfaces.cli.voicebank_text import as_text, info_document

if TYPE_CHECKING:
    from cantilena.voicebank.report import Problem, StageAbilities, VocoderAbilities, VoicebankReport

app = typer.Typer(help="The voicebanks at hand.")

_Remote = Annotated[bool, typer.Option("--remote", help="Look into the bucket of voicebanks; nothing is downloaded.")]
_Name = Annotated[str, typer.Argument(metavar="ID|DIR", help="A voicebank, by id or folder.")]


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    show_help(context)


@app.command("list")
def list_(remote: _Remote = False, json: o.Json = False) -> None:
    """List the voicebanks at hand."""
    start_logging()
    if remote:
        bucket.list_remote(json=json)
        return
    from cantilena.voicebanks import list_voicebanks

    infos = list_voicebanks()
    if json:
        print_json([info_document(info) for info in infos])
        return
    for info in infos:
        if info.problem:
            typer.echo(f"{info.id}: broken: {info.problem}")
            continue
        speakers = f": {', '.join(info.speakers)}" if info.speakers else ""
        typer.echo(f"{info.id}{speakers} ({', '.join(info.languages) or 'language not told'})")


@app.command("info")
def info(voicebank: _Name, remote: _Remote = False, json: o.Json = False) -> int:
    """Tell what a voicebank is and can do: speakers, languages, range, licence, stages and controls."""
    start_logging()
    if remote:
        bucket.show_remote(voicebank, json=json)
        return 0
    from cantilena.voicebanks import voicebank_info

    report = voicebank_info(voicebank)
    if json:
        print_json(_report_document(report))
    else:
        for name, value in info_document(report.info).items():
            typer.echo(f"{name}: {as_text(value)}")
        for stage in report.stages:
            typer.echo(f"stage {stage.name}: {_describe_stage(stage)}")
        typer.echo(f"vocoder: {_describe_vocoder(report.vocoder) if report.vocoder else '-'}")
        typer.echo(f"breath: {'yes' if report.breath else 'no'}")
        typer.echo(f"controls: {', '.join(report.controls) or '-'}")
        for problem in report.problems:
            typer.echo(_describe_problem(problem))
    return VOICEBANK if report.info.problem else 0


@app.command("check")
def check(voicebank: _Name, json: o.Json = False) -> int:
    """Say whether a voicebank sings, and what is wrong with it, file by file; every model is run once."""
    start_logging()
    from cantilena.voicebanks import check_voicebank

    report = check_voicebank(voicebank)
    if json:
        problems = [asdict(problem) for problem in report.problems]
        print_json({"id": report.info.id, "singable": report.singable, "problems": problems})
    else:
        for problem in report.problems:
            typer.echo(_describe_problem(problem))
        typer.echo(f"{report.info.id} {'sings' if report.singable else 'cannot sing'}")
    return 0 if report.singable else VOICEBANK


for _command in (bucket.push, bucket.pull, bucket.verify, bucket.prune):
    app.command(_command.__name__)(_command)


def _describe_stage(stage: StageAbilities) -> str:
    sampling = f"sampled by {stage.sampling}" if stage.sampling else "in one go"
    told = [
        f"{stage.phonemes} phonemes",
        f"{stage.sample_rate} Hz in hops of {stage.hop_size}",
        f"encodes {stage.encoder}" if stage.encoder else "",
        f"{sampling}{', to a depth' if stage.depth else ''}",
        f"curves {' '.join(stage.curves)}" if stage.curves else "",
        f"speakers {' '.join(stage.speakers)}" if stage.speakers else "",
        f"languages {' '.join(stage.languages)}" if stage.languages else "",
        f"{stage.bytes / 1e6:.1f} MB",
    ]
    return ", ".join(filter(None, told))


def _describe_vocoder(vocoder: VocoderAbilities) -> str:
    place = "shared, " if vocoder.shared else ""
    follows = "follows pitch by itself, " if vocoder.pitch_controllable else ""
    return f"{vocoder.name} ({place}{vocoder.folder}), {follows}{vocoder.bytes / 1e6:.1f} MB"


def _describe_problem(problem: Problem) -> str:
    hint = f" {problem.hint}" if problem.hint else ""
    return f"{problem.severity}: {problem.message}{hint} [{problem.code}]"


def _report_document(report: VoicebankReport) -> dict[str, object]:
    return {
        **info_document(report.info),
        "stages": [asdict(stage) for stage in report.stages],
        "vocoder": asdict(report.vocoder) if report.vocoder else None,
        "breath": report.breath,
        "controls": list(report.controls),
        "problems": [asdict(problem) for problem in report.problems],
    }
