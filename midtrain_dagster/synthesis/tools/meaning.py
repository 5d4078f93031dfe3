"""Whether a request says what a call is called with: the check of meaning that needs no judge.

A call answers a request only if each of its arguments stands in the request or follows from it: a
number in digits or in words, a text as it is, a date in ISO's form or spelt out, each element of a
list. What stands nowhere was made up. A truth value and the schema's default follow from what is
asked more than from a word of it, so they pass.

Trade-off: it is a check of words. A request that names the value and wants something else passes;
a judge (``synthesis.judging``) is asked about that.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

VERSION = 1

LARGEST = 2**1000
"""Beyond it a whole number is none that a request says."""

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_SPACE = re.compile(r"\s+")
_TO_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
_UNITS = _TO_TWENTY.split()
_OF_A_YEAR = "january february march april may june july august september october november december"
_MONTHS = _OF_A_YEAR.split()


def unsaid(arguments: Mapping[str, Any], schema: Mapping[str, Any], request: str) -> list[str]:
    """The parameters whose values do not stand in a request, in their order."""
    properties = schema.get("properties", {})
    page = _Page(request)
    return [
        name
        for name, value in arguments.items()
        if not _follows(value, properties.get(name, {})) and not page.says(value)
    ]


def says_all(values: Any, request: str) -> bool:
    """Whether every value of some arguments stands in a request, truth values apart."""
    return _Page(request).says(values)


def numbers_in(text: str) -> set[float]:
    """The different numbers of a text that stand there in digits."""
    return {float(each.replace(",", "")) for each in _NUMBER.findall(text)}


class _Page:
    """A request, read once."""

    def __init__(self, text: str) -> None:
        self.text = _folded(text)
        self.numbers = numbers_in(text)
        words = set(re.findall(r"[a-z]+", self.text))
        self.numbers |= {float(at) for at, word in enumerate(_UNITS) if word in words}

    def says(self, value: Any) -> bool:
        """Whether a value stands here, or each of those that it holds."""
        if value is None or isinstance(value, bool):
            return True
        if isinstance(value, int | float):
            return abs(value) < LARGEST and float(value) in self.numbers
        if isinstance(value, str):
            return any(_stands(each, self.text) for each in _spellings(value))
        each = value.values() if isinstance(value, Mapping) else value
        return all(self.says(one) for one in each)


def _follows(value: Any, schema: Mapping[str, Any]) -> bool:
    return "default" in schema and value == schema["default"]


def _stands(value: str, text: str) -> bool:
    """Whether a text stands in another, and not inside a longer word or number of it."""
    at = text.find(value)
    while at >= 0:
        before, behind = text[at - 1 : at], text[at + len(value) : at + len(value) + 1]
        inside = (before.isalnum() and value[:1].isalnum()) or (
            behind.isalnum() and value[-1:].isalnum()
        )
        if not inside:
            return True
        at = text.find(value, at + 1)
    return False


def _spellings(value: str) -> Iterator[str]:
    """How a text may stand in a request, in lower case."""
    yield _folded(value)
    found = _DATE.fullmatch(value)
    if found and 1 <= int(found[2]) <= 12:
        year, month, day = found[1], _MONTHS[int(found[2]) - 1], int(found[3])
        for name in (month, month[:3]):
            yield from (f"{name} {day}, {year}", f"{day} {name} {year}", f"{name} {day} {year}")


def _folded(text: str) -> str:
    return _SPACE.sub(" ", text).strip().lower()
