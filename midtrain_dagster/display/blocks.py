"""What a section of the report is made of: plain frozen data, without a word of HTML.

Each room describes its section with these blocks (``ROOM/report_section.py``), and ``report``
renders them: one template a block. All text is escaped when it is rendered; the only markup that
enters the page is that of a :class:`Figure`, drawn by matplotlib.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

Outcome = Literal["better", "worse", "same", "chance", "passed", "failed", "dropped", "crossing"]
Tone = Literal["strong", "code", "name", "muted", "match"] | Outcome
"""What a piece of text means, which the page shows by its look. A name may be parted at its signs,
and so may ``strong`` and ``code``. A ``match`` is what one text has in common with another."""


@dataclass(frozen=True)
class Span:
    """A piece of text with a meaning. ``title`` is shown where one points at it."""

    text: str
    tone: Tone
    title: str | None = None


Line = str | Span | tuple[str | Span, ...]
"""Text on a line: plain, with a meaning, or pieces of both."""


@dataclass(frozen=True)
class Stack:
    """A cell of several lines: the first is the cell's value, the others are notes on it."""

    lines: tuple[Line, ...]


@dataclass(frozen=True)
class ShareBar:
    """A cell with a horizontal bar of ``share`` (of 1) of its width."""

    share: float
    strong: bool = False


@dataclass(frozen=True)
class Seconds:
    """A cell with the seconds that an asset took when it was made. They are no part of what was
    made, so only the page's copy has them (``report.colophon``)."""

    asset: str


Cell = Line | Stack | ShareBar | Seconds | None


@dataclass(frozen=True)
class Column:
    """A column's head; ``number`` sets the column to the right."""

    title: str
    number: bool = False


def columns(*titles: str) -> tuple[Column, ...]:
    """Columns from their titles; ``#`` in front of one says that it holds numbers."""
    return tuple(Column(title.removeprefix("#"), title.startswith("#")) for title in titles)


@dataclass(frozen=True)
class Heading:
    """A title inside a section."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph; a ``note`` is set smaller."""

    content: Line
    note: bool = False


@dataclass(frozen=True)
class Notice:
    """What a section says where it has nothing to show."""

    text: str


@dataclass(frozen=True)
class Code:
    """Text to be shown as it is."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table; each row has a cell for each column. A table wider than the page scrolls."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Figure:
    """A drawing with a caption. ``name`` is unique on the page."""

    name: str
    drawing: "Drawing"
    caption: Line


@dataclass(frozen=True)
class Card:
    """One example: labels, named fields, and quoted texts."""

    labels: tuple[Line, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    quote: str | None = None
    marked: Line | None = None
    """Another quoted text, in pieces of which some are marked."""


@dataclass(frozen=True)
class Cards:
    """Examples beside one another."""

    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Sides:
    """Examples on the two sides of a border; ``title`` says which border it is."""

    title: Line
    left_title: str
    left: tuple[Card, ...]
    right_title: str
    right: tuple[Card, ...]


@dataclass(frozen=True)
class Aside:
    """Set apart from the text: paragraphs, then a list, then code."""

    title: str
    paragraphs: tuple[Line, ...] = ()
    items: tuple[str, ...] = ()
    code: str | None = None


@dataclass(frozen=True)
class Folded:
    """Blocks that are shown when one asks for them; a ``warning`` says before what one may see."""

    summary: str
    blocks: tuple["Block", ...]
    warning: str = ""


@dataclass(frozen=True)
class Bars:
    """Neighbouring bars of a sparkline: the first column, and heights of 1 from there on."""

    start: int
    heights: tuple[float, ...]
    tone: Literal["in", "out", "bare"]


@dataclass(frozen=True)
class Sparkline:
    """A histogram as small as a word, ``columns`` wide, with upright lines at some columns."""

    columns: int
    bars: tuple[Bars, ...]
    lines: tuple[int, ...]
    title: str
    notes: tuple[Line, ...] = ()


@dataclass(frozen=True)
class MultiplesRow:
    """A row of small multiples: its name, notes on it, a sparkline for each column where there is
    one, and what is folded below the row."""

    name: str
    notes: tuple[Line, ...]
    sparklines: tuple[Sparkline | None, ...]
    below: Folded | None = None


@dataclass(frozen=True)
class SmallMultiples:
    """Rows of sparklines on the same columns; ``head`` names what a row is."""

    head: str
    columns: tuple[str, ...]
    rows: tuple[MultiplesRow, ...]


@dataclass(frozen=True)
class Box:
    """A box of a diagram, its upper left corner and the the lines of its name; ``size`` stands
    below them, smaller."""

    x: int
    y: int
    title: str
    lines: tuple[str, ...]
    size: str = ""


@dataclass(frozen=True)
class Diagram:
    """A graph: heads of columns (x and lines), boxes of one size, and curves between them.

    A curve is the path of a cubic: eight numbers, from its start over two handles to its end.
    """

    label: str
    caption: Line
    width: int
    height: int
    box: tuple[int, int]
    heads: tuple[tuple[int, tuple[str, ...]], ...]
    boxes: tuple[Box, ...]
    curves: tuple[tuple[int, int, int, int, int, int, int, int], ...]


@dataclass(frozen=True)
class KeyNumber:
    """One of the few numbers that stand for the whole run."""

    value: str
    words: str


@dataclass(frozen=True)
class KeyNumbers:
    """Key numbers in a row."""

    numbers: tuple[KeyNumber, ...]


@dataclass(frozen=True)
class Gate:
    """A gate that the run has passed: had it failed, there would be no report. ``detail`` is what
    it looked at, in one line."""

    name: str
    detail: str


Block = (
    Heading
    | Text
    | Notice
    | Code
    | Table
    | Figure
    | Cards
    | Sides
    | Aside
    | Folded
    | SmallMultiples
    | Diagram
    | KeyNumbers
)


@dataclass(frozen=True)
class PageSection:
    """A section of the report, offered by a room."""

    name: str
    """Its address on the page, unique."""
    title: str
    lead: Line | None
    """What the section is about."""
    blocks: tuple[Block, ...]
    short: str = ""
    """The title in the table of contents, where it differs."""
    numbers: tuple[KeyNumber, ...] = ()
    """What of the section belongs into the summary."""
    gates: tuple[Gate, ...] = ()


OFFENSIVE = "texts from the sources as they are, which may be offensive"
"""The warning in front of documents' texts."""

EXAMPLES = 5
"""Texts that are shown of one reason, at most."""


def examples(summary: str, cards: tuple[Card, ...]) -> tuple[Folded, ...]:
    """Texts of documents as examples, folded behind a warning; nothing without any."""
    return (Folded(summary, (Cards(cards),), OFFENSIVE),) if cards else ()


def short_id(identity: str) -> Span:
    """The start of a document's id, with the whole of it as its title."""
    return Span(identity[:12], "code", identity)


def decision_tag(reason: str) -> Span:
    """What was decided on a document: ``kept``, or why it was dropped."""
    return Span(reason, "passed" if reason == "kept" else "dropped")
