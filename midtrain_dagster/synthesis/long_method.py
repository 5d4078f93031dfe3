"""Methods that ask a generator about long texts: which documents, and their pieces."""

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl
from pydantic import Field

from midtrain_dagster.synthesis import long_pieces, passages
from midtrain_dagster.synthesis.collector import Seed
from midtrain_dagster.synthesis.long_pieces import LongPieces, Piece
from midtrain_dagster.synthesis.method_config import MethodConfig
from midtrain_dagster.synthesis.passages import choose_documents

VERSION = 1
USES = (long_pieces, passages)


class LongText(NamedTuple):
    """A piece of a document that is asked about."""

    id: str
    """``DOCUMENT:START-STOP``, in bytes."""
    document: str
    language: str | None
    piece: Piece

    @property
    def seed(self) -> Seed:
        """What is made of it was made of this."""
        return Seed(self.document, self.piece.start, self.piece.stop)


class LongConfig(LongPieces, MethodConfig):
    """Which long documents are asked about: the section's common fields."""

    domains: list[str] = Field(min_length=1, description="domains whose documents are asked about")
    documents: int = Field(gt=0, description="documents, drawn by a hash of their ids, at most")

    def choose(self, documents: pl.DataFrame) -> pl.DataFrame:
        """The documents to ask about, of those that are long enough."""
        long = documents.filter(pl.col("text").str.len_bytes() >= self.minimum_bytes)
        return choose_documents(long, domains=self.domains, count=self.documents, seed=self.seed)

    def texts(self, documents: pl.DataFrame) -> Iterator[LongText]:
        """Every piece of the documents."""
        rows = documents.select("id", "language", "text").iter_rows()
        for identity, language, text in rows:
            for piece in self.pieces(text):
                place = f"{identity}:{piece.start}-{piece.stop}"
                yield LongText(place, identity, language, piece)
