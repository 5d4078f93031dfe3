"""A draft as a context of given length: its pieces at their depths, the rest filled up.

No piece, opening or question is ever cut: where they alone are longer than the length, there is no
item. What is cut is the long document that fills the rest, as RULER cuts its essays. A document is
read from the beginning of one of its sentences, and pieces stand between sentences, each at the
place that is nearest to its depth.
"""

from typing import NamedTuple

import numpy as np

from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.long_context.encoder import Encoded, Encoder
from midtrain_dagster.long_context.task import Draft

VERSION = 1

TEXT_BEFORE = "."
"""What a piece stands behind, as far as its encoding goes: the end of a sentence."""


WHITE_SPACE = (ord(" "), ord("\n"))


class TooShortError(ValueError):
    """A length that has no room for a task's own text; ``needed`` is the least that has."""

    def __init__(self, length: int, needed: int) -> None:
        super().__init__(f"{length} leave no room for the task's own text, which has {needed}")
        self.needed = needed


class NoTextError(ValueError):
    """No document is long enough to fill a context."""


class Filled(NamedTuple):
    """A context, and the range of units that each piece takes in it."""

    ids: np.ndarray
    pieces: list[tuple[int, int]]
    """Start and stop, in the order of the draft's pieces."""


def filled(
    draft: Draft,
    encoder: Encoder,
    *,
    room: int,
    documents: list[Encoded],
    draw: Draw,
) -> Filled:
    """The context of a draft: ``room`` units, or fewer where what fills it comes in pieces.

    A document is drawn of those that are long enough. Raises :class:`TooShortError` where opening
    and pieces have no room, :class:`NoTextError` where no document is as long as the rest.
    """
    start = np.array(encoder.beginning, np.int64)
    if draft.opening:
        start = np.concatenate([start, encoder.after("", draft.opening)])
    pieces = [encoder.after(TEXT_BEFORE, draft.joint + each.text) for each in draft.placed]
    rest = room - len(start) - sum(map(len, pieces))
    if rest < 0:
        raise TooShortError(room, room - rest)
    if draft.filler is None:
        filling, places = _text(documents, rest, draw, exact=encoder.exact)
    else:
        filling, places = _units(draft, encoder, rest)
    total = len(filling)
    ids, spans, done, at = [start], [], 0, len(start)
    for piece, placed in zip(pieces, draft.placed, strict=True):
        place = max(done, int(places[np.abs(places - placed.depth * total).argmin()]))
        ids += [filling[done:place], piece]
        at += place - done
        spans.append((at, at + len(piece)))
        at, done = at + len(piece), place
    ids.append(filling[done:])
    return Filled(np.concatenate(ids), spans)


def _text(
    documents: list[Encoded], rest: int, draw: Draw, *, exact: bool
) -> tuple[np.ndarray, np.ndarray]:
    """``rest`` units of a document, from the beginning of a sentence on, and places in them."""
    enough = [each for each in documents if len(each.ids) >= rest]
    if not enough:
        longest = max((len(each.ids) for each in documents), default=0)
        raise NoTextError(
            f"no document has the {rest} that fill the context (the longest of {len(documents)} "
            f"has {longest})"
        )
    ids, every = draw.one(enough)
    starts = np.concatenate([[0], every[every <= len(ids) - rest]])
    start = int(starts[draw.below(len(starts))])
    filling = ids[start : start + rest]
    if not exact:
        # In bytes a cut has to be between words, and is then within no character.
        filling = filling[: np.flatnonzero(np.isin(filling, WHITE_SPACE))[-1:].sum()]
    places = every[(every > start) & (every < start + len(filling))] - start
    return filling, np.unique(np.concatenate([[0], places, [len(filling)]]))


def _units(draft: Draft, encoder: Encoder, rest: int) -> tuple[np.ndarray, np.ndarray]:
    """As many whole pieces of the filler as ``rest`` units have room for, and places between."""
    taken: list[np.ndarray] = []
    size = 0
    for text in draft.filler or ():
        unit = encoder.after(TEXT_BEFORE, draft.joint + text)
        if size + len(unit) > rest:
            break
        taken.append(unit)
        size += len(unit)
    else:
        raise NoTextError(
            f"what fills the context ran out at {size} of {rest}: there are no more names of the "
            "task's kind; ask for shorter lengths, or for longer names"
        )
    places = np.cumsum([0, *map(len, taken)])
    return np.concatenate([np.empty(0, np.int64), *taken]), places
