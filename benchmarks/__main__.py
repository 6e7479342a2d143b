"""Run every benchmark, each in a process of its own so that none leaves its memory or caches to the next.

``python -m benchmarks`` runs all of them, ``python -m benchmarks read_scores sing_speed`` those two.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.table import machine

PROGRAMS = (
    "read_scores", "pronunciation", "sing_speed", "sing_memory", "one_word_changed", "usual_bank_speed",
    "usual_bank_precision", "usual_bank_memory", "quality", "mcp_worker", "http_polls", "bucket_download",
    "judge_lines",
)  # fmt: skip


def main() -> int:
    """Run the programs asked for, in order; 1 when one of them could not run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(PROGRAMS)}; default: all")
    asked = parser.parse_args().programs or PROGRAMS
    for name in asked:
        if name not in PROGRAMS:
            parser.error(f"there is no benchmark {name!r}; there are {', '.join(PROGRAMS)}")
    print(f"measured on {machine()}", flush=True)
    failed = []
    for name in asked:
        print(flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nnot completed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
