"""What stands between two lines that become one: a space, or nothing between ideographs."""

import re

_UNSPACED = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]{2}")
"""Chinese and Japanese characters, which are written without spaces; Korean ones are not."""


def line_end(before: str, after: str) -> str:
    """What to put between two lines of a paragraph."""
    return "" if _UNSPACED.fullmatch(before[-1:] + after[:1]) else " "
