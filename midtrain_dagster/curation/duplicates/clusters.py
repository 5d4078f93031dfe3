"""Clusters of duplicates: which documents are one, and which one stays.

Clusters are the connected components of the verified edges, as in FineWeb and text-dedup: a chain
a ~ b ~ c is one cluster even where a and c are less alike than the threshold. That is the price of
needing no all-pairs comparison; a high threshold keeps chains short.

Memory grows with the corpus here, and nowhere else in deduplication but in candidates: about 100
bytes per edge.
"""

import numpy as np
import polars as pl

from midtrain_dagster.curation.duplicates.method import Keep

VERSION = 2

CLUSTERS = pl.Schema({"id": pl.String(), "cluster": pl.String(), "kept": pl.Boolean()})


def clusters(
    edges: pl.DataFrame, eligibility: pl.LazyFrame, *, keep: Keep, rated_by: str
) -> dict[str, pl.DataFrame]:
    """``clusters``: id, cluster, kept for the documents that some edge names.

    ``eligibility`` is the table of that name, of every part whose signatures were compared.
    """
    members = pl.concat([edges["a"], edges["b"]]).unique()
    known = eligibility.filter(pl.col("id").is_in(members.implode())).collect()
    judged = known.with_columns(eligible=pl.col("reason").is_null())
    return {"clusters": choose(edges, judged, keep=keep, rated_by=rated_by)}


def choose(
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


def by_part(
    clusters: pl.DataFrame, eligibility: pl.LazyFrame, *, rows: list[int]
) -> dict[str, pl.DataFrame]:
    """What the clusters say of each part of documents: id, kept, and the part's number (``part``).

    ``eligibility`` is that of all parts, ``rows`` how many of its rows each part has. So a part's
    decisions hang on its own members alone, and stay where another part's clusters change.
    """
    named = pl.col("id").is_in(clusters["id"].implode())
    found = eligibility.select("id").with_row_index("row").filter(named).collect()
    numbers = np.searchsorted(np.cumsum(rows), found["row"].to_numpy(), side="right")
    placed = found.select("id", part=pl.Series(numbers, dtype=pl.UInt32))
    table = placed.join(clusters.select("id", "kept"), on="id", maintain_order="left")
    return {"members": table.select("id", "kept", "part")}
