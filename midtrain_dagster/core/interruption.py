"""Ctrl-C, and the polite kill: noted when they come, whoever handles signals at that moment.

Dagster, Ray and PyArrow each put handlers of their own in the place of Python's for a while. What
comes is noted beneath all of them, by Python's wake-up descriptor. The first signal is left to who
handles it: it raises where the work is, and what is open is closed on the way out. The second ends
the process at once.
"""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

AFTER_THE_HOOK = 0.05
"""Seconds until what was lost is raised again."""

STOPPING = (signal.SIGINT, signal.SIGTERM)

_came: list[int] = []
_noted = threading.Event()


def came() -> bool:
    """Whether a person (or their system) has asked this process to stop."""
    return bool(_came)


def exit_code() -> int:
    """What a shell expects of a process that a signal has stopped: 128 and its number."""
    # The number is on its way from the moment of the signal, and so is the watcher's line.
    _noted.wait(1)
    # An interruption that leaves text which is executed (classes are made so) is one that nobody
    # has caught to CPython, which ends itself by the signal then; the next text takes that back.
    exec("")  # noqa: S102 (of nothing)
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
    handlers, hook = {each: signal.getsignal(each) for each in STOPPING}, sys.unraisablehook
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.unraisablehook = _raised_again
    watcher = threading.Thread(target=_watch, args=(reading,), name="signals", daemon=True)
    watcher.start()
    interrupted = False
    try:
        yield
    except KeyboardInterrupt:
        interrupted = True
        for each in STOPPING:
            signal.signal(each, _ignored)
        raise
    finally:
        if not interrupted:
            signal.set_wakeup_fd(descriptor)
            os.close(writing)  # the watcher reads the end, and closes its own
            sys.unraisablehook = hook
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


def _raised_again(unraisable: "sys.UnraisableHookArgs") -> None:
    """Raise an interruption once more that came while Python could let nobody catch it, in a
    callback of its memory's: there it would be printed, and then be lost."""
    kind = unraisable.exc_type
    if not (issubclass(kind, KeyboardInterrupt) or (came() and not issubclass(kind, Exception))):
        sys.__unraisablehook__(unraisable)
    elif signal.getsignal(signal.SIGINT) is not _ignored:
        main = ctypes.c_ulong(threading.main_thread().ident or 0)
        asked = ctypes.pythonapi.PyThreadState_SetAsyncExc, (main, ctypes.py_object(kind))
        # From another thread and a moment later: else it would be raised in here, and lost again.
        threading.Timer(AFTER_THE_HOOK, *asked).start()


def _ignored(*_: object) -> None:
    """The handler while what is open is closed."""


def _watch(reading: int) -> None:
    while number := os.read(reading, 1):
        if number[0] not in STOPPING:
            continue
        if _came:
            os._exit(128 + _came[0])
        _came.append(number[0])
        print("\nstopping; once more ends it at once", file=sys.stderr, flush=True)
        _noted.set()  # after it is said: the last line, which waits for this, stays the last
    os.close(reading)
