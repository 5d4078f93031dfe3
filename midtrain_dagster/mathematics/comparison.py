"""Compares answers in a process of its own: math-verify, which sympy may keep busy for ever.

Run as a module, it reads a JSON array of two answers a line and writes ``true`` or ``false`` a
line. A kernel timer of the process's own CPU time ends it where a comparison takes too long, in
whatever C code it is; no handler of Python's is needed, and none of math-verify's (which need the
main thread). Its memory is bounded likewise.
"""

import json
import logging
import os
import resource
import signal
import sys

VERSION = 1

CPU_SECONDS = 2.0
"""CPU time of one comparison, at most. Sound ones take milliseconds."""
MEMORY_BYTES = 2 * 2**30
"""Of addresses, more than the process has when it is ready."""


def same(one: str, other: str) -> bool:
    """Whether two answers in normal form are the same to math-verify, in either order: it takes
    one of them for the true one, and ``x = 1`` for 1."""
    import math_verify

    parsed = [math_verify.parse(f"${each}$", parsing_timeout=0) for each in (one, other)]
    return any(
        math_verify.verify(gold, told, timeout_seconds=0) for gold, told in (parsed, parsed[::-1])
    )


def serve() -> None:
    """Compare what stands on each line of the standard input, until there is no more."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    sys.stdout = sys.stderr
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    same("1", "x")  # whatever is imported late
    with open("/proc/self/statm") as sizes:  # noqa: PTH123
        taken = int(sizes.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY_BYTES, taken + MEMORY_BYTES))
    for line in sys.stdin:
        number, one, other = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        try:
            found = same(one, other)
        except Exception:  # whatever it is: the two are undecided, which whoever asks counts
            found = None
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(json.dumps([number, found]) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
