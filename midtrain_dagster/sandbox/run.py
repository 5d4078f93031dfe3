"""Programs that a model wrote are run here, and nowhere else.

Whatever a program does, :func:`run` returns within its limit of time and a few seconds, with what
it printed and why it ended; nothing that it started lives on, and nothing that it wrote is kept. A
pool of threads runs many at once: each waits for a process of its own.

The limits of the kernel are those of one process. So this process looks ten times a second at what
all processes of a program take together; between two looks they may take more, up to the limit of
each.

A program that has to be compiled first is compiled in the same sandbox, in limits of the compiler's
(``language.COMPILING``); the program's own count from where it begins.
"""

import contextlib
import fcntl
import json
import os
import select
import selectors
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from subprocess import PIPE, Popen
from typing import IO, Literal, NamedTuple

from midtrain_dagster.core.machine import usable_cores
from midtrain_dagster.sandbox.bubblewrap import command
from midtrain_dagster.sandbox.language import COMPILING
from midtrain_dagster.sandbox.limits import LIMITS, Limits
from midtrain_dagster.sandbox.process_tree import taken
from midtrain_dagster.sandbox.registry import LANGUAGES
from midtrain_dagster.sandbox.system_calls import call_filter

VERSION = 2

LOOK = 0.1  # seconds between two looks at a program
DRAIN = 5.0  # seconds until the pipes of a program that was killed are closed at the latest

SIGNALLED = 128
"""What bubblewrap and shells add to the number of a signal to make an exit code."""

MISSING = (
    "programs that a model wrote are run by bubblewrap alone, and it is not installed: "
    "apt-get install bubblewrap"
)

Ended = Literal["exited", "signalled", "wall_time", "cpu_time", "memory", "output"]


class SandboxError(RuntimeError):
    """No program can be run here; the message says why, and what to do."""


class Program(NamedTuple):
    """A program, and what it reads from its standard input."""

    text: str
    language: str = "python"
    input: str = ""


class Outcome(NamedTuple):
    """What became of a program."""

    ended: Ended
    """``exited`` and ``signalled`` by itself; otherwise the limit at which it was killed."""
    exit_code: int | None
    """None: it was killed, or ended by a signal."""
    signal: int | None
    stdout: str
    """What it printed, up to the limit of output; bytes that are no UTF-8 are replaced."""
    stderr: str
    """The same of its errors; a compiler's words come before."""
    seconds: float
    compiled: bool = True
    """Whether it began at all: false where the compiler refused it, or was stopped itself."""

    @property
    def succeeded(self) -> bool:
        """It ended by itself, with 0."""
        return self.exit_code == 0


def run(
    program: str, *, language: str = "python", input: str = "", limits: Limits = LIMITS
) -> Outcome:
    """Run a program in a sandbox, and wait for its end.

    Raises:
        SandboxError: bubblewrap could not be started, or not shut the program in.
        KeyError: a language that is not known.
    """
    kind = LANGUAGES[language]
    with (
        _file(program) as source,
        _file(input) as given,
        _file(call_filter()) as calls,
        _pipe() as (told, status),
        _pipe() as (begun, begins),
    ):
        words = command(
            kind,
            limits,
            program=source,
            calls=calls,
            status=status.fileno(),
            compiled=begins.fileno() if kind.compiler else None,
        )
        passed = source, calls, status.fileno(), *((begins.fileno(),) if kind.compiler else ())
        started = time.monotonic()
        process = _start(words, stdin=given, passed=passed)
        status.close()
        begins.close()
        watch = _Watch(process, limits, begun if kind.compiler else None)
        try:
            killed, stdout, stderr = watch.until_its_end()
        finally:
            _kill(process)
            process.wait()
        seconds = time.monotonic() - started
        code = _exit_code(told.read())
    out, error = (text.decode(errors="replace") for text in (stdout, stderr))
    if killed:
        return Outcome(killed, None, None, out, error, seconds, watch.has_begun)
    if code is None:
        raise SandboxError(f"no program can be run: {error.strip() or 'bubblewrap was killed'}")
    if code <= SIGNALLED:
        return Outcome("exited", code, None, out, error, seconds, watch.has_begun)
    number = code - SIGNALLED
    why: Ended = "cpu_time" if number == signal.SIGXCPU else "signalled"
    return Outcome(why, None, number, out, error, seconds, watch.has_begun)


