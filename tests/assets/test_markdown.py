import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assets.build import markdown_table

HOSTILE = (
    *("<img src=http://x>", "![p](http://x)", "[a](javascript:b)", "<script>", "<!--", "&lt;"),
    *("[r]: http://x", "`", "|", "\\", "]", "(", "text", "\n", "\r", "\u2028", "\n| a |"),
)


@given(st.lists(st.sampled_from(HOSTILE)))
def test_text_in_a_table_is_text(pieces: list[str]) -> None:
    """Judged by a renderer: no tag, link or picture comes of a cell, and no other cell."""
    cell = "".join(pieces)
    table = markdown_table(("a", "b"), [(cell, "end")]).value
    html = MarkdownIt("commonmark").enable("table").render(str(table))
    assert set(re.findall(r"<(\w+)", html)) == {"table", "thead", "tbody", "tr", "th", "td"}
    first, last = re.findall(r"<td[^>]*>(.*?)</td>", html)
    assert last == "end"
    assert unescape(first).split() == cell.split()


@given(st.lists(st.tuples(st.sampled_from((*HOSTILE, "*", "**", " text ")), st.booleans())))
def test_marked_text_is_text_in_bold(pieces: list[tuple[str, bool]]) -> None:
    """Judged by a renderer: of a cell in pieces comes no tag but that of what is marked."""
    value = str(markdown_table(("a", "b"), [(tuple(pieces), "end")]).value)
    html = MarkdownIt("commonmark").enable("table").render(value)
    tags = set(re.findall(r"<(\w+)", html))
    assert tags <= {"table", "thead", "tbody", "tr", "th", "td", "strong", "em"}
    assert len(re.findall(r"<td", html)) == 2


def test_a_marked_piece_is_bold() -> None:
    value = str(
        markdown_table(("a",), [((("say ", False), ("hello *", True), (" now", False)),)]).value
    )
    html = MarkdownIt("commonmark").enable("table").render(value)
    assert "say <strong>hello *</strong> now" in html
