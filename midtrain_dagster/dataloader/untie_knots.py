"""Untie the Knots: documents of a window cut to chunks and shuffled among one another.

A model that predicts a chunk's tokens has to find where its document was left, behind chunks of
other documents: long dependencies out of short documents, without other data (Tian et al. 2024,
arXiv 2409.04774; its code, rgtjf/Untie-the-Knots). dots.llm1 extends its windows so (the survey
*LLM Mid-Training*, arXiv 2510.23081, Table 5).

Some of the windows are tied. Their documents are cut into equal chunks (two or three are best), and
the chunks are shuffled, those of one document in their order; the last chunk of one document, drawn
among them, stays last. A tied window is one text: positions run on over it, and a chunk sees all
before it. Where a document was cut, knot tokens may stand: one behind a chunk that goes on, one
before a chunk that continues. Neither a knot nor the token behind it has a label, as there.

The paper's code inserts knots into a full window and cuts off what then hangs over its end, which
is the chunk that was to stay last. Here the room of the most knots that a piece may get is reserved
before windows are packed, so nothing is ever cut off. The price is a few tokens of padding.

What is drawn depends on the window and the epoch alone, so a plan stays a pure function. Its tokens
that sort the chunks' numbers (back-tracing) are left out.
"""

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.dataloader.packing import permutation, uniforms

VERSION = 1

MOST_CHUNKS = 64


def _checked(chunks: dict[int, float]) -> dict[int, float]:
    if abs(sum(chunks.values()) - 1) > 1e-3:
        raise ValueError(f"the shares of chunk counts must sum to 1, not {sum(chunks.values()):g}")
    if max((count for count, share in chunks.items() if share), default=0) < 2:
        raise ValueError("no document would be cut: give 2 chunks or more a share")
    return dict(sorted(chunks.items()))


Chunks = Annotated[
    dict[Annotated[int, Field(ge=1, le=MOST_CHUNKS)], Annotated[float, Field(ge=0, le=1)]],
    AfterValidator(_checked),
]


class Knot(NamedTuple):
    """How a span of a tied window hangs together with others of it."""

    continues: bool
    """Its document began in an earlier span."""
    goes_on: bool
    """Its document goes on in a later one."""


class UntieKnots(FrozenModel):
    """Windows in which documents are cut to chunks and shuffled among one another."""

    method: Literal["untie_knots"] = "untie_knots"
    share: float = Field(
        default=0.3, gt=0, le=1, description="How many of the windows are tied, drawn one by one."
    )
    chunks: Chunks | None = Field(
        default=None,
        description="Into how many chunks a document is cut, each count with its share: `{1: 0.2, "
        "2: 0.4, 3: 0.4}`; null: 3, unless `chunk_tokens` says it.",
    )
    chunk_tokens: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Chunks of so many tokens (the paper tries 1,024) in their place."
    )
    knots: tuple[str, str] | None = Field(
        default=None,
        description="Two tokens of the vocabulary, as the tokenizer writes them: one behind a "
        "chunk that goes on, one before a chunk that continues; null: none.",
    )

    @model_validator(mode="after")
    def _one_way_to_cut(self) -> Any:
        if self.chunks is not None and self.chunk_tokens is not None:
            raise ValueError("chunks and chunk_tokens both say where documents are cut: say one")
        return self

    def room(self, lengths: np.ndarray) -> np.ndarray:
        """The tokens that pieces of these lengths take with the most knots that they may get."""
        if self.knots is None:
            return lengths
        if self.chunk_tokens is None:
            most = np.minimum(max(count for count, share in self._counts if share), lengths)
        else:
            most = -(-lengths // self.chunk_tokens)
        return lengths + 2 * (most - 1)

    def longest(self, window: int) -> int:
        """The longest piece that goes into a window with all of its knots."""
        fits = np.flatnonzero(self.room(np.arange(1, window + 1)) <= window)
        return int(fits[-1]) + 1

    def ids(self, vocabulary: dict[str, int]) -> tuple[int, int] | None:
        """The ids of the knots; None without knots. Raises ValueError for one that is no token."""
        if self.knots is None:
            return None
        lacking = [knot for knot in self.knots if knot not in vocabulary]
        if lacking:
            raise ValueError(
                f"packing.knots: {', '.join(map(repr, lacking))} is no token of the tokenizer: "
                "name two as its vocabulary writes them ('Ğ' and 'ğ' are the separators 1E and 1F "
                "of byte-level tokenizers, which texts hardly have)"
            )
        return vocabulary[self.knots[0]], vocabulary[self.knots[1]]

    @property
    def _counts(self) -> tuple[tuple[int, float], ...]:
        return tuple((self.chunks or {3: 1.0}).items())

    def tied(
        self, starts: np.ndarray, lengths: np.ndarray, *, draws: int, order: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[Knot, ...]] | None:
        """The chunks of a window's pieces, in their order, or None where the window is not tied.

        ``starts`` and ``lengths`` are those of the pieces, tokens; ``draws`` and ``order`` start
        the window's streams (``draws.key``). Returns each chunk's piece, first token and end, and
        how it hangs together with the others.
        """
        drawn = uniforms(len(lengths) + 2, draws)
        if drawn[0] >= self.share:
            return None
        last = int(drawn[1] * len(lengths))
        counts, sizes = self._cut(lengths, drawn[2:])
        # Chunks piece by piece, that piece behind the others whose last chunk stays last.
        pieces = np.append(np.delete(np.arange(len(lengths)), last), last)
        of_piece = np.repeat(pieces, counts[pieces])
        total = len(of_piece)
        firsts = np.cumsum(counts[pieces]) - counts[pieces]
        number = np.arange(total) - np.repeat(firsts, counts[pieces])
        is_last = number == counts[of_piece] - 1
        begin = starts[of_piece] + number * sizes[of_piece]
        end = np.where(is_last, (starts + lengths)[of_piece], begin + sizes[of_piece])
        # Every chunk draws a place; those of a piece take its places in their order.
        places = np.append(permutation(total - 1, order), total - 1)
        group = np.repeat(np.arange(len(pieces)), counts[pieces])
        shuffled = np.argsort(places[np.lexsort((places, group))])
        knots = zip((number > 0)[shuffled].tolist(), (~is_last)[shuffled].tolist(), strict=True)
        return of_piece[shuffled], begin[shuffled], end[shuffled], tuple(map(Knot._make, knots))

    def _cut(self, lengths: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The number of chunks of each piece, and the tokens of each but its last; a piece with
        fewer tokens than chunks stays whole."""
        if self.chunk_tokens is not None:
            return -(-lengths // self.chunk_tokens), np.full(len(lengths), self.chunk_tokens)
        values, shares = (np.array(each) for each in zip(*self._counts, strict=True))
        edges = np.cumsum(shares) / shares.sum()
        counts = values[np.minimum(np.searchsorted(edges, drawn, side="right"), len(values) - 1)]
        counts = np.where(lengths < counts, 1, counts)
        return counts, lengths // counts
