"""Counts of tokens as people write them: ``400k``, ``2M``, ``50B``, ``7.2T``."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

PATTERN = r"^[0-9][0-9_]*(\.[0-9]+)?[kMBT]?$"
"""How a count is written that is no plain number."""

_SUFFIXES = {"k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def parse_tokens(value: Any) -> Any:
    """The number that a string stands for; anything but a string is returned as it is.

    Raises ``ValueError`` for a string that is no whole number of tokens.
    """
    if not isinstance(value, str):
        return value
    number, scale = value.strip(), 1
    if number[-1:] in _SUFFIXES:
        number, scale = number[:-1], _SUFFIXES[number[-1]]
    try:
        count = Decimal(number) * scale
    except InvalidOperation:
        raise ValueError(f"{value!r} is no count of tokens: write 400k, 7.2T or 400000") from None
    if count != count.to_integral_value():
        raise ValueError(f"{value!r} is not a whole number of tokens")
    return int(count)


Tokens = Annotated[
    int,
    BeforeValidator(parse_tokens),
    Field(ge=1),
    WithJsonSchema({"type": ["integer", "string"], "minimum": 1, "pattern": PATTERN}),
]
"""A number of tokens in a recipe, from 1."""


def tokens_in_words(count: int) -> str:
    """A count with the largest suffix that needs no more than two decimals: ``2.87T``. What
    ``parse_tokens`` reads is the same count."""
    for suffix, size in sorted(_SUFFIXES.items(), key=lambda each: -each[1]):
        if count >= size and 100 * count % size == 0:
            return f"{(Decimal(count) / size).normalize():f}{suffix}"
    return str(count)
