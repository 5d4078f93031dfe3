"""The policy of near duplicates, and their clusters: which documents are one, and which one stays.

The way there: `minhash` makes signatures part for part, `candidates` proposes pairs from them,
`verification` compares the texts of the new ones and gives the edges.

Clusters are the connected components of the verified edges, as in FineWeb and text-dedup: a chain
a ~ b ~ c is one cluster even where a and c are less alike than the threshold. That is the price of
needing no all-pairs comparison; a high threshold keeps chains short.

Memory grows with the corpus here, and nowhere else in deduplication but in candidates: about 100
bytes per edge.
"""

from typing import Any, Literal

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel

VERSION = 2

CLUSTERS = pl.Schema({"id": pl.String(), "cluster": pl.String(), "kept": pl.Boolean()})

Keep = Literal["longest", "best_rated", "oldest"]
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


class DuplicatePolicy(FrozenModel):
    """How near duplicates are found and which one stays.

    A preset sets shingle, bands, rows and threshold; what is given beside it replaces its value.
    """

    preset: Preset = Field("fineweb", description="fineweb, or strict: fewer duplicates missed")
    shingle: int = Field(5, ge=1, description="words in a shingle")
    bands: int = Field(14, ge=1)
    rows: int = Field(8, ge=1, description="minima in a band; bands x rows permutations in all")
    seed: int = Field(1, ge=0, lt=2**32)
    threshold: float = Field(
        0.7, gt=0, le=1, description="Jaccard similarity of shingle sets that makes a duplicate"
    )
    bucket_limit: int = Field(
        64, ge=2, description="members up to which a bucket gives every pair of them"
    )
    keep: Keep = Field("longest", description="which member of a cluster stays")
    rated_by: str = Field("quality", description="the rater that best_rated asks")

    @model_validator(mode="before")
    @classmethod
    def _over_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return PRESETS.get(values.get("preset", "fineweb"), {}) | values


def caught(similarity: float, *, bands: int, rows: int) -> float:
    """The probability that a pair of this Jaccard similarity shares a bucket of some band."""
    return 1 - (1 - similarity**rows) ** bands


def clusters(
    edges: pl.DataFrame, documents: pl.DataFrame, *, keep: Keep, rated_by: str = "quality"
) -> pl.DataFrame:
    """Group documents joined by verified edges, and choose the one of each group that stays.

    ``documents`` is a summary with the columns id and characters, for "best_rated" also the rater's
    (``rated_by``), for "oldest" also date (an ISO string), and perhaps ``eligible`` (Boolean): a
    member that is not (because another rule drops it) stays only if none is, so that a cluster is
    not lost with its best member. "best_rated" keeps the member of the highest rating, "oldest"
    that of the earliest date (dates are compared as strings, so they should have one form); those
    without come last. Among equals, and for "longest", the one of most characters stays; the
    smallest id settles what is left.

    Returns columns id, cluster, kept (``cluster`` is the id of the kept member), sorted by cluster
    and id. Raises ValueError if a document of an edge is not in ``documents``, or a column is.
    """
    from midtrain_dagster.curation.duplicates.components import components
    from midtrain_dagster.curation.duplicates.verification import numbered

    merits = {
        "longest": [],
        "best_rated": [-pl.col(rated_by).cast(pl.Float64).fill_nan(None)],
        "oldest": [pl.col("date")],
    }[keep] + [-pl.col("characters").cast(pl.Int64)]
    missing = {name for merit in merits for name in merit.meta.root_names()} - {*documents.columns}
    if missing:
        raise ValueError(
            f"keep: {keep} needs the column {', '.join(sorted(missing))} of the documents, which "
            f"has {', '.join(documents.columns)}"
        )
    if "eligible" in documents.columns:
        merits.insert(0, ~pl.col("eligible"))
    members, a, b = numbered(edges)
    table = pl.DataFrame({"id": members, "component": components(members.len(), a, b)}).join(
        documents.unique("id"), on="id", how="inner"
    )
    if table.height < members.len():
        lost = members.filter(~members.is_in(documents["id"].implode()))
        raise ValueError(
            f"{lost.len()} documents of duplicate edges are not in the summary, the first is "
            f"{lost[0]!r}: pass the documents of every part whose signatures were compared"
        )
    return (
        table.sort("component", *merits, "id", nulls_last=True)
        .select("id", cluster=pl.col("id").first().over("component"))
        .with_columns(kept=pl.col("id") == pl.col("cluster"))
        .sort("cluster", "id")
    )
