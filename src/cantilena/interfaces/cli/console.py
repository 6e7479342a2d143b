"""What the commands print, and where: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from cantilena.interfaces.cli.problems import USAGE

if TYPE_CHECKING:
    from cantilena.findings import Finding


def start_logging(*, always: bool = False) -> None:
    """Set up log lines as the environment asks.

    Parameters
    ----------
    always : bool
        Also where it asks for nothing: warnings and errors are then written. Else the machinery is not even loaded,
        unless production is being rehearsed, which every start says.
    """
    from cantilena.settings import load_settings

    settings = load_settings()
    if always or settings.log_format == "json" or settings.log_level is not None or settings.is_rehearsal:
        from cantilena.logs import configure_logging

        configure_logging(
            log_format=settings.log_format, log_level=settings.log_level, project=settings.google_cloud_project
        )
    if settings.is_rehearsal:
        from cantilena.tracing import log_event

        log_event("rehearsal_begin", severity="error", message="ALLOW_EMULATORS is set: this is no production.")


def show_help(context: typer.Context) -> None:
    """Print a group's help and leave with the code for a wrong call, when no verb of it was named."""
    if context.invoked_subcommand is None:
        sys.stderr.write(context.get_help() + "\n")
        raise typer.Exit(USAGE)


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")


def print_warnings(findings: Sequence[Finding]) -> None:
    """A line for each finding on standard error."""
    for finding in findings:
        sys.stderr.write(f"{finding.severity}: {describe_finding(finding)}\n")


def describe_finding(finding: Finding) -> str:
    """A finding as a line: where, what, and its code to look up."""
    where = str(finding.place)
    hint = f" {finding.hint}" if finding.hint else ""
    return f"{where + ': ' if where else ''}{finding.message}{hint} [{finding.code}]"
