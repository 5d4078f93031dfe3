"""Programs in answers: the code blocks of a text, and what becomes of many programs that are run.

Every program that a model wrote is run in the sandbox (``midtrain_dagster.sandbox``) and nowhere
else. What comes back is the same in every run, but for a program near a limit: no times, a fixed
word for why it did not do, and Python's sets in one order.

A program that ends before its last line, by ``exit`` or ``os._exit``, may have passed over its
tests. So one more line is run behind it that prints a mark, and only who printed the mark has
succeeded. The mark is a hash of the program, which a program cannot hold within itself.
"""

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from midtrain_dagster.core.findings import Finding
from midtrain_dagster.inference.engine import FindPath
from midtrain_dagster.sandbox import run as sandbox
from midtrain_dagster.sandbox.availability import unavailable
from midtrain_dagster.sandbox.last_line import mark_of
from midtrain_dagster.sandbox.limits import Limits
from midtrain_dagster.sandbox.run import Ended, Outcome, Program, run_all
from midtrain_dagster.synthesis.method_config import MethodConfig

VERSION = 1
USES = (sandbox,)

LIMITS = Limits(seconds=20, cpu_seconds=4)
"""The processor's time is the limit that is met, for a busy machine is no fault of a program.
SelfCodeAlign gives 4 seconds too (Wei et al. 2024, arXiv 2410.24198, the published runner)."""

Reason = Literal[
    "failed",
    "ended_early",
    "crashed",
    "timed_out",
    "too_much_memory",
    "too_much_output",
]
"""Why a program did not do: an exception or an exit code; no word from its last line; a signal; a
limit of time, memory or output."""

PYTHON = frozenset({"python", "python3", "py"})
"""What fences call it."""

_FENCE = re.compile(r"[ \t]*(`{3,}(?=[^`]*$)|~{3,})[ \t]*(\S*)(.*)")
_KILLED: dict[Ended, Reason] = {
    "signalled": "crashed",
    "wall_time": "timed_out",
    "cpu_time": "timed_out",
    "memory": "too_much_memory",
    "output": "too_much_output",
}


class Block(NamedTuple):
    """A fenced code block of a text."""

    language: str
    """As its fence calls it, in lower case; empty: the fence says nothing."""
    code: str
    """Without the fences, as far left as they stand."""
    closed: bool
    """Whether a fence ends it. An answer that was cut leaves its last block open."""
    start: int
    stop: int
    """Where the block stands in the text with its fences, in characters."""


class Ran(NamedTuple):
    """What became of a program."""

    reason: Reason | None
    """None: it ran to its last line."""
    stdout: str
    stderr: str
    """Of an exception it tells where in memory something was, which differs between runs."""


class ExecutingConfig(MethodConfig):
    """What the sections of methods have in common that run what a model wrote."""

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """What the generator lacks on this machine, and the sandbox."""
        yield from super().findings(find)
        fault = unavailable()
        if fault:
            yield Finding(("method",), fault)


def code_blocks(text: str) -> list[Block]:
    """The fenced code blocks of a text in Markdown (CommonMark 0.31, section 4.5), in their order.

    Unlike there, a fence may stand in by any amount, as models write them below items of lists. A
    fence that is never closed ends with the text. The time is linear in the length of the text.
    """
    blocks: list[Block] = []
    opened: re.Match[str] | None = None
    lines: list[str] = []
    start = at = 0
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line) if line.lstrip(" \t")[:3] in ("```", "~~~") else None
        if opened is None:
            if fence:
                opened, lines, start = fence, [], at
        elif fence and fence[1].startswith(opened[1]) and not (fence[2] + fence[3]).strip():
            blocks.append(_block(opened, lines, start, at + len(line), closed=True))
            opened = None
        else:
            lines.append(line)
        at += len(line)
    if opened is not None:
        blocks.append(_block(opened, lines, start, at, closed=False))
    return blocks


def _block(
    opened: re.Match[str], lines: Sequence[str], start: int, stop: int, *, closed: bool
) -> Block:
    inset = opened.start(1)
    moved = [line[min(inset, len(line) - len(line.lstrip(" \t"))) :] for line in lines]
    return Block(opened[2].lower(), "".join(moved), closed, start, stop)


def python_blocks(text: str) -> list[Block]:
    """The code blocks that are called Python, and those of which nothing is said."""
    return [block for block in code_blocks(text) if not block.language or block.language in PYTHON]


def parsed(code: str) -> ast.Module | None:
    """The tree of a Python program; none: it is no Python, or deeper than the parser goes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes such as "\d" in what a model wrote
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def run_programs(programs: Sequence[str | Program], *, limits: Limits = LIMITS) -> list[Ran]:
    """Run programs in the sandbox, a core each at a time; equal ones are run once.

    Raises:
        SandboxError: no program can be run on this machine; see :class:`ExecutingConfig`.
    """
    asked = [Program(each) if isinstance(each, str) else each for each in programs]
    wanted = list(dict.fromkeys(asked))
    marks = [mark_of(each) for each in wanted]
    marked = [
        each._replace(text=f"{each.text}\n\nprint('\\n{mark}', flush=True)\n")
        for each, mark in zip(wanted, marks, strict=True)
    ]
    outcomes = run_all(marked, limits=limits)
    became = {
        each: _ran(outcome, mark)
        for each, outcome, mark in zip(wanted, outcomes, marks, strict=True)
    }
    return [became[each] for each in asked]


def _ran(outcome: Outcome, mark: str) -> Ran:
    printed, found, rest = outcome.stdout.rpartition(f"\n{mark}\n")
    finished = bool(found) and not rest
    return Ran(
        _reason(outcome, finished=finished),
        printed if finished else outcome.stdout,
        outcome.stderr,
    )


def _reason(outcome: Outcome, *, finished: bool) -> Reason | None:
    if outcome.ended in _KILLED:
        return _KILLED[outcome.ended]
    if outcome.exit_code:
        # Which of two limits is met first, that of a process or that of all, is a matter of luck.
        last = outcome.stderr.rstrip().rpartition("\n")[2]
        return "too_much_memory" if last.startswith("MemoryError") else "failed"
    return None if finished else "ended_early"
