"""Curation of a few documents before a run: what would be dropped of them, and for what.

The functions are those that the assets call, in this process, and nothing is stored: duplicates
are looked for in a folder that goes. What speaks against a document in other documents, benchmarks
or models that are not trained yet is not known here, `NOT_LOOKED_AT`.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.parts import Output, Work, do_work, read_table, write_output
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.curation.c4_edits import c4_edits, left
from midtrain_dagster.curation.distributions import bounds
from midtrain_dagster.curation.duplicates.clusters import clusters
from midtrain_dagster.curation.duplicates.method import EDGES, Corpus, Method
from midtrain_dagster.curation.eligibility import eligibility
from midtrain_dagster.curation.language import identify
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.signals.signals import signals
from midtrain_dagster.curation.signals.word_lists import Entries
from midtrain_dagster.curation.standing import standing

NOT_LOOKED_AT = (
    "ratings, benchmark items, repeated text, sampling, duplicates of documents beyond these"
)


def preview(
    documents: pl.DataFrame,
    *,
    policy: CurationPolicy,
    duplicates: Sequence[Method],
    model: Path | None,
    word_lists: Entries | None = None,
) -> pl.DataFrame:
    """Judge some documents, of the schema DOCUMENTS.

    ``model`` identifies languages, None where the recipe asks for none; ``word_lists`` are those
    that its rules ask for. Returns the documents with
    ``reason`` (as in the decisions; null if kept), ``measured`` (why, with figures) and
    ``language``, in their order.
    """
    policy = policy.unrated
    spoken = identify(documents, model=model)["language"] if model else None
    measured = signals(
        documents,
        names=policy.signals,
        cutting=policy.cutting,
        language=spoken,
        word_lists=word_lists,
    )["signals"]
    eligible = eligibility(documents, spoken, measured, None, policy=policy)["eligibility"]
    groups = _clusters(_compared(documents, policy), eligible, duplicates)
    judged = standing(eligible, groups)
    table = (
        documents.drop("language")
        .join(judged.select("id", "reason"), on="id", how="left", maintain_order="left")
        .join(measured.drop("error"), on="id", how="left", maintain_order="left")
    )
    if spoken is None:
        table = table.with_columns(
            language=pl.lit(None, pl.String), language_score=pl.lit(None, pl.Float32)
        )
    else:
        table = table.join(spoken.drop("error"), on="id", how="left", maintain_order="left")
    return table.with_columns(measured=_measured(table, policy, groups)).select(
        *documents.columns, "reason", "measured"
    )


def _compared(documents: pl.DataFrame, policy: CurationPolicy) -> pl.DataFrame:
    """The documents as C4 leaves them where the policy cuts: texts that are compared."""
    if policy.cutting is None:
        return documents
    return left(documents, c4_edits(documents, policy=policy)["c4_edits"])["documents"]


def _clusters(
    documents: pl.DataFrame, eligible: pl.DataFrame, methods: Sequence[Method]
) -> pl.DataFrame:
    """Groups of duplicates among the documents; without ratings, the longest of each stays."""
    with TemporaryDirectory(prefix="midtrain-preview-") as folder:
        storage = Storage(root=folder)

        def run(works: Sequence[Work]) -> list[list[Part]]:
            return [do_work(storage, work) for work in works]

        def write(name: str, output: Output) -> Part:
            return write_output(storage, name, name, output)

        part = write("documents", documents)
        found = []
        for method, signed in zip(methods, run([each.sign(part) for each in methods]), strict=True):
            parts, _ = method.edges(Corpus([part], signed, [], storage, run, write))
            found += [read_table(storage, each) for each in parts if each.table == EDGES]
    first = methods[0]
    keep = "longest" if first.keep == "best_rated" else first.keep
    edges = pl.concat(found)
    return clusters(edges, eligible.lazy(), keep=keep, rated_by=first.rated_by)["clusters"]


def _measured(table: pl.DataFrame, policy: CurationPolicy, groups: pl.DataFrame) -> pl.Expr:
    """What was measured against what was asked, in words, where that decided."""
    spoken = pl.format("{} ({})", "language", pl.col("language_score").round(2))
    words = [
        pl.when(pl.col("reason").str.starts_with("language:")).then(spoken),
        pl.when(pl.col("reason") == "duplicate").then(
            pl.format("of {}", _place_of_kept(table, groups))
        ),
    ]
    for bound in bounds(policy):
        if bound.table != "signals":
            continue
        side = "at least" if bound.side == "minimum" else "at most"
        decided = (pl.col("reason") == bound.reason) & bound.scope.covers & ~bound.within
        value = pl.col(bound.attribute).cast(pl.Float64).round_sig_figs(3)
        limit = pl.lit(f"{side} {bound.value:g}")
        told = pl.format("{} {}, asked {}", pl.lit(bound.attribute), _written(value), limit)
        words.append(pl.when(decided).then(told))
    return pl.coalesce(words)


def _written(value: pl.Expr) -> pl.Expr:
    return value.cast(pl.String).str.strip_suffix(".0")


def _place_of_kept(table: pl.DataFrame, groups: pl.DataFrame) -> pl.Expr:
    places = dict(table.select("id", "locator").iter_rows())
    kept = {each: places[cluster] for each, cluster in groups.select("id", "cluster").iter_rows()}
    return pl.col("id").replace_strict(kept, default=None, return_dtype=pl.String)