def run_all(
    programs: Sequence[Program], *, limits: Limits = LIMITS, workers: int | None = None
) -> Iterator[Outcome]:
    """The outcomes of programs in their order, ``workers`` of them at a time (default: a core
    each)."""

    def each(program: Program) -> Outcome:
        return run(program.text, language=program.language, input=program.input, limits=limits)

    with ThreadPoolExecutor(workers or usable_cores()) as pool:
        futures = [pool.submit(each, program) for program in programs]
        try:
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _start(words: list[str], *, stdin: int, passed: tuple[int, ...]) -> "Popen[bytes]":
    # Its first process keeps the environment that it was started with, for all to read.
    try:
        return Popen(
            words,
            stdin=stdin,
            stdout=PIPE,
            stderr=PIPE,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            pass_fds=passed,
        )
    except FileNotFoundError as error:
        raise SandboxError(MISSING) from error


class _Watch:
    """A program under watch, and its compiler before it where it has one."""

    def __init__(self, process: "Popen[bytes]", limits: Limits, begun: IO[bytes] | None) -> None:
        """``begun`` is where a byte comes when the program begins; none: it has."""
        self.has_begun = begun is None
        self._process, self._of_program, self._begun = process, limits, begun
        self._starts(limits if self.has_begun else COMPILING, cpu_seconds=0)

    def _starts(self, limits: Limits, cpu_seconds: float) -> None:
        """Time and processor count from here, where so much of the processor is taken already."""
        now = time.monotonic()
        self._limits, self._cpu_before = limits, cpu_seconds
        self._deadline, self._next_look = now + limits.seconds, now + LOOK

    def until_its_end(self) -> tuple[Ended | None, bytes, bytes]:
        """Read what it prints until it ends or meets a limit: why it was killed, and the texts."""
        process = self._process
        pipes: list[IO[bytes]] = [pipe for pipe in (process.stdout, process.stderr) if pipe]
        texts = {pipe: bytearray() for pipe in pipes}
        killed: Ended | None = None
        left = self._of_program.output_bytes
        with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
            for pipe in pipes:
                stack.enter_context(pipe)
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select(LOOK):
                    pipe = next(each for each in pipes if each is key.fileobj)
                    chunk = os.read(pipe.fileno(), 2**16)
                    if not chunk:
                        selector.unregister(pipe)
                    kept = chunk[: max(left, 0)]
                    texts[pipe] += kept
                    left -= len(chunk)
                self._look_for_its_beginning()
                now = time.monotonic()
                if killed:
                    if now > self._deadline:
                        break
                    continue
                killed = "output" if left < 0 else "wall_time" if now > self._deadline else None
                if not killed and now > self._next_look:
                    killed = self._excess()
                    self._next_look = now + LOOK
                if killed:
                    _kill(process)
                    self._deadline = now + DRAIN
        stdout, stderr = (bytes(texts[pipe]) for pipe in pipes)
        return killed, stdout, stderr

    def _look_for_its_beginning(self) -> None:
        """From where it begins the program's own limits hold."""
        if self.has_begun or self._begun is None:
            return
        ready, _, _ = select.select([self._begun], [], [], 0)
        if ready and os.read(self._begun.fileno(), 1):
            self.has_begun = True
            self._starts(self._of_program, taken(self._process.pid).cpu_seconds)

    def _excess(self) -> Ended | None:
        """The limit that all its processes have passed together."""
        cpu_seconds, memory_bytes = taken(self._process.pid)
        if memory_bytes > self._limits.memory_bytes:
            return "memory"
        return "cpu_time" if cpu_seconds - self._cpu_before > self._limits.cpu_seconds else None


def _kill(process: "Popen[bytes]") -> None:
    """End bubblewrap, and with it the whole sandbox. It is not waited for, so its number is its."""
    os.kill(process.pid, signal.SIGKILL)


def _exit_code(told: bytes) -> int | None:
    """The program's exit code as bubblewrap told it; none: it never came to run to its end."""
    said = [json.loads(line) for line in told.decode().splitlines()]
    return next((each["exit-code"] for each in said if "exit-code" in each), None)


@contextmanager
def _file(content: str | bytes) -> Iterator[int]:
    """An open file in memory that can be read from its start, and not be written to."""
    data = content.encode(errors="replace") if isinstance(content, str) else content
    descriptor = os.memfd_create("given", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as stream:
            stream.write(data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        sealed = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, sealed)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """A pipe's two ends; who gives away the writing end closes it."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "wb") as writer:
        yield reader, writer
