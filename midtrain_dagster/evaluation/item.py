"""An item of a benchmark, as it is asked."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Item(NamedTuple):
    """One item of a benchmark."""

    question: str
    choices: list[str]
    gold: int | None
    """The index of the right choice."""
    answer: str | None
    passage: str = ""
    """What the question is about, which stands before it."""
    contexts: tuple[str, ...] = ()
    """Of items whose choices stand in the question: it with each of them, of which the same answer
    is the rest (WinoGrande)."""
    about: str = ""
    """What a prompt says once, before examples and question."""
    row: Mapping[str, Any] = MappingProxyType({})
    """All that its file says of it."""
