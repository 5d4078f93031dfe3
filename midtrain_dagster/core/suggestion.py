"""What was probably meant by a name that leads nowhere: the nearest of those that lead somewhere.

Names are compared by their letters (``difflib``, Ratcliff and Obershelp 1988), in any case of them.
A name that resembles none gets no suggestion: a wrong one costs more than none.
"""

from collections.abc import Iterable
from difflib import get_close_matches

ALIKE = 0.6
"""How much of two names has to be the same."""


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` to end a message with, or nothing where no name is near."""
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(str(name).casefold(), folded, n=1, cutoff=ALIKE)
    return f"; did you mean {folded[near[0]]!r}?" if near else ""
