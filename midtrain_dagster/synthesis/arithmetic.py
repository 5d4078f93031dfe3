"""Plain calculations in a text, done again: ``3 + 4 = 7``, ``40 x 3 / 2 = 60``.

What a model adds to its passage is a number that nobody gave it, unless it comes out of a
calculation that stands there and is right. Products go before sums; a result may be rounded to
the digits that it is given with. What letters stand for, powers and brackets are not read: such a
line is no calculation, and proves nothing. Answers are compared symbolically elsewhere.
"""

import re
from fractions import Fraction
from typing import NamedTuple

VERSION = 1

_SIGNS = {"x": "*", "\u00d7": "*", "\u00b7": "*", "\u00f7": "/", "\u2212": "-", "\u2013": "-"}
_NUMBER = r"(?>[$\u20ac\u00a3]?\d{1,15}+(?:,\d{3})*+(?:\.\d{1,15}+)?)"
_UNIT = r"(?>\s?[^\W\d_]{2,15}+)?"
_SIGN = r"\s{0,3}[-+*/x\u00d7\u00b7\u00f7\u2212\u2013]\s{0,3}"
_EQUATION = re.compile(
    # No part of a longer one: neither behind a sign, nor with a result that is calculated with.
    rf"(?<![\w.,^(/*+-])(?<![-+*/x\u00d7\u00b7\u00f7\u2212\u2013]\s)"
    rf"{_NUMBER}{_UNIT}(?:{_SIGN}{_NUMBER}{_UNIT})+\s{{0,3}}=\s{{0,3}}{_NUMBER}"
    rf"(?!{_SIGN}[$\u20ac\u00a3]?\d)"
)
_PART = re.compile(rf"{_NUMBER}|[-+*/x\u00d7\u00b7\u00f7\u2212\u2013=]")
_WORD = re.compile(r"[^\W\d_]{2,}")


class Equation(NamedTuple):
    """A calculation as it stands in a text."""

    numbers: tuple[str, ...]
    """That are calculated with, without separators of thousands."""
    result: str
    right: bool


def equations(text: str) -> list[Equation]:
    """The calculations of a text, in their order."""
    return [_equation(found[0]) for found in _EQUATION.finditer(text)]


def derived(text: str) -> set[str]:
    """The results of a text's calculations that are right."""
    return {each.result for each in equations(text) if each.right}


def _equation(written: str) -> Equation:
    parts = [_plain(part) for part in _PART.findall(_WORD.sub(" ", written))]
    numbers, signs, result = parts[:-2:2], parts[1:-2:2], parts[-1]
    decimals = len(result.partition(".")[2])
    value = _value([Fraction(number) for number in numbers], signs)
    right = value is not None and abs(value - Fraction(result)) <= Fraction(1, 2 * 10**decimals) * (
        value.denominator != 1
    )
    return Equation(tuple(numbers), result, right)


def _plain(part: str) -> str:
    return _SIGNS.get(part, part.lstrip("$\u20ac\u00a3").replace(",", ""))


def _value(numbers: list[Fraction], signs: list[str]) -> Fraction | None:
    """What comes out; none where something is divided by nothing."""
    terms = [numbers[0]]
    for sign, number in zip(signs, numbers[1:], strict=True):
        if sign == "*":
            terms[-1] *= number
        elif sign == "/":
            if not number:
                return None
            terms[-1] /= number
        else:
            terms.append(number if sign == "+" else -number)
    return sum(terms, Fraction(0))
