"""The command line in this process, with every run of a model timed.

``python -m benchmarks.timed_command REPORT ARGS`` does what ``cantilena ARGS`` does.
Writes ``{"runs": s, "loading": s}`` to REPORT: the seconds during which at least one model ran, and those that opening
the models took.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime

Span = tuple[float, float]


def main() -> None:
    """Run the command; the report is written however it ends."""
    report, sys.argv = Path(sys.argv[1]), ["cantilena", *sys.argv[2:]]
    runs: list[Span] = []
    loads: list[Span] = []
    session = onnxruntime.InferenceSession
    for name in ("run", "run_with_iobinding", "run_with_ort_values"):
        setattr(session, name, _recorded(getattr(session, name), runs))
    session.__init__ = _recorded(session.__init__, loads)
    from cantilena.interfaces.cli.main import run

    try:
        run()
    finally:
        report.write_text(json.dumps({"runs": _covered(runs), "loading": _covered(loads)}))


def _recorded(function: Callable[..., Any], spans: list[Span]) -> Callable[..., Any]:
    lock = threading.Lock()

    def recorded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- stands in for any of them
        begin = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            with lock:
                spans.append((begin, time.perf_counter()))

    return recorded


def _covered(spans: list[Span]) -> float:
    """Seconds that lie in at least one span: runs side by side count once."""
    covered, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        covered += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return covered


if __name__ == "__main__":
    main()
