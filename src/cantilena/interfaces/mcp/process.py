"""A process that serves: what it works with is made, its start is timed, and it leaves nothing behind."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import mcp_types as types

from cantilena.adapters.memory_jobs import MemoryJobs
from cantilena.audio.whole_file import storage_error
from cantilena.errors import OptionError
from cantilena.interfaces.mcp.offer import catalogue_of
from cantilena.interfaces.mcp.server import make_server
from cantilena.interfaces.mcp.services import Services
from cantilena.interfaces.mcp.transports import require_token, serve_http, serve_stdio
from cantilena.service.file_access import FileAccess
from cantilena.service.song_jobs import SongJobs
from cantilena.settings import load_settings
from cantilena.tracing import log_event, stopwatch

_BEGIN: Final = time.monotonic()


def serve(*, http: bool, host: str, port: int, files: Sequence[Path], jobs_dir: Path | None) -> None:
    """Serve until the client goes, or the process is told to stop; songs that are sung then are stopped.

    Parameters
    ----------
    http : bool
        Over HTTP, on ``host`` and ``port``; else over standard input and output.
    files : sequence of Path
        Folders that may be read and written; none: the user's own.
    jobs_dir : Path or None
        Where the songs lie, in a folder of this process that goes with it; None: among temporary files.

    Raises
    ------
    OptionError
        ``files_folder_missing``, ``mcp_token_missing``, ``option_invalid``.
    OutputError
        ``output_unwritable``: nothing can be written where the songs are to lie.
    """
    settings = load_settings()
    if http:
        require_token(host, settings.mcp_token)
    worker = f"mcp-{os.getpid()}"
    log_event("mcp_start_begin", worker=worker, device="cpu")
    access = FileAccess(_folders(files, settings.files_dir))
    with ExitStack() as stack:
        folder = stack.enter_context(_folder_of_songs(jobs_dir))
        jobs = SongJobs(MemoryJobs(), folder, holder=worker)
        stack.callback(jobs.close, seconds=0.0)  # nobody is left to hear what is sung
        catalogue = catalogue_of(Services(access, jobs))
        with stopwatch() as elapsed:
            types.ListToolsResult(tools=[tool.listing for tool in catalogue.tools]).model_dump_json()
        server = make_server(catalogue)

        def announce(address: str) -> None:
            log_event(
                "mcp_start_ready",
                worker=worker,
                mcp_start_ms=round(_age_seconds() * 1000.0),
                tools_list_ms=round(elapsed[0], 1),
                tools=len(catalogue.tools),
                address=address,
            )
            if http and settings.log_format == "console":
                sys.stderr.write(f"Cantilena's tools are at {address}\n")
                sys.stderr.flush()

        if http:
            serve_http(server, announce, host=host, port=port, token=settings.mcp_token)
        else:
            serve_stdio(server, announce, stack.close)


def _folders(files: Sequence[Path], default: Path) -> Sequence[Path]:
    """The folders asked for, which must be there; else the user's own, which is made when it is needed."""
    for folder in files:
        if not folder.is_dir():
            raise OptionError(
                "files_folder_missing", f"--files names {folder}, which is not a folder.", hint="Make it first."
            )
    if files:
        return files
    try:
        return [default.expanduser()]
    except RuntimeError as error:  # a container's user without a home
        raise OptionError(
            "files_folder_missing",
            "There is no home for the folder of scores and songs.",
            hint="Name one with --files.",
        ) from error


@contextmanager
def _folder_of_songs(place: Path | None) -> Iterator[Path]:
    """A folder that no other process has: whatever belongs to none of its jobs is removed from it."""
    try:
        if place is not None:
            place.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(prefix="cantilena-jobs-", dir=place)
    except OSError as error:
        raise storage_error(error, place or "temporary files") from error
    with folder as name:
        yield Path(name)


def _age_seconds() -> float:
    """How long ago this process was started, where the system tells; else how long ago this module was loaded."""
    try:
        began = int(Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - began / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return time.monotonic() - _BEGIN
