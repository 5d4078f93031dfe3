"""Which lines of marked-up texts are running prose, and which of them are one paragraph.

One pass over what `markup` knows of the lines, which keeps account of what is open.
"""

import numpy as np
import polars as pl

from midtrain_dagster.core.jit import jit
from midtrain_dagster.curation.text.line_roles import (
    BEGINS,
    BLANK,
    COLON,
    CONTINUES,
    DROPPED,
    FRONT,
    HIDES,
    ITEM,
    LITERAL,
    OPENS,
    PROSE,
    UNTIL_BLANK,
)


def becomes(offsets: np.ndarray, lines: pl.DataFrame, code_indent: int) -> np.ndarray:
    """What becomes of each line: uint8, one of OUT, BEGINS and CONTINUES.

    Document ``i`` has the rows ``offsets[i]:offsets[i + 1]`` of ``lines``. ``closes`` has a bit for
    each mark, ``size`` is the length of a fence, ``marker`` that of an item's marker.
    """
    names = ("does", "indent", "marker", "opens", "closes", "size")
    return _becomes(offsets, *(lines[name].to_numpy() for name in names), code_indent)


@jit
def _becomes(offsets, does, indent, marker, opens, closes, size, code_indent):  # type: ignore[no-untyped-def]  # noqa: PLR0912, PLR0915
    result = np.zeros(does.size, np.uint8)
    for document in range(offsets.size - 1):
        first, behind = offsets[document], offsets[document + 1]
        mark, length = -1, 0  # what is open
        around = 0  # the length of a fence around prose
        hidden = -1  # deeper lines go
        pending, is_literal = -1, False  # deeper lines will go behind an empty line
        content = -1  # where the text of the open list's last item stands
        until_blank, in_code, in_paragraph, after_blank = False, False, False, True
        for line in range(first, behind):
            kind, depth = does[line], indent[line]
            if mark >= 0:
                if (closes[line] >> mark) & 1 and size[line] >= length:
                    mark, in_paragraph = -1, False
                continue
            if kind == BLANK:
                until_blank, in_paragraph, after_blank = False, False, True
                continue
            behind_blank, after_blank = after_blank, False
            if until_blank:
                continue
            if hidden >= 0:
                if depth > hidden:
                    continue
                hidden = -1
            if pending >= 0 and behind_blank:
                if depth > pending and (is_literal or kind != ITEM):
                    hidden, pending = pending, -1
                    continue
                pending = -1
            if behind_blank and depth == 0 and kind != ITEM:
                content = -1
            if code_indent and depth >= max(content, 0) + code_indent:
                in_code |= behind_blank and (kind != ITEM or content < 0)
            else:
                in_code = False
            if in_code:
                in_paragraph = False
            elif kind == OPENS:
                in_paragraph = False
                if opens[line] == PROSE:
                    around = size[line]
                elif around > 0 and size[line] == around and (closes[line] >> opens[line]) & 1:
                    around = 0
                elif opens[line] != FRONT:
                    mark, length = opens[line], size[line]
                elif line == first:
                    for later in range(first + 1, behind):
                        if (closes[later] >> FRONT) & 1:
                            mark, length = FRONT, 0
                            break
            elif kind == UNTIL_BLANK:
                until_blank, in_paragraph = True, False
            elif kind == HIDES:
                hidden, in_paragraph = depth, False
            elif kind == DROPPED:
                in_paragraph = False
            else:
                result[line] = CONTINUES if in_paragraph and kind != ITEM else BEGINS
                in_paragraph = True
                if kind == ITEM:
                    content = depth + marker[line]
                pending = -1
                if kind in (LITERAL, COLON):
                    pending, is_literal = depth + marker[line], kind == LITERAL
    return result
