r"""Whether two answers are the same: ``1/2``, ``0.5`` and ``\frac{1}{2}`` are.

Equal normal forms and numbers are settled here; what has a formula in it goes to math-verify (the
comparison of the Hugging Face maths leaderboards, on sympy) in a process of its own, one of each
process that asks, which is started when it is first needed. It is given 2 seconds of CPU time for a
comparison; one that takes longer (``9^{9^{9}}``) ends that process, the answers count as
*undecided*, and the next comparison gets a new one. So nothing here raises or hangs, in whatever
thread it is asked.

Words are compared as words: math-verify reads ``yes`` as a product of letters, the same as ``sey``.
Units count only where both answers have one; ``3 million`` is a number, and ``2 sin x`` and ``3mn``
are formulas.
"""

import json
import os
import re
import subprocess
import sys
import threading
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from midtrain_dagster.mathematics import comparison, final_answer
from midtrain_dagster.mathematics.final_answer import normal_form

VERSION = 2
USES = (comparison, final_answer)

LONGEST = 400
"""Characters of an answer that is parsed; longer ones are the same if their normal forms are."""
KEPT = 2**14  # verdicts that are remembered

Verdict = Literal["equal", "different", "undecided"]
"""What is found of two answers; undecided: it took too long, or they are too long to look at."""

_NUMBER = re.compile(
    r"[$€£]?([-+]?)[$€£]?(\d+|\d{1,3}(?:,\d{3})+)(\.\d+)?(?:/(\d+)|[eE]([-+]?\d{1,2}))?"
)
_QUANTITY = re.compile(r"([$€£]?[-+]?[$€£]?\d[\d,./]*)( ?[A-Za-z°][A-Za-z°. /]*(?:\^?[23])?)")
_SPACE = re.compile(r"(?<!\d) | (?!\d)")
_PROSE = re.compile(r"[^\W\d_]+(?:[ '\u2019-]+[^\W\d_]+)*")
_SYMBOLS = frozenset(["sqrt", "pi", "infinity", "oo", "ab", "ac", "bc", "xy", "xz", "yz", "abc"])
"""What looks like a word, and is none."""
_SHORT_UNITS = frozenset(f" {unit}" for unit in "mgshlLKNJWV")
"""Units of one letter, which count as such where white space stands before them."""
_UNITS = frozenset(
    [
        *("cm", "mm", "km", "dm", "nm", "in", "ft", "yd", "mi", "mil"),
        *("kg", "mg", "lb", "lbs", "oz", "ml", "cl", "dl", "gal", "mol", "cal"),
        *("hr", "hrs", "min", "sec", "ms", "am", "pm", "hz", "mph", "kph", "kmh", "rpm"),
        *("kw", "kj", "pa", "kpa", "mpa", "rad", "deg", "px", "kb", "mb", "gb", "tb"),
        *("usd", "eur", "gbp"),
    ]
)
"""Units of two letters, and those of three that may stand close to their number; other letters are
a product of variables."""
_NO_UNITS = frozenset(
    [
        *("and", "or", "to", "pi", "sin", "cos", "tan", "cot", "csc", "log", "ln", "exp"),
        *("mod", "sqrt", "lim", "max", "gcd", "lcm"),
    ]
)
"""Words behind a number that make more than a quantity of it."""
_SCALES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
}


def equal(one: str, other: str) -> bool:
    """Whether two answers are the same for certain: see :func:`compare`."""
    return compare(one, other) == "equal"


def compare(one: str, other: str) -> Verdict:
    """What is found of two answers, in whichever order; an empty one equals none."""
    first, second = sorted((normal_form(one), normal_form(other)))
    return _compare(first, second) if first else "different"


