"""The notation of a share that changes over a stage: ``0.1 -> 0.4``, ``cosine 5% -> 20% @ 60%``.

- A **share** is a number, ``0.1``, or ``10%``. Behind ``@`` stands the **place**: how much of the
  stage is done (``@ 50%``). The first share may leave its place out and has the beginning, the last
  one the end.
- A **shape** may stand in front: ``linear`` (or nothing), straight from point to point;
  ``cosine``; ``constant``, where each share holds until the next: ``constant 0.1 -> 0.4 @ 50%``.
- Behind ``of rest`` the shares are not of all tokens but of what the other domains leave:
  ``0.7 of rest``; ``rest`` alone is all of it.

What is read is a number, the points of straight lines, or a ``Course``; :func:`printed` writes that
back.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, NoReturn, get_args

from midtrain_dagster.mixture.curve import Shape

SHAPES: tuple[str, ...] = get_args(Shape)

_SHAPE = re.compile(r"\s*(?P<shape>[^\W\d]\w*)\s+(?=[\d.])")
_OF_REST = re.compile(r"\s+of\s+(?P<whole>\S+)\s*$")
_ARROW = re.compile(r"->|→")
_POINT = re.compile(r"\s*(?P<share>[^\s@]+)\s*(?:@\s*(?P<place>[^\s@]+)\s*)?")
_NUMBER = re.compile(
    r"(?P<number>\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?)(?P<sign>%?)"
)


class ShareNotationError(ValueError):
    """A share that cannot be read; the message has the place in its text."""


def parsed(text: str) -> Any:
    """A share as a number, as points ``{progress: share}``, or as the fields of a ``Course``.

    Raises :class:`ShareNotationError`, with the character (from 1) at which it goes wrong.
    """
    if text.strip() == "rest":
        return {"points": {0.0: 1.0}, "of": "rest"}
    begin, end, shape, of = 0, len(text), "linear", "all"
    if named := _SHAPE.match(text):
        begin, shape = named.end(), _named(text, named)
    if rest := _OF_REST.search(text):
        end, of = rest.start(), "rest"
        if rest["whole"] != "rest":
            _refuse(text, rest.start("whole"), "shares are of all tokens, or `of rest`")
    points = _points(text, begin, end, shape)
    if of == "all" and len(points) == 1:
        return next(iter(points.values()))
    if of == "all" and shape == "linear":
        return points
    return {"points": points, "shape": shape, "of": of}


def printed(points: Mapping[float, float], shape: str = "linear", of: str = "all") -> str:
    """A share that changes, in the notation; ``parsed`` reads the same of it."""
    written = [f"{share!r} @ {_percent(place)}" for place, share in points.items()]
    if set(points) == {0.0}:
        written = [f"{points[0.0]!r}"]
    words = "" if shape == "linear" else f"{shape} "
    return f"{words}{' -> '.join(written)}" + (" of rest" if of == "rest" else "")


def _named(text: str, found: "re.Match[str]") -> str:
    said = found["shape"]
    if said.lower() not in SHAPES:
        near = get_close_matches(said.lower(), SHAPES, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        reason = f"no shape is called so: {meant}there are {', '.join(SHAPES)}"
        _refuse(text, found.start("shape"), reason)
    return said.lower()


def _points(text: str, begin: int, end: int, shape: str) -> dict[float, float]:
    """The shares by their places, in order."""
    points: dict[float, float] = {}
    pieces = _ARROW.split(text[begin:end])
    at = begin
    for number, said in enumerate(pieces):
        found = _POINT.fullmatch(said)
        start = at + len(said) - len(said.lstrip())
        if found is None:
            _refuse(text, start, "a share that changes is written as 0.1 -> 0.4, or 0.4 @ 50%")
        share = _share(text, at + found.start("share"), found["share"])
        if found["place"] is not None:
            start = at + found.start("place")
            place = _place(text, start, found["place"])
        elif number == 0:
            place = 0.0
        elif number == len(pieces) - 1 and shape != "constant":
            place = 1.0
        else:
            _refuse(text, start, "it does not say where: write 0.4 @ 50%")
        if points and place <= max(points):
            _refuse(text, start, "places come one after the other, each behind the one before it")
        points[place] = share
        arrow = _ARROW.match(text, at + len(said))
        at += len(said) + (len(arrow[0]) if arrow else 0)
    return points


def _share(text: str, at: int, word: str) -> float:
    value = _number(text, at, word, "a share is written as 0.1 or 10%")
    if value > 1:
        meant = f"{float(word):g}% is written with its sign" if not word.endswith("%") else ""
        _refuse(text, at, f"a share is at most 1, or 100%{'; ' + meant if meant else ''}")
    return value


def _place(text: str, at: int, word: str) -> float:
    if not word.endswith("%"):
        _refuse(text, at, "a place is how much of the stage is done: @ 50%")
    value = _number(text, at, word, "a place is how much of the stage is done: @ 50%")
    if value > 1:
        _refuse(text, at, "a stage ends at 100%")
    return value


def _number(text: str, at: int, word: str, form: str) -> float:
    found = _NUMBER.fullmatch(word)
    if found is None:
        _refuse(text, at, form)
    value = Decimal(found["number"])
    return float(value / 100 if found["sign"] else value)


def _percent(place: float) -> str:
    """A place in percent that is read as the same number."""
    return f"{(Decimal(repr(place)) * 100).normalize():f}%"


def _refuse(text: str, at: int, reason: str) -> NoReturn:
    word = text[at : at + 24].split()
    raise ShareNotationError(f"at character {at + 1}, {word[0] if word else ''!r}: {reason}")
