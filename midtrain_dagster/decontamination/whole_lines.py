"""Which passages are lines by themselves: what a short question must be, to accuse a page.

"What does the Hebrew word mashiach mean?" amid a paragraph is what many write; as a line of its
own it is a question that somebody set. One word may stand before it in its line (a number, "Q").
"""

import re

LINE_BYTES = 200
"""What is looked at of a line on each side: more than that beside a passage, and it is none."""

_BEFORE = re.compile(r"\W*\w*\W*")
_AFTER = re.compile(r"[^\w\n]*(?:\n|\Z)")


def is_line(text: bytes, start: int, stop: int) -> bool:
    """Whether ``text[start:stop]`` (of valid UTF-8, at bounds of characters) is a line."""
    before = text[max(0, start - LINE_BYTES) : start].decode(errors="ignore")
    after = text[stop : stop + LINE_BYTES].decode(errors="ignore")
    cut = start > LINE_BYTES and "\n" not in before
    return not cut and bool(_BEFORE.fullmatch(before.rpartition("\n")[2]) and _AFTER.match(after))
