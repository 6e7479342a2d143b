"""The command line in this process, with every run of a model timed.

``python -m benchmarks.timed_command REPORT ARGS`` does what ``cantilena ARGS`` does.
Writes ``{"runs": s, "loading": s}`` to REPORT: the seconds during which at least one model ran, and those that opening
the models took.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.recording import covered, record_models


def main() -> None:
    """Run the command; the report is written however it ends."""
    report, sys.argv = Path(sys.argv[1]), ["cantilena", *sys.argv[2:]]
    recording = record_models()
    from cantilena.interfaces.cli.main import run

    try:
        run()
    finally:
        times = {"runs": covered(recording.run_spans), "loading": covered(recording.loads)}
        report.write_text(json.dumps(times))


if __name__ == "__main__":
    main()
