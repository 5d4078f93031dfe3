"""A pool: documents of one domain as an endless, addressable sequence of packed windows."""

from typing import NamedTuple

import numpy as np

from midtrain_dagster.core.draws import key
from midtrain_dagster.dataloader.fill_in_the_middle import EXTRA, Drawn, FillInTheMiddle, Middle
from midtrain_dagster.dataloader.packing import cut, permutation
from midtrain_dagster.dataloader.packings import Packing, longest_piece, packed
from midtrain_dagster.dataloader.untie_knots import Knot, UntieKnots

ALL, LONG, SHORT = "all", "long", "short"
"""Kinds of documents: all of a domain, or those on either side of ``long_documents``. Where there
are classes of length, a kind is what its class is called (``mixture.length_class.labels``)."""

STREAMS = ("draws", "order")
"""What is drawn for a window whose chunks may be shuffled."""

EPOCHS_KEPT = 2
"""Around the end of an epoch both it and the next are asked for, in turn."""


class Span(NamedTuple):
    """Tokens ``[start, stop)`` of a document, by its number in the token shards."""

    document: int
    start: int
    stop: int


class Pool:
    """Documents that share a quota: a domain, or the long or the short documents of it.

    ``window`` is the length of a window in tokens. The order depends on seed, stage, domain, kind
    and epoch. An epoch is one pass over the documents, each of their tokens once. Attributes:
    ``domain``, ``kind``, and ``windows`` and ``tokens`` of one epoch.
    """

    def __init__(
        self,
        domain: str,
        kind: str,
        documents: np.ndarray,
        lengths: np.ndarray,
        *,
        window: int,
        packing: Packing = "best_fit",
        fill: FillInTheMiddle | None = None,
        seed: int,
        stage: str,
    ) -> None:
        """``documents`` are numbers in the shards, ascending; ``lengths`` their tokens; ``fill``
        says how pieces are turned, for which there then is room."""
        self.domain, self.kind = domain, kind
        self._fill, extra = fill, EXTRA if fill else 0
        self._untie = packing if isinstance(packing, UntieKnots) else None
        self._documents, self._causes = documents, (seed, stage, domain, kind)
        # Four bytes are enough for pieces, and all that limits the corpus here is memory.
        longest = longest_piece(packing, window - extra)
        pieces = (array.astype(np.int32) for array in cut(lengths, longest))
        self._document, self._start, self._length = pieces
        # A rank is a piece's place in the packing, longest first; its length never changes.
        descending = -np.sort(-self._length)
        self._window_of = packed(descending + extra, window, packing).astype(np.int32)
        self._ranks = np.argsort(self._window_of, kind="stable").astype(np.int32)
        counts = np.bincount(self._window_of)
        self._first = np.append(0, np.cumsum(counts))
        self._filled = np.bincount(self._window_of, descending).astype(np.int64)
        self.windows, self.tokens = len(counts), int(lengths.sum())
        self._epochs: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    @property
    def mean_tokens(self) -> float:
        """Tokens in a window, on average over an epoch; the rest of the window is padding."""
        return self.tokens / self.windows

    def spans(self, ordinal: int) -> tuple[Span, ...]:
        """The spans of the ``ordinal``-th window since the stage began."""
        return self.window(ordinal)[0]

    def window(self, ordinal: int) -> tuple[tuple[Span, ...], tuple[Knot, ...]]:
        """The spans of the ``ordinal``-th window since the stage began; of a tied one, how each
        hangs together with the others."""
        epoch, window, chosen = self._pieces(ordinal)
        documents = self._documents[self._document[chosen]]
        starts = self._start[chosen]
        stops = starts + self._length[chosen]
        knots: tuple[Knot, ...] = ()
        if self._untie is not None:
            streams = {each: key(*self._causes, epoch, int(window), each) for each in STREAMS}
            if tied := self._untie.tied(starts, self._length[chosen], **streams):
                of_piece, starts, stops, knots = tied
                documents = documents[of_piece]
        columns = (documents.tolist(), starts.tolist(), stops.tolist())
        return tuple(map(Span._make, zip(*columns, strict=True))), knots

    def middles(self, ordinal: int) -> tuple[Middle | None, ...]:
        """How each span of a window is turned, if it is; nothing where none can be."""
        if self._fill is None:
            return ()
        epoch, _, chosen = self._pieces(ordinal)
        return self._drawn(chosen, epoch).middles()

    def _pieces(self, ordinal: int) -> tuple[int, int, np.ndarray]:
        """A window's epoch, its number, and its pieces."""
        epoch, place = divmod(ordinal, self.windows)
        pieces, order = self._epoch(epoch)
        window = order[place]
        return epoch, window, pieces[self._ranks[self._first[window] : self._first[window + 1]]]

    def tokens_before(self, ordinal: int) -> int:
        """The tokens of all windows before the ``ordinal``-th."""
        epochs, rest = divmod(ordinal, self.windows)
        if rest == 0:
            return epochs * self.tokens
        return epochs * self.tokens + int(self._filled[self._epoch(epochs)[1][:rest]].sum())

    def tokens_by(self, group: np.ndarray, groups: int, ordinal: int) -> np.ndarray:
        """The tokens of all windows before the ``ordinal``-th, by the group of their document.

        ``group`` has the number of each document's group, in the order in which they were given.
        Returns int64, ``[groups]``.
        """
        of_piece = group[self._document]
        epochs, rest = divmod(ordinal, self.windows)
        tokens = epochs * np.bincount(of_piece, self._length, minlength=groups)
        if rest:
            pieces, order = self._epoch(epochs)
            is_taken = np.zeros(self.windows, np.bool_)
            is_taken[order[:rest]] = True
            seen = pieces[is_taken[self._window_of]]
            tokens = tokens + np.bincount(of_piece[seen], self._length[seen], minlength=groups)
        return tokens.astype(np.int64)

    def turned_before(self, ordinal: int) -> tuple[int, int, int]:
        """The pieces of all windows before the ``ordinal``-th; how many of them have their middle
        at their end; and how many of those have the suffix first."""
        pieces = turned = suffix_first = 0
        for epoch in range(-(-ordinal // self.windows)):
            taken, order = self._epoch(epoch)
            is_taken = np.zeros(self.windows, np.bool_)
            is_taken[order[: ordinal - epoch * self.windows]] = True
            seen = taken[is_taken[self._window_of]]
            pieces += len(seen)
            if self._fill is not None:
                drawn = self._drawn(seen, epoch)
                turned += int(np.count_nonzero(drawn.turned))
                suffix_first += int(np.count_nonzero(drawn.turned & drawn.suffix_first))
        return pieces, turned, suffix_first

    def _drawn(self, pieces: np.ndarray, epoch: int) -> Drawn:
        """What becomes of pieces in an epoch, where some are turned."""
        assert self._fill is not None
        return self._fill.draw(pieces, self._length[pieces], key(*self._causes, epoch, "middles"))

    @property
    def documents(self) -> np.ndarray:
        """Its documents' numbers in the shards, ascending."""
        return self._documents

    def occurrences(self, document: int, before: int) -> list[tuple[int, int, int]]:
        """Where a document stands in the first ``before`` windows: (ordinal, start, stop) each."""
        place = np.searchsorted(self._documents, document)
        if place == len(self._documents) or self._documents[place] != document:
            return []
        low, high = np.searchsorted(self._document, (place, place + 1))
        found: list[tuple[int, int, int]] = []
        for epoch in range(-(-before // self.windows)):
            pieces, order = self._epoch(epoch)
            ranks = np.flatnonzero((pieces >= low) & (pieces < high))
            ordinal_of = np.empty(self.windows, np.int64)
            ordinal_of[order] = np.arange(self.windows) + epoch * self.windows
            starts = self._start[pieces[ranks]]
            stops = starts + self._length[pieces[ranks]]
            columns = (ordinal_of[self._window_of[ranks]], starts, stops)
            rows = list(zip(*(column.tolist() for column in columns), strict=True))
            if self._untie is not None:
                rows = [row for at in {row[0] for row in rows} for row in self._in(at, document)]
            found += sorted(row for row in rows if row[0] < before)
        return found

    def _in(self, ordinal: int, document: int) -> list[tuple[int, int, int]]:
        """Where a document stands in a window."""
        return [
            (ordinal, span.start, span.stop)
            for span in self.spans(ordinal)
            if span.document == document
        ]

    def _epoch(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The piece at each rank, and the window at each place of the epoch."""
        made = self._epochs.get(epoch)
        if made is None:
            causes = (*self._causes, epoch)
            drawn = permutation(len(self._document), key(*causes, "documents"))
            longest = np.argsort(-self._length[drawn], kind="stable")
            order = permutation(self.windows, key(*causes, "windows"))
            made = drawn[longest].astype(np.int32), order.astype(np.int32)
            kept = list(self._epochs.items())[1 - EPOCHS_KEPT :]
            self._epochs = dict([*kept, (epoch, made)])
        return made
