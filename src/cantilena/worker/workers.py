"""One worker for each device."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from cantilena.worker.options import WorkerOptions
from cantilena.worker.supervisor import Worker


@asynccontextmanager
async def start_workers(
    devices: Sequence[str],
    *,
    files: Path,
    environment: Mapping[str, str],
    command: Sequence[str] | None = None,
    options: WorkerOptions | None = None,
) -> AsyncIterator[Mapping[str, Worker]]:
    """Start a worker for each device, named after it, and stop them all at the end of the block.

    Parameters
    ----------
    devices : sequence of str
        ``cpu``, ``cuda``, ...
    files, environment, command, options
        As for each :class:`Worker`.
    """
    async with AsyncExitStack() as stack:
        workers = [
            Worker(files=files, environment=environment, name=device, device=device, command=command, options=options)
            for device in devices
        ]
        yield {worker.device: await stack.enter_async_context(worker) for worker in workers}
