"""What a method offers that makes documents of others without a model: it puts them together.

Such a method is a file in ``methods/`` like any other, and its documents are curated and searched
like any other. But no model wrote them, so they count as natural text (``checks.natural_floor``).
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import polars as pl

from midtrain_dagster.core.schema import Kind

FILES = pl.Schema(
    {"id": pl.String, "repository": pl.String, "path": pl.String, "outcome": pl.String}
)
"""What became of each document that was looked at: ``joined``, or why not (a fixed word)."""

JOINED = "joined"
"""The outcome of what stands in a document that was made."""


class Assembled(NamedTuple):
    """What was put together."""

    documents: pl.DataFrame
    """With the schema ``DOCUMENTS``; the metadata say of which documents."""
    files: pl.DataFrame
    """With the schema ``FILES``: a row for each document of the domains."""
    examples: pl.DataFrame
    """With the schema ``tables.EXAMPLES``."""


@runtime_checkable
class Assembly(Protocol):
    """A section of the recipe that makes documents by putting others together."""

    KIND: ClassVar[Kind]

    @property
    def domains(self) -> Sequence[str]:
        """The domains whose documents are put together."""
        ...

    @property
    def domain(self) -> str:
        """The domain that they feed."""
        ...

    def assemble(self, documents: pl.DataFrame, *, source: str) -> Assembled:
        """Put documents (schema ``DOCUMENTS``) together; ``source`` is part of the new ids."""
        ...


def outcomes(files: pl.DataFrame) -> pl.DataFrame:
    """How many files became what: ``reason`` and ``count``; those that were joined first."""
    return (
        files.group_by(reason="outcome")
        .agg(count=pl.len().cast(pl.Int64))
        .sort(pl.col("reason") != JOINED, -pl.col("count"), "reason")
    )
