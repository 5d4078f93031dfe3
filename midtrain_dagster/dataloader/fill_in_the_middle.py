"""Fill-in-the-middle: a text's middle moved to its end, so that a model learns to write between.

A text is cut at two places, and its parts change their order, each behind a token that names it
(Bavarian et al. 2022, arXiv 2207.14255): prefix, suffix, middle (PSM), or suffix, prefix, middle
(SPM; their second form, in which prefix and middle stand together behind the middle's token)::

    PSM   <prefix> PREFIX <suffix> SUFFIX <middle> MIDDLE end-of-text
    SPM   <prefix> <suffix> SUFFIX <middle> PREFIX MIDDLE end-of-text

They find that half of the texts or more can be turned so without loss from left to right, and train
on both orders; StarCoder (Li et al. 2023, arXiv 2305.06161) and OLMo 3 (arXiv 2512.13961) turn half
of the code, half of it each way. All parts have labels, as there.

**Pieces are turned, not documents**: what is turned lies in one window, so no part is without the
others (their context-level FIM), and none ever comes from another document. What ends a piece is
end-of-text, also where its document goes on in another window: a middle has an end.

**Places are between tokens.** They cut between characters, where a model also learns to go on
within a word, and so does StarCoder. That asks for the text again, and for an encoder in every
worker; the parts have other tokens then, in a number that no plan knows before. Between tokens a
plan stays a pure function of lengths and seed, and reading costs a concatenation. The price: who
asks for a middle at a place within a token gets a worse one; ask at the ends of lines and of words.

What is drawn depends on the seed, the stage, the epoch and the piece, so each epoch turns others.
"""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.dataloader.packing import uniforms_at

VERSION = 1

EXTRA = 4
"""Tokens that a turned piece has more, at most: three that name its parts, and an end."""

SHORTEST = 16
"""Tokens of a piece that is turned, at least: a shorter one has no middle to speak of."""

DRAWS = 4
"""Numbers that are drawn for a piece: whether, two places, and the order."""

Names = tuple[str, str, str]
"""Of the tokens before prefix, suffix and middle."""

USUAL: Names = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
"""Qwen's and CodeGemma's; a tokenizer that is trained here gets these."""

KNOWN: tuple[Names, ...] = (
    USUAL,
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),  # StarCoder, Granite
    ("<fim-prefix>", "<fim-suffix>", "<fim-middle>"),  # SantaCoder
    ("\u2581<PRE>", "\u2581<SUF>", "\u2581<MID>"),  # Code Llama
    ("<PRE>", "<SUF>", "<MID>"),
    ("<\uff5cfim\u2581begin\uff5c>", "<\uff5cfim\u2581hole\uff5c>", "<\uff5cfim\u2581end\uff5c>"),
)
"""The last are DeepSeek Coder's: its hole stands before the suffix, its end before the middle."""


class Middle(NamedTuple):
    """Where a piece is cut, as shares of its text, and which part stands first."""

    first: float
    second: float
    suffix_first: bool

    @property
    def order(self) -> str:
        """The parts as they are read."""
        return "suffix, prefix, middle" if self.suffix_first else "prefix, suffix, middle"


class Sentinels(NamedTuple):
    """What collating has to know of a tokenizer to turn a piece: ids, and a number."""

    prefix: int
    suffix: int
    middle: int
    end: int
    opening: int
    """Tokens that stand before every document's text, and stay there."""


class Drawn(NamedTuple):
    """What is drawn for pieces, an entry each."""

    turned: np.ndarray
    first: np.ndarray
    second: np.ndarray
    suffix_first: np.ndarray

    def middles(self) -> tuple[Middle | None, ...]:
        """For each piece how it is turned, or None where it stays."""
        columns = (self.first.tolist(), self.second.tolist(), self.suffix_first.tolist())
        rows = map(Middle._make, zip(*columns, strict=True))
        return tuple(
            row if turned else None for row, turned in zip(rows, self.turned.tolist(), strict=True)
        )


class FillInTheMiddle(FrozenModel):
    """Which documents have their middle moved to their end, and how."""

    domains: list[str] = Field(min_length=1, description="Domains whose documents are turned.")
    rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The share of their documents that is turned; of one longer than a window, of its pieces."""
    suffix_first: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The share of those that has the suffix before the prefix (SPM); the others have PSM."""
    sentinels: Names | None = None
    """The tokens before prefix, suffix and middle, as the tokenizer writes them; null: those of a
    known family that it has. A tokenizer that the recipe trains gets them."""

    @property
    def names(self) -> Names:
        """Those that a tokenizer gets which is trained."""
        return self.sentinels or USUAL

    def ids(self, vocabulary: Mapping[str, int]) -> tuple[int, int, int]:
        """The ids of the three. Raises ValueError for a tokenizer that lacks them."""
        families = KNOWN if self.sentinels is None else (self.sentinels,)
        for names in families:
            if all(name in vocabulary for name in names):
                prefix, suffix, middle = (vocabulary[name] for name in names)
                return prefix, suffix, middle
        if self.sentinels is not None:
            lacking = ", ".join(repr(name) for name in self.sentinels if name not in vocabulary)
            raise ValueError(f"{lacking} is no token of the tokenizer")
        raise ValueError(
            "the tokenizer has no tokens for prefix, suffix and middle (such as "
            f"{', '.join(USUAL)}): name three of its unused ones in `sentinels`, take a tokenizer "
            "that has them, or leave out fill_in_the_middle"
        )

    def draw(self, pieces: np.ndarray, lengths: np.ndarray, key: int) -> Drawn:
        """What becomes of pieces, by their numbers (int64) and lengths in tokens; ``key`` starts
        the stream of the epoch (``draws.key``)."""
        places = DRAWS * pieces.astype(np.int64)[:, None] + np.arange(DRAWS)
        whether, one, other, order = uniforms_at(places, key).T
        return Drawn(
            (whether < self.rate) & (lengths >= SHORTEST),
            np.minimum(one, other),
            np.maximum(one, other),
            order < self.suffix_first,
        )


def turned(
    tokens: np.ndarray, middle: Middle, sentinels: Sentinels, *, begins: bool, ends: bool
) -> np.ndarray:
    """The tokens of a piece in their new order: int64, ``EXTRA`` more of them at most.

    ``begins`` says whether the piece begins its document, and has the opening; ``ends`` whether it
    ends it, with end-of-text. Any place is as likely as any other, before the first token and
    behind the last among them.
    """
    head = min(sentinels.opening, len(tokens)) if begins else 0
    stop = max(head, len(tokens) - ends)
    first, second = (
        head + int(share * (stop - head + 1)) for share in (middle.first, middle.second)
    )
    prefix, within, suffix = tokens[head:first], tokens[first:second], tokens[second:stop]
    before, behind, between, end = np.array(sentinels[:4], np.int64)[:, None]
    order = (
        (before, behind, suffix, between, prefix, within)
        if middle.suffix_first
        else (before, prefix, behind, suffix, between, within)
    )
    return np.concatenate([tokens[:head], *order, end])
