"""Near duplicates, by MinHash with locality-sensitive hashing (Broder 1997).

A signature of bands x rows minima over a text's shingles is cut into bands, and each band is hashed
to a bucket; two documents of Jaccard similarity s share one of the buckets with probability
1 - (1 - s^rows)^bands (`caught`). Documents that share a bucket are candidates, and so are those of
equal texts.

The signature itself is not kept: a band is 8 bytes, a signature 448. Candidates are verified on the
true shingle sets (`verification`), so nothing is decided by an estimate. Each band is a column of
its own, because candidates are found one band at a time.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core import draws
from midtrain_dagster.core.artifacts import Figures, Part
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation.duplicates import candidates, edges
from midtrain_dagster.curation.duplicates.method import Corpus, Method
from midtrain_dagster.curation.duplicates.signatures import signature_table

if TYPE_CHECKING:
    from midtrain_dagster.curation.text.normalisation import Normalised

VERSION = 3

BUCKETS_AT_ONCE = 4_000_000
"""Buckets that a unit of work joins: 8 bytes each, and more for those that documents share."""

Preset = Literal["fineweb", "strict"]

PRESETS: dict[str, dict[str, Any]] = {
    "fineweb": {"shingle": 5, "bands": 14, "rows": 8, "threshold": 0.7},
    "strict": {"shingle": 5, "bands": 32, "rows": 7, "threshold": 0.7},
}
"""``fineweb`` is that of Penedo et al. 2024 (arXiv 2406.17557, section 3.4), which does not verify;
``strict`` has twice the permutations and finds nearly all that the threshold calls duplicates. The
share of pairs that each proposes (`caught`), by their Jaccard similarity:

=======  ============  =====  =====  =====  =====  =====  =====
preset   permutations    0.5    0.6    0.7   0.75    0.8    0.9
=======  ============  =====  =====  =====  =====  =====  =====
fineweb           112  0.053  0.211  0.565  0.772  0.924  1.000
strict            224  0.222  0.597  0.936  0.990  0.999  1.000
=======  ============  =====  =====  =====  =====  =====  =====
"""


class Config(Method):
    """How near duplicates are found and which one stays.

    A preset sets shingle, bands, rows and threshold; what is given beside it replaces its value.
    """

    EDGE_MODULES: ClassVar[tuple[ModuleType, ...]] = (edges, candidates)

    method: Literal["minhash"] = "minhash"
    preset: Preset = Field("fineweb", description="fineweb, or strict: fewer duplicates missed")
    shingle: int = Field(5, ge=1, description="words in a shingle")
    bands: int = Field(14, ge=1)
    """Bands of a signature; documents that share one are candidates."""
    rows: int = Field(8, ge=1, description="minima in a band; bands x rows permutations in all")
    seed: Seed = 1
    """Of the permutations."""
    threshold: float = Field(
        0.7, gt=0, le=1, description="Jaccard similarity of shingle sets that makes a duplicate"
    )
    bucket_limit: int = Field(
        64, ge=2, description="members up to which a bucket gives every pair of them"
    )

    @model_validator(mode="before")
    @classmethod
    def _over_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return PRESETS.get(values.get("preset", "fineweb"), {}) | values

    @property
    def signature_parameters(self) -> Mapping[str, Any]:
        """As `Method` says."""
        return {name: getattr(self, name) for name in ("shingle", "bands", "rows", "seed")}

    @property
    def edge_parameters(self) -> Mapping[str, Any]:
        """As `Method` says."""
        return {name: getattr(self, name) for name in ("shingle", "threshold", "bucket_limit")}

    def sign(self, documents: Part) -> Work:
        """As `Method` says."""
        return Work(
            signatures, tables={"documents": [documents]}, parameters=self.signature_parameters
        )

    def edges(self, corpus: Corpus) -> tuple[list[Part], Figures]:
        """Candidates of equal texts and of shared buckets, verified.

        A unit of work joins several bands where the corpus is small.
        """
        bands = band_columns(self.bands)
        documents = sum(part.rows for part in corpus.signatures)
        at_once = max(1, BUCKETS_AT_ONCE // max(1, documents))
        scans = {"signatures": corpus.signatures}
        works = [Work(candidates.exact_pairs, scans=scans)]
        works += [
            Work(
                candidates.band_pairs,
                scans=scans,
                parameters={
                    "bands": bands[first : first + at_once],
                    "bucket_limit": self.bucket_limit,
                },
            )
            for first in range(0, len(bands), at_once)
        ]
        return edges.verified_edges(corpus, works, shingle=self.shingle, threshold=self.threshold)


def caught(similarity: float, *, bands: int, rows: int) -> float:
    """The probability that a pair of this Jaccard similarity shares a bucket of some band."""
    return 1 - (1 - similarity**rows) ** bands


def band_columns(bands: int) -> list[str]:
    """The names of the columns of the bands, in order: band_00, band_01, and so on."""
    return [f"band_{band:02d}" for band in range(bands)]


def signatures(
    documents: pl.DataFrame, *, shingle: int, bands: int, rows: int, seed: int
) -> dict[str, pl.DataFrame]:
    """Hash each document's text whole and by bands. Input columns: id, text.

    Returns ``{"signatures": df}``, as `signature_table` makes it with a column a band (UInt64). A
    band is null where the text has fewer words than a shingle.
    """
    schema = pl.Schema(dict.fromkeys(band_columns(bands), pl.UInt64()))

    def sign(texts: "Normalised") -> pl.DataFrame:
        from midtrain_dagster.curation.duplicates.affine32 import band_hashes, minhash
        from midtrain_dagster.curation.duplicates.shingles import shingle_hashes

        offsets, hashes = shingle_hashes(texts, shingle)
        buckets = band_hashes(
            minhash(offsets, hashes, bands * rows, draws.folded(seed, 32)), bands, rows
        )
        hashed = pl.Series(offsets[1:] > offsets[:-1])
        return pl.DataFrame(buckets, schema=schema).select(pl.when(hashed).then(pl.all()))

    return {"signatures": signature_table(documents, schema, sign)}
