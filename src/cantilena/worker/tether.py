"""Run a command that is killed when the process that asked for it ends, however that ends (Linux).

A program of its own, run by path without the package: ``python -I -S tether.py PARENT COMMAND...``. It asks the kernel
for the signal and becomes the command; the wish survives that. Whatever else has to be done before a command starts
would have to be done between fork and exec, which is not safe in a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel knew the wish
        sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
