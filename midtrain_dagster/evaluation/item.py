"""An item of a benchmark, as it is asked."""

from typing import NamedTuple


class Item(NamedTuple):
    """One item of a benchmark."""

    question: str
    choices: list[str]
    gold: int | None
    """The index of the right choice."""
    answer: str | None
