"""The notation of a batch that changes: ``4M -> 8M @ 252M -> 16M @ 2.87T``.

A level is a count of tokens, and behind ``@`` the place from which on it holds: tokens of the
stage, or a share of them (``@ 10%``). The first begins with the stage. What is read is the list
form of a ramp; :func:`printed` writes that back.
"""

import re
from collections.abc import Sequence
from typing import Any, NoReturn

from midtrain_dagster.core.token_count import parse_tokens, tokens_in_words

_ARROW = re.compile(r"->|→")
_LEVEL = re.compile(r"\s*(?P<size>[^\s@]+)\s*(?:@\s*(?P<place>[^\s@]+)\s*)?")
_SHARE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)%")


class BatchNotationError(ValueError):
    """A batch that cannot be read; the message has the place in its text."""


def is_ramp(batch: Any) -> bool:
    """Whether this is a text that says more than one count."""
    return isinstance(batch, str) and bool(re.search("->|→|@", batch))


def parsed(text: str, *, tokens: int) -> list[dict[str, int]]:
    """The list form of the ramp of a stage of ``tokens``.

    Raises :class:`BatchNotationError`, with the character (from 1) at which it goes wrong.
    """
    levels: list[dict[str, int]] = []
    at = 0
    for said in _ARROW.split(text):
        found = _LEVEL.fullmatch(said)
        if found is None:
            begin = at + len(said) - len(said.lstrip())
            _refuse(text, begin, "a level is written as 8M @ 252M")
        level = {"tokens": _count(text, at + found.start("size"), found["size"])}
        if found["place"] is not None:
            place = at + found.start("place")
            if not levels:
                _refuse(text, place, "the first level begins with the stage: leave out its place")
            level["after"] = _place(text, place, found["place"], tokens)
            if level["after"] <= levels[-1].get("after", 0):
                _refuse(text, place, "levels begin one after the other, none where another does")
            if level["after"] >= tokens:
                _refuse(text, place, f"the stage has {tokens:,} tokens, so it ends before that")
        elif levels:
            _refuse(
                text, at + found.start("size"), "it does not say from where on: write 8M @ 252M"
            )
        levels.append(level)
        arrow = _ARROW.match(text, at + len(said))
        at += len(said) + (len(arrow[0]) if arrow else 0)
    if len(levels) < 2:
        _refuse(text, 0, "a batch that does not change is a plain count")
    return levels


def printed(levels: Sequence[tuple[int, int]]) -> str:
    """The levels (tokens of a step, tokens before them) in the notation."""
    return " -> ".join(
        tokens_in_words(size) + (f" @ {tokens_in_words(after)}" if after else "")
        for size, after in levels
    )


def _place(text: str, at: int, word: str, tokens: int) -> int:
    share = _SHARE.fullmatch(word)
    if share is None:
        return _count(text, at, word)
    if not 0 < float(share[1]) < 100:
        _refuse(text, at, "a share of the stage's tokens is above 0% and below 100%")
    return round(float(share[1]) / 100 * tokens)


def _count(text: str, at: int, word: str) -> int:
    try:
        count = int(parse_tokens(word))
    except ValueError as error:
        _refuse(text, at, str(error))
    if count < 1:
        _refuse(text, at, "a count of tokens is 1 at least")
    return count


def _refuse(text: str, at: int, reason: str) -> NoReturn:
    word = text[at : at + 24].split()
    raise BatchNotationError(f"at character {at + 1}, {word[0] if word else ''!r}: {reason}")
