"""The singing done by another process: `cantilena mcp` as a child, kept alive, called with deadlines.

A :class:`Worker` belongs to one device and is used from async code; :class:`BlockingWorker` is the same for threads.
Needs the extra ``mcp``.

::

    async with Worker(files=folder) as worker:
        with log_context(job_id=job_id, trace=traceparent):
            answer = await worker.call("synthesize", {"path": "hymn.musicxml"}, seconds=600)
"""

from cantilena.worker.blocking import BlockingWorker
from cantilena.worker.errors import ToolError, WorkerError
from cantilena.worker.options import Answer, Depth, Progress, Traffic, WorkerOptions
from cantilena.worker.supervisor import Worker
from cantilena.worker.workers import start_workers

__all__ = [
    "Answer", "BlockingWorker", "Depth", "Progress", "ToolError", "Traffic", "Worker", "WorkerError", "WorkerOptions",
    "start_workers",
]  # fmt: skip
