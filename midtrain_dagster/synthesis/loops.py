"""Text that goes round in a circle, as small models write it until they are cut off."""

import re

import numpy as np

VERSION = 1

LONGEST_PERIOD = 24
"""Words of a circle."""
REPEATS = 6
"""Times that a circle of several words is gone round before it is one."""
WORDS = 20
"""Words that a circle takes, at least: a row of five ``0`` in a table is none."""

_WORD = re.compile(r"\S+")


def loops(text: str) -> bool:
    """Whether some words come again and again, one time after the other.

    OLMo 3 leaves out documents with n-grams of period 1 to 13 that repeat 32 times in a row, by
    tokens; an answer is shorter and goes wrong sooner, so 6 times do, of up to 24 words (ours).
    Work is linear in the text.
    """
    words = _WORD.findall(text)
    _, codes = np.unique(np.array(words, dtype=object), return_inverse=True)
    return any(
        _longest_run(codes[period:] == codes[:-period]) >= max((REPEATS - 1) * period, WORDS)
        for period in range(1, min(LONGEST_PERIOD, len(words) - 1) + 1)
    )


def _longest_run(equal: np.ndarray) -> int:
    """The longest run of true values."""
    ends = np.flatnonzero(~np.concatenate(([False], equal, [False])))
    return int(np.diff(ends).max()) - 1