@lru_cache(KEPT)
def _compare(one: str, other: str) -> Verdict:
    """The verdict on two normal forms."""
    numbers = _number(one), _number(other)
    if _closed_up(one) == _closed_up(other) or (numbers[0] is not None and len({*numbers}) == 1):
        return "equal"
    if max(len(one), len(other)) > LONGEST:
        return "undecided"
    whole = all(each is not None and each.denominator == 1 for each in numbers)
    if whole or _is_prose(one) or _is_prose(other):
        return "different"
    return _compare_quantities(_quantity(one), _quantity(other))


def _compare_quantities(one: tuple[str, str], other: tuple[str, str]) -> Verdict:
    """The verdict on numbers with units, or on formulas, whose unit is empty."""
    if one[1] and other[1] and one[1] != other[1]:
        return "different"
    if one[1] or other[1]:
        return _compare(*sorted((one[0], other[0])))
    return _WORKER.compare(one[0], other[0])


def _closed_up(answer: str) -> str:
    """Without case, and without white space but that between digits."""
    return _SPACE.sub("", answer.casefold())


def _number(answer: str) -> Fraction | None:
    """The number that an answer is, if it is nothing else."""
    found = _NUMBER.fullmatch(answer) if len(answer) <= LONGEST else None
    if not found:
        return None
    sign, whole, decimals, under, exponent = found.groups()
    if under and not int(under):
        return None
    digits = whole.replace(",", "") + (decimals or "")
    number = Fraction(digits) * Fraction(10) ** int(exponent or 0) / int(under or 1)
    return -number if sign == "-" else number


def _is_prose(answer: str) -> bool:
    """Words alone, one of which is no symbol."""
    return bool(_PROSE.fullmatch(answer)) and any(
        len(word) > 1 and word.lower() not in _SYMBOLS for word in answer.split()
    )


def _quantity(answer: str) -> tuple[str, str]:
    """A number and its unit, in the singular; without a unit the answer as it stands."""
    found = _QUANTITY.fullmatch(answer)
    if not found:
        return answer, ""
    number, written = found.groups()
    unit = written.strip(" .").casefold()
    scale, *rest = unit.split() or [""]
    if scale in _SCALES and (many := _number(number)) is not None:
        number, unit = str(many * _SCALES[scale]), " ".join(rest)
    return (number, unit.removesuffix("s") or unit) if _is_unit(unit, written) else (answer, "")


def _is_unit(unit: str, written: str) -> bool:
    """Whether what is ``written`` behind a number names what there is so much of; a scale alone
    does, too."""
    letters = unit.rstrip("^23")
    if len(letters) == 1 and letters != "°":
        return written.rstrip("^23") in _SHORT_UNITS
    if len(letters) == 2 or (len(letters) == 3 and not written.startswith(" ")):
        return letters in _UNITS
    return letters not in _SYMBOLS and not _NO_UNITS & set(letters.split())


class Worker:
    """The process that compares, for as long as it lives; then another one."""

    def __init__(self) -> None:
        """No process is started before it is needed."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._asked = 0

    def compare(self, one: str, other: str) -> Verdict:
        """The verdict of math-verify."""
        with self._lock:
            self._asked += 1
            line = json.dumps([self._asked, one, other]) + "\n"
            found = self._answer(line)
        return "undecided" if found is None else "equal" if found else "different"

    def _answer(self, line: str) -> bool | None:
        """What the process says to a line; none: it ended over it, or cannot say."""
        process = self._running()
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(line)
            process.stdin.flush()
            for told in process.stdout:
                number, found = json.loads(told)
                # An earlier answer is there where somebody was interrupted while waiting for it.
                if number == self._asked:
                    return None if found is None else bool(found)
        except OSError:
            pass
        process.kill()
        process.wait()
        self._process = None
        return None

    def _running(self) -> "subprocess.Popen[str]":
        """A process of this process: after a fork the parent's is not to be asked."""
        if self._process is None or self._owner != os.getpid():
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                [sys.executable, "-m", comparison.__name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,
            )
        return self._process


_WORKER = Worker()
