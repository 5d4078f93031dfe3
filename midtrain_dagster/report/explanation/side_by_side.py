"""Two texts beside each other, word by word, with what differs marked (Python's difflib).

Bounded: difflib needs up to quadratic time, so only the first words are compared, and words that
make up more than a hundredth of a long text start no match (difflib's own shortcut). Long runs of
words that agree are cut in the middle, because what one looks for is the difference.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

WORDS = 1_000
"""Words compared of each text."""

CONTEXT = 8
"""Words shown on either side of a difference."""

DIFFERENCES = 40
"""Differences shown."""


class Piece(NamedTuple):
    """A run of words as it stands on both sides; ``same`` if they agree."""

    same: bool
    left: str
    right: str


def pieces(left: str, right: str) -> Iterator[Piece]:
    """The beginnings of two texts as runs that agree or differ, in order.

    Texts whose first words all agree give one piece; a last one in brackets says what was not
    compared or not shown.
    """
    a, b = _words(left), _words(right)
    found = 0
    for tag, i, j, k, m in SequenceMatcher(None, a, b).get_opcodes():
        if tag == "equal":
            run = _shortened(a[i:j], first=i == 0, last=j == len(a))
            yield Piece(True, run, run)
            continue
        found += 1
        if found > DIFFERENCES:
            note = f"[more differences follow; the first {DIFFERENCES} are shown]"
            yield Piece(True, note, note)
            return
        yield Piece(False, " ".join(a[i:j]), " ".join(b[k:m]))
    if max(len(a), len(b)) == WORDS:
        note = f"[the first {WORDS:,} words were compared]"
        yield Piece(True, note, note)


def _words(text: str) -> list[str]:
    found = re.finditer(r"\S+", text)
    return [match.group() for match, _ in zip(found, range(WORDS), strict=False)]


def _shortened(words: list[str], *, first: bool, last: bool) -> str:
    """A run that agrees, cut where it is far from a difference."""
    before, after = (0 if first and not last else CONTEXT), (0 if last and not first else CONTEXT)
    cut = len(words) - before - after
    if cut <= CONTEXT:
        return " ".join(words)
    shown = [*words[:before], f"[{cut:,} words the same]", *words[len(words) - after :]]
    return " ".join(shown)
