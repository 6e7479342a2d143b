"""The program ``cantilena``: its verbs, and what happens when one of them fails."""

from __future__ import annotations

import sys
from typing import NoReturn

import click
import typer

from cantilena.interfaces.cli import check, doctor, parse, sing, voicebank
from cantilena.interfaces.cli.problems import INTERRUPTED, USAGE, report_error, report_unexpected, to_exit_code

app = typer.Typer(
    name="cantilena",
    help="Sings scores: MusicXML with lyrics in, sung audio out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("sing")(sing.sing)
app.command("parse")(parse.parse)
app.command("check")(check.check)
app.add_typer(voicebank.app, name="voicebank")
app.command("doctor")(doctor.doctor)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    if version:
        from cantilena.logs import package_version

        typer.echo(f"cantilena {package_version()}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(USAGE)


def run() -> NoReturn:
    """Run the command line and leave with the exit code of the contract; no failure shows a traceback."""
    as_json = "--json" in sys.argv
    try:
        code = _invoke()
    except click.UsageError as error:
        code = report_error(error.format_message(), code="option_invalid", hint=_usage_hint(error), as_json=as_json)
    except click.ClickException as error:
        code = report_error(error.format_message(), code="option_invalid", hint="", as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        report_error("Interrupted; nothing was written.", code="interrupted", hint="", as_json=as_json)
        code = INTERRUPTED
    except Exception as error:  # the last door before the user: whatever gets here is our fault, and said so
        code = report_unexpected(error, as_json=as_json)
    sys.exit(code)


def _invoke() -> int:
    from cantilena.errors import CantilenaError

    try:
        result = app(standalone_mode=False)
    except CantilenaError as error:
        report_error(
            error.message, code=error.code, hint=error.hint, place=error.place, retryable=error.retryable,
            as_json="--json" in sys.argv,
        )  # fmt: skip
        return to_exit_code(error)
    return result if isinstance(result, int) else 0


def _usage_hint(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx is not None else "cantilena"
    return f"'{path} --help' lists what it takes."
