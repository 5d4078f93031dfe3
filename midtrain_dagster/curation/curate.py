"""Curation's units of work that are more than one function: what a task runs and what it writes."""

from pathlib import Path

import polars as pl

from midtrain_dagster.curation import repeated_text as repeated
from midtrain_dagster.curation import sampling
from midtrain_dagster.curation.decisions import decide, standing
from midtrain_dagster.curation.duplicates import candidates, verification
from midtrain_dagster.curation.duplicates import clusters as duplicates
from midtrain_dagster.curation.duplicates.clusters import Keep
from midtrain_dagster.curation.personal_data import spans as personal
from midtrain_dagster.curation.raters import embedding_rater, pairwise_rater
from midtrain_dagster.curation.removal import funnel
from midtrain_dagster.curation.sampling import Sampling

Tables = dict[str, pl.DataFrame]


def drawn(documents: pl.DataFrame, *, count: int, seed: int) -> Tables:
    """``drawn``: up to ``count`` documents at random."""
    from midtrain_dagster.curation.raters.draws import drawn

    return drawn(documents, count=count, seed=seed)


def train_embedding_rater(
    examples: pl.DataFrame, documents: pl.LazyFrame, *, embedding: Path, ridge: float
) -> dict[str, pl.DataFrame | bytes]:
    """`embedding_rater.train` on labels, of which those without a text are documents."""
    named = examples.filter(pl.col("text").is_null())["id"]
    texts = documents.filter(pl.col("id").is_in(named.implode())).select("id", "text").collect()
    return embedding_rater.train(texts, examples, embedding=embedding, ridge=ridge)


def train_pairwise_rater(
    examples: pl.DataFrame,
    documents: pl.LazyFrame,
    *,
    embedding: Path,
    prior: float,
    ridge: float,
) -> dict[str, pl.DataFrame | bytes]:
    """`pairwise_rater.train` on judgements of documents."""
    named = pl.concat([examples["a"], examples["b"]]).unique()
    texts = documents.filter(pl.col("id").is_in(named.implode())).select("id", "text").collect()
    return pairwise_rater.train(texts, examples, embedding=embedding, prior=prior, ridge=ridge)


def exact_pairs(signatures: pl.LazyFrame) -> Tables:
    """``pairs``: documents of equal texts, over all parts."""
    return {"pairs": candidates.exact_pairs(signatures)}


def band_pairs(signatures: pl.LazyFrame, *, bands: list[str], bucket_limit: int) -> Tables:
    """``pairs``: documents that share a bucket of one of the bands, over all parts."""
    pairs = [
        candidates.band_pairs(signatures, band=band, bucket_limit=bucket_limit) for band in bands
    ]
    return {"pairs": candidates.union(pairs)}


def verify(documents: pl.LazyFrame, *, pairs: pl.DataFrame, shingle: int) -> Tables:
    """``verified``: the pairs of one batch, measured on their texts."""
    return {"verified": verification.verify(pairs, documents, shingle=shingle)}


def clusters(
    edges: pl.DataFrame, eligibility: pl.LazyFrame, *, keep: Keep, rated_by: str
) -> Tables:
    """``clusters``: id, cluster, kept for the documents that some edge names."""
    members = pl.concat([edges["a"], edges["b"]]).unique()
    known = eligibility.filter(pl.col("id").is_in(members.implode())).collect()
    judged = known.with_columns(eligible=pl.col("reason").is_null())
    return {"clusters": duplicates.clusters(edges, judged, keep=keep, rated_by=rated_by)}


def keepers(units: pl.DataFrame, eligibility: pl.LazyFrame, clusters: pl.DataFrame) -> Tables:
    """``keepers``: the occurrence that stays of each unit that documents which stay repeat."""
    judged = standing(eligibility.select("id", "reason").collect(), clusters)
    return repeated.keepers(units, judged.filter(pl.col("reason").is_null()).select("id"))


def sample(
    eligibility: pl.LazyFrame,
    clusters: pl.DataFrame,
    repeated_text: pl.DataFrame | None = None,
    *,
    budget: Sampling,
    maximum_repeated: float,
) -> Tables:
    """``copies`` of the documents of sampled domains, and ``domains``, which summarises them."""
    chosen = eligibility.filter(pl.col("domain").is_in(list(budget.domains))).collect()
    judged = standing(chosen, clusters, repeated_text, maximum_repeated=maximum_repeated)
    return sampling.sample(judged.filter(pl.col("reason").is_null()), sampling=budget)


def curate(
    eligibility: pl.DataFrame,
    clusters: pl.DataFrame,
    repeated_text: pl.DataFrame | None = None,
    personal_data: pl.DataFrame | None = None,
    sample: pl.DataFrame | None = None,
    *,
    maximum_repeated: float,
) -> dict[str, pl.DataFrame]:
    """``decisions`` on one part's documents, and its share of the ``funnel``."""
    judged = standing(eligibility, clusters, repeated_text, maximum_repeated=maximum_repeated)
    listed = [] if repeated_text is None else [repeated.edits(repeated_text)]
    listed += [] if personal_data is None else [personal.edits(personal_data)]
    edits = pl.concat(listed).explode("edits").unnest("edits") if listed else None
    made = decide(judged, sample, edits)
    return {**made, "funnel": funnel(eligibility, made["decisions"])}
