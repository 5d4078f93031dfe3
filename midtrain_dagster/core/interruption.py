"""Ctrl-C, and the polite kill: noted when they come, whoever handles signals at that moment.

Dagster, Ray and PyArrow each put handlers of their own in the place of Python's for a while. What
comes is noted beneath all of them, by Python's wake-up descriptor. The first signal is left to who
handles it: it raises where the work is, and what is open is closed on the way out. The second ends
the process at once.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STOPPING = (signal.SIGINT, signal.SIGTERM)

_came: list[int] = []
_noted = threading.Event()


def came() -> bool:
    """Whether a person (or their system) has asked this process to stop."""
    return bool(_came)


def exit_code() -> int:
    """What a shell expects of a process that a signal has stopped: 128 and its number."""
    # The number is on its way from the moment of the signal.
    _noted.wait(1)
    return 128 + (_came[0] if _came else signal.SIGINT)


@contextmanager
def noted() -> Iterator[None]:
    """Note what comes while the body runs; SIGTERM raises ``KeyboardInterrupt`` as SIGINT does.

    To be entered in the main thread. Where the body is left by an interruption, no further one is
    raised: who is cleaning up is not disturbed, and the second still ends the process.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    descriptor = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    handlers = {each: signal.getsignal(each) for each in STOPPING}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    watcher = threading.Thread(target=_watch, args=(reading,), name="signals", daemon=True)
    watcher.start()
    interrupted = False
    try:
        yield
    except KeyboardInterrupt:
        interrupted = True
        for each in STOPPING:
            signal.signal(each, lambda *_: None)
        raise
    finally:
        if not interrupted:
            signal.set_wakeup_fd(descriptor)
            os.close(writing)  # the watcher reads the end, and closes its own
            for each, handler in handlers.items():
                signal.signal(each, handler)


@contextmanager
def plain() -> Iterator[None]:
    """Around a call that waits in Ray: what comes raises ``KeyboardInterrupt``, whatever else is
    raised outside. Ray's core, from which Python's handlers are called while it waits, knows that
    one alone: Dagster's own it drops, and the wait goes on as if nothing had come."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {each: signal.getsignal(each) for each in STOPPING}
    for each in STOPPING:
        signal.signal(each, signal.default_int_handler)
    try:
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)


def _watch(reading: int) -> None:
    while number := os.read(reading, 1):
        if number[0] not in STOPPING:
            continue
        if _came:
            os._exit(128 + _came[0])
        _came.append(number[0])
        _noted.set()
        print("\nstopping; once more ends it at once", file=sys.stderr, flush=True)
    os.close(reading)
