"""What the terminal's explanations are made of: styled text, pairs and tables, safe to print.

Text of documents is shown as text: control characters, which could move the cursor or change the
terminal's title, and characters that reverse the order of reading are made visible.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

Blocks = Iterator["RenderableType"]

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: object) -> str:
    """A text with nothing in it that a terminal would obey."""

    def shown(match: re.Match[str]) -> str:
        code = ord(match.group())
        return chr(0x2400 + code) if code < 0x20 else f"<U+{code:04X}>"

    return _UNSEEN.sub(shown, str(text))


def styled(*parts: str | tuple[str, str]) -> "Text":
    """Texts one after the other, each plain or with a style."""
    from rich.text import Text

    return Text.assemble(
        *(visible(part) if isinstance(part, str) else (visible(part[0]), part[1]) for part in parts)
    )


def indented(*parts: str | tuple[str, str]) -> "Padding":
    """The same, set off from the left with every line that it is wrapped into."""
    from rich.padding import Padding

    return Padding(styled(*parts), (0, 0, 0, 4))


def pairs(rows: Mapping[str, Any]) -> "Table":
    """Names with their values, a line each."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(styled(name), styled(str(value)))
    return table


def new_table(*columns: str) -> "Table":
    """An empty table; a column whose name begins with ``#`` is of numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        right = column.startswith("#")
        table.add_column(column.removeprefix("#"), justify="right" if right else "left")
    return table


def one_line(text: str) -> str:
    """A text on one line."""
    return re.sub(r"\s", " ", text)


def shorten_start(text: str, characters: int) -> str:
    """The end of a text, whole words, with a sign that there is more before it."""
    if len(text) <= characters:
        return text
    return "… " + text[-characters:].split(" ", 1)[-1]


def shorten(text: str, characters: int) -> str:
    """The beginning of a text, whole words, with a sign that there is more."""
    if len(text) <= characters:
        return text
    return text[:characters].rsplit(" ", 1)[0] + " …"
