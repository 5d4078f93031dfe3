"""Markdown that a model wrote of a page, held against the page's text layer or another reading.

A text layer has the words of a page in the order in which the file draws them, which is not always
the order of reading: columns, boxes and captions come where they will. So two things are compared:
the **words** (which there are, how often), and **pairs** of neighbouring words, which stay together
inside a line and a paragraph wherever that stands. Words alone would accept a page that is
shuffled, a comparison of whole sequences would reject two columns that are read rightly.

What a text layer cannot show is checked by its form: rows of a pipe table have the same cells, and
dollar signs around formulas, and braces within them, go together. Formulas are taken out before
words are compared, for a text layer has nothing but their glyphs.
"""

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import NamedTuple

VERSION = 1

_WORD = re.compile(r"[^\W_]+")
_PARTED = re.compile(r"\ufffe\n?|[-\u00ad\u2010]\n(?=[^\W\d_])")
_FENCE = re.compile(r"^[ \t]*```[^\n]*$", re.MULTILINE)
_TAG = re.compile(r"<[A-Za-z/!][^<>]{0,300}>|!\[[^\[\]]{0,300}\]\([^()]{0,300}\)")
_CODE = re.compile(r"`[^`\n]{0,400}`")
_RULE = re.compile(r":?-+:?")
_CELL_END = re.compile(r"(?<!\\)\|")


class Agreement(NamedTuple):
    """How two readings of a page agree: 0 to 1, F-scores of what they count."""

    words: float
    pairs: float


class Form(NamedTuple):
    """What a page's Markdown has beside words."""

    tables: int
    broken_tables: int
    formulas: int
    balanced: bool
    """Whether the signs of its formulas go together."""


def agreement(one: str, other: str) -> Agreement:
    """How the words of two texts, and their neighbours, agree. 1 where both have none."""
    ours, theirs = words(one), words(other)
    return Agreement(_shared(ours, theirs), _shared(list(pairwise(ours)), list(pairwise(theirs))))


def words(text: str) -> list[str]:
    """The words of a text layer or of plain text, those whole that are parted at a line's end."""
    return _WORD.findall(_PARTED.sub("", text).casefold())


def plain(markdown: str) -> str:
    """Markdown without formulas, tags, images and fences: its words are those that are read."""
    texts, _ = _parted(_TAG.sub(" ", _FENCE.sub("", markdown)))
    return " ".join(texts)


def unfenced(completion: str) -> str:
    """An answer without the fence that a model puts around all of it."""
    lines = completion.strip().split("\n")
    whole = len(lines) > 1 and lines[0].startswith("```") and lines[-1].strip() == "```"
    return "\n".join(lines[1:-1] if whole else lines).strip()


def form(markdown: str, layer: str = "") -> Form:
    """Tables and formulas of a page. Dollar signs that its text ``layer`` has are of money."""
    sound, broken = _tables(markdown)
    text = _CODE.sub("", markdown).replace("\\$", "")
    signs = text.replace("$$", "").count("$")
    money = layer.count("$")
    if signs <= money:
        text = text.replace("$$", "\0").replace("$", "").replace("\0", "$$")
        signs = 0
    _, formulas = _parted(text)
    balanced = (
        text.count("$$") % 2 == 0
        and (signs % 2 == 0 or (signs - money) % 2 == 0)
        and all(each.count("{") == each.count("}") for each in formulas)
    )
    return Form(sound, broken, len(formulas), balanced)


def joined(pages: list[str]) -> str:
    """Pages as one text: a sentence that goes on on the next page is not parted."""
    text = pages[0]
    for before, page in pairwise(pages):
        goes_on = before[-1:].isalnum() or before.endswith((",", ";"))
        text += (" " if goes_on and page[:1].islower() else "\n\n") + page
    return text


def _shared(ours: Sequence[Hashable], theirs: Sequence[Hashable]) -> float:
    """Twice what is in both, of all that is in either."""
    both = (Counter(ours) & Counter(theirs)).total()
    return 2 * both / (len(ours) + len(theirs)) if ours or theirs else 1.0


def _parted(text: str) -> tuple[list[str], list[str]]:
    """The texts and the formulas of Markdown, by its dollar signs."""
    texts: list[str] = []
    formulas: list[str] = []
    for number, part in enumerate(text.split("$$")):
        if number % 2:
            formulas.append(part)
            continue
        for place, each in enumerate(part.split("$")):
            (formulas if place % 2 else texts).append(each)
    return texts, formulas


def _tables(markdown: str) -> tuple[int, int]:
    """How many pipe tables are well formed, and how many are not."""
    sound = broken = 0
    rows: list[str] = []
    for line in [*markdown.split("\n"), ""]:
        stripped = line.strip()
        if stripped.startswith("|"):
            rows.append(stripped)
            continue
        if rows:
            if _is_table(rows):
                sound += 1
            else:
                broken += 1
            rows = []
    return sound, broken


def _is_table(rows: list[str]) -> bool:
    cells = [_CELL_END.split(row.removesuffix("|"))[1:] for row in rows]
    same = len({len(each) for each in cells}) == 1
    return len(rows) > 1 and same and all(_RULE.fullmatch(each.strip()) for each in cells[1])
