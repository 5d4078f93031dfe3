"""Posts of forums, HTML of a few elements, as the Markdown that their authors wrote.

Trafilatura is made for pages and drops short fragments; a post has no boilerplate, and its code and
lists must keep their lines. Links and emphasis become their text, pictures go.
"""

from itertools import pairwise
from typing import NamedTuple

_PARAGRAPHS = {"p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "hr", "pre", "blockquote"}
_BLOCKS = _PARAGRAPHS | {"ul", "ol", "li"}


def markdown(html: str) -> str:
    """The text of a post; blocks are separated by empty lines, items of a list by line ends."""
    from lxml import etree
    from lxml.html import HTMLParser, fragment_fromstring

    parser = HTMLParser(remove_comments=True, remove_pis=True)
    try:
        root = fragment_fromstring(html, create_parent=True, parser=parser)
    except etree.ParserError:
        return ""  # nothing in it
    post = _Post()
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            post.start(element.tag)
            post.add(element.text)
        else:
            post.end(element.tag)
            if element is not root:
                post.add(element.tail)
    return post.text()


class _Block(NamedTuple):
    text: str
    starts_item: bool
    in_list: bool


class _Post:
    """Collects the blocks of a post in order."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._inline: list[str] = []
        self._quotes = 0
        # The lists that are open: the number of the last item, or None for bullets.
        self._lists: list[int | None] = []
        self._marker = ""
        self._verbatim = False

    def start(self, tag: str) -> None:
        """An element begins."""
        if tag in _BLOCKS:
            self._end_block()
        match tag:
            case "pre":
                self._verbatim = True
            case "code" if not self._verbatim:
                self._inline.append("`")
            case "br":
                self._inline.append("\n")
            case "blockquote":
                self._quotes += 1
            case "ul" | "ol":
                self._lists.append(0 if tag == "ol" else None)
            case "li":
                self._marker = self._next_marker()

    def end(self, tag: str) -> None:
        """An element ends."""
        if tag in _BLOCKS:
            self._end_block()
        match tag:
            case "pre":
                self._verbatim = False
            case "code" if not self._verbatim:
                self._inline.append("`")
            case "blockquote":
                self._quotes -= 1
            case "ul" | "ol":
                self._lists.pop()

    def add(self, text: str | None) -> None:
        """Text inside or between elements."""
        if text:
            # The only line ends outside of <pre> that count are those of <br>.
            self._inline.append(text if self._verbatim else text.replace("\n", " "))

    def text(self) -> str:
        """All blocks."""
        if not self._blocks:
            return ""
        rest = (
            ("\n" if after.starts_item and before.in_list else "\n\n") + after.text
            for before, after in pairwise(self._blocks)
        )
        return self._blocks[0].text + "".join(rest)

    def _next_marker(self) -> str:
        if not self._lists or self._lists[-1] is None:
            return "- "
        number = self._lists[-1] + 1
        self._lists[-1] = number
        return f"{number}. "

    def _end_block(self) -> None:
        """Finish the paragraph, the item or the piece of code that is open."""
        text = "".join(self._inline)
        self._inline = []
        if not text.strip():
            return
        if self._verbatim:
            lines = ["```", *text.strip("\n").split("\n"), "```"]
        else:
            lines = [" ".join(line.split()) for line in text.strip().split("\n")]
        marker, self._marker = self._marker, ""
        outer = "> " * self._quotes + "  " * max(len(self._lists) - 1, 0)
        inner = " " * len(marker) if marker else "  " * bool(self._lists)
        starts = [outer + (marker or inner), *[outer + inner] * (len(lines) - 1)]
        text = "\n".join((start + line).rstrip() for start, line in zip(starts, lines, strict=True))
        self._blocks.append(_Block(text, bool(marker), bool(self._lists)))
