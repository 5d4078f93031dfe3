"""Exact duplicates: documents whose normalised texts are equal.

The cheap way, for corpora that were deduplicated already or whose documents are alike by nature
(templates, exercises), so that near duplicates are no duplicates. Normalisation (`normalisation`)
makes letter case and white space alike, and leaves punctuation. A pair of equal hashes is compared
on its texts, so nothing is decided by a hash.
"""

from types import ModuleType
from typing import ClassVar, Literal

import polars as pl

from midtrain_dagster.core.artifacts import Figures, Part
from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation.duplicates import candidates, edges
from midtrain_dagster.curation.duplicates.method import Corpus, Method
from midtrain_dagster.curation.duplicates.signatures import signature_table

VERSION = 2


class Config(Method):
    """Documents of equal normalised text are duplicates, and nothing else is."""

    EDGE_MODULES: ClassVar[tuple[ModuleType, ...]] = (edges, candidates)

    method: Literal["exact"] = "exact"

    def sign(self, documents: Part) -> Work:
        """As `Method` says."""
        return Work(signatures, tables={"documents": [documents]})

    def edges(self, corpus: Corpus) -> tuple[list[Part], Figures]:
        """Candidates of equal text hashes, verified."""
        work = Work(candidates.exact_pairs, scans={"signatures": corpus.signatures})
        return edges.verified_edges(corpus, [work])


def signatures(documents: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """``signatures``, as `signature_table` makes it. Input columns: id, text."""
    return {"signatures": signature_table(documents)}
