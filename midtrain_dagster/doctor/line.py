"""What the doctor says: lines, each of a section, each said, doubted or wrong."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

Level = Literal["said", "doubt", "wrong"]


class Line(NamedTuple):
    """One line about a checkpoint."""

    section: str
    text: str
    level: Level = "said"


def lines(section: str, look: Callable[[], Iterable[tuple[str, Level]]]) -> Iterator[Line]:
    """The lines of a section. What makes a look impossible is one line of it: whatever stands in a
    folder from elsewhere, a library may raise anything for."""
    try:
        for text, level in look():
            yield Line(section, text, level)
    except Exception as error:  # one clear line of each broken part, and the rest goes on
        told = " ".join(str(error).split())
        if not told or isinstance(error, LookupError):
            told = f"it cannot be looked at: {error!r}"
        yield Line(section, told[:400], "wrong")


def said(text: str) -> tuple[str, Level]:
    """Something to know."""
    return text, "said"


def doubt(text: str) -> tuple[str, Level]:
    """Something that may go wrong."""
    return text, "doubt"


def wrong(text: str) -> tuple[str, Level]:
    """Something that has to be mended."""
    return text, "wrong"
