"""The program ``cantilena``: its verbs, and what happens when one of them fails."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from cantilena.errors import CantilenaError
from cantilena.interfaces.cli import check, doctor, mcp, parse, serve, sing, stage, voicebank
from cantilena.interfaces.cli.console import show_help
from cantilena.interfaces.cli.problems import INTERRUPTED, USAGE, report_error, report_unexpected, to_exit_code

# Plain help: the rich one takes 0.2 s to import, more than everything else together.
app = typer.Typer(
    name="cantilena",
    help="Sings scores: MusicXML with lyrics in, sung audio out.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("sing")(sing.sing)
app.command("parse")(parse.parse)
app.command("check")(check.check)
app.add_typer(stage.app, name="stage")
app.add_typer(voicebank.app, name="voicebank")
app.command("serve")(serve.serve)
app.command("mcp")(mcp.mcp)
app.command("doctor")(doctor.doctor)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    if version:
        from cantilena.version import package_version

        typer.echo(f"cantilena {package_version()}")
        raise typer.Exit
    show_help(context)


def run() -> NoReturn:
    """Run the command line and leave with the exit code of the contract; no failure shows a traceback."""
    as_json = "--json" in sys.argv
    try:
        result = app(standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except CantilenaError as error:
        report_error(
            error.message, code=error.code, hint=error.hint, place=error.place, retryable=error.retryable,
            as_json=as_json,
        )  # fmt: skip
        code = to_exit_code(error)
    except typer.TyperException as error:
        hint = "'cantilena --help' and 'cantilena COMMAND --help' list what there is."
        sentence = error.format_message().rstrip(".") + "."
        report_error(sentence, code="option_invalid", hint=hint, as_json=as_json)
        code = USAGE
    except (KeyboardInterrupt, typer.Abort):
        report_error("Interrupted; nothing was written.", code="interrupted", hint="", as_json=as_json)
        code = INTERRUPTED
    except Exception as error:  # the last door before the user: whatever gets here is our fault, and said so
        code = report_unexpected(error, as_json=as_json)
    sys.exit(code)
