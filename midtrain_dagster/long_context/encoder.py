"""How texts become the units in which a context is measured: tokens, or bytes.

An item is put together from pieces. Each piece is encoded as it stands in the whole, behind what is
before it, so that the ids are those that a tokenizer gives the text; where a tokenizer would join
a piece to the one before it (a full stop and a line's end), the piece is encoded by itself.

A long document is encoded once, with the places between its sentences at which a piece may stand.
"""

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from midtrain_dagster.tokens.specials import Bos, opening
from midtrain_dagster.tokens.text_encoder import text_encoder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

VERSION = 1

_SENTENCE_END = re.compile(r"""(?<=[.!?])["'\u201d\u2019)]*(?=\s)|(?=\n\s*\n)""")


class Encoded(NamedTuple):
    """A long text in units, and where a piece may be put between two of them."""

    ids: np.ndarray
    places: np.ndarray
    """Rising; each is the unit before which a sentence begins."""


class Encoder(Protocol):
    """What makes units of texts."""

    exact: bool
    """Whether a long text may be cut between any two units; otherwise between words alone."""
    beginning: tuple[int, ...]
    """What stands before a text."""

    def document(self, text: str) -> Encoded:
        """A long text."""
        ...

    def after(self, before: str, text: str) -> np.ndarray:
        """The units of a text that stands behind another."""
        ...


class Tokens:
    """A tokenizer's tokens. Raises ValueError for a tokenizer without a fast form."""

    exact = True

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", *, bos: Bos = "as_tokenizer") -> None:
        self._encoder = text_encoder(tokenizer)
        self.beginning = tuple(opening(tokenizer, self._encoder, bos))
        self._known: dict[tuple[str, str], np.ndarray] = {}

    def document(self, text: str) -> Encoded:
        """The tokens, and the sentences that begin with one."""
        encoding = self._encoder.encode(text, add_special_tokens=False)
        offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)
        ends = np.array([match.end() for match in _SENTENCE_END.finditer(text)], np.int64)
        # Offsets may leave out the space before a word, so a token begins at or behind the end.
        first = np.searchsorted(offsets[:, 0], ends, side="left")
        inside = (first > 0) & (first < len(offsets))
        first, ends = first[inside], ends[inside]
        whole = offsets[first - 1, 1] <= ends
        return Encoded(np.array(encoding.ids, np.int64), np.unique(first[whole]))

    def after(self, before: str, text: str) -> np.ndarray:
        """The tokens of a text behind another, or by itself where the two would be joined."""
        known = self._known.get((before, text))
        if known is None:
            known = self._known[before, text] = self._after(before, text)
        return known

    def _after(self, before: str, text: str) -> np.ndarray:
        first, whole = self._ids(before), self._ids(before + text)
        cut = whole[len(first) :] if whole[: len(first)] == first else self._ids(text)
        return np.array(cut, np.int64)

    def _ids(self, text: str) -> list[int]:
        return list(self._encoder.encode(text, add_special_tokens=False).ids)


class Bytes:
    """UTF-8, for documents that are written before there is a tokenizer."""

    exact = False
    beginning: tuple[int, ...] = ()

    def document(self, text: str) -> Encoded:
        """The bytes, and where sentences end."""
        points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        sizes = 1 + (points > 0x7F) + (points > 0x7FF).astype(np.int64) + (points > 0xFFFF)
        before = np.concatenate([[0], np.cumsum(sizes)])
        ends = np.array([match.end() for match in _SENTENCE_END.finditer(text)], np.int64)
        return Encoded(self._ids(text), np.unique(before[ends[ends > 0]]))

    def after(self, before: str, text: str) -> np.ndarray:
        """The bytes of a text."""
        return self._ids(text)

    @staticmethod
    def text(ids: np.ndarray) -> str:
        """The text that bytes are of."""
        return ids.astype(np.uint8).tobytes().decode()

    @staticmethod
    def _ids(text: str) -> np.ndarray:
        return np.frombuffer(text.encode(), np.uint8).astype(np.int64)
