"""Exec a program that the kernel kills when its starter dies.

    python -I -S launch.py STARTER_PID SIGNAL_NUMBER PROGRAM [ARGUMENT ...]

Runs as a script of its own, standard library only. The parent-death signal survives exec but not fork, so it must be
set in the very process that becomes the program. It is bound to the *thread* that forked: start from a main thread.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Set the parent-death signal, make sure that the starter still lives, become the program."""
    starter, number, program = int(arguments[0]), int(arguments[1]), arguments[2:]
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        sys.exit(f"prctl(PR_SET_PDEATHSIG): {os.strerror(ctypes.get_errno())}")
    if os.getppid() != starter:
        sys.exit("the starter is gone")
    # A Python parent ignores SIGPIPE, and ignored signals are inherited; programs expect the default.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(program[0], program)  # noqa: S606
    except OSError as error:
        sys.exit(f"{program[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
