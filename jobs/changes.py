"""What an invocation has changed: recorded in the store, shown in the run and in the terminal.

Every invocation that ends with documents and decisions as they are to be leaves a record, whoever
started it: so a document that went is found again by whoever asks for it.
"""

from collections.abc import Mapping, Sequence

import dagster as dg
import polars as pl

from assets.build import markdown_table
from assets.tokens import curated_pairs
from jobs.news import News
from jobs.tags import RUN
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.making import now
from midtrain_dagster.core.schema import synthetic_source
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.refresh.changes import CHANGES, Corpus, changed_clusters, changes, corpora
from midtrain_dagster.refresh.record import (
    Amount,
    Refreshed,
    read_state,
    summary,
    write_record,
    write_state,
)
from resources.artifacts import asset_name


def record_changes(recipe: Recipe, news: News, run: str) -> Refreshed | None:
    """Compare what there is with what the last record saw, and write that down.

    None where documents or their decisions are not as they are to be, as of a run that was to go
    less far: there is nothing to compare then.
    """
    store = news.planner.store
    made = _made(recipe, news)
    pairs = curated_pairs(recipe)
    after = corpora(made, pairs)
    if len(after) < len(pairs):
        return None
    known = read_state(store, recipe.name)
    before = corpora(known, pairs)
    compared = [changes(before.get(name), corpus) for name, corpus in after.items()]
    table = pl.concat([CHANGES.to_frame(), *compared]).sort("id")
    sources, decisions, reasons = summary(table, _totals(after))
    record = Refreshed(
        run=run,
        when=now(),
        sources=sources,
        decisions=decisions,
        new_reasons=reasons,
        changed_clusters=sum(changed_clusters(before.get(name), after[name]) for name in after),
        seconds=asset_seconds(news.instance, news.planner.assets, run),
        first=not known,
    )
    write_record(store.storage, recipe.name, record, table)
    write_state(store.storage, recipe.name, made)
    return record


def _made(recipe: Recipe, news: News) -> dict[str, Artifact]:
    """The artifacts that are compared, by asset, as far as they are as they are to be."""
    wanted = {"token_shards"}
    for documents, decisions in curated_pairs(recipe):
        clusters = f"{documents.removesuffix('documents')}duplicate_clusters"
        wanted |= {documents, decisions, clusters}
    return {step.name: step.artifact for step in news.plan().having("reuse") if step.name in wanted}


def _totals(corpora: Mapping[str, Corpus]) -> dict[str, Amount]:
    """Documents and tokens of each source."""
    rows = [
        (
            part.label or synthetic_source(asset.split("/")[1]),
            part.rows,
            corpus.tokens[number] if corpus.tokens else None,
        )
        for asset, corpus in corpora.items()
        for number, part in enumerate(corpus.documents)
    ]
    schema = {"source": pl.String, "documents": pl.Int64, "tokens": pl.Int64}
    counted = pl.DataFrame(rows, schema=schema, orient="row").group_by("source")
    totals = counted.agg(
        pl.col("documents").sum(),
        tokens=pl.when(pl.col("tokens").is_not_null().any()).then(pl.col("tokens").sum()),
    )
    return {
        source: Amount(documents=documents, tokens=tokens)
        for source, documents, tokens in totals.sort("source").iter_rows()
    }


def asset_seconds(
    instance: dg.DagsterInstance, assets: Sequence[dg.AssetsDefinition], run: str
) -> dict[str, float]:
    """What each asset took in the Dagster runs of an invocation, its partitions together; in the
    order in which they began."""
    names = {each.op.name: asset_name(each.key) for each in assets}
    taken: dict[str, float] = {}
    for each in reversed(instance.get_runs(dg.RunsFilter(tags={RUN: run}))):
        stats = instance.get_run_step_stats(each.run_id)
        for step in sorted(stats, key=lambda step: step.start_time or 0.0):
            name = names.get(step.step_key.partition("[")[0])
            if name and step.start_time and step.end_time:
                taken[name] = taken.get(name, 0.0) + step.end_time - step.start_time
    return {name: round(seconds, 3) for name, seconds in taken.items()}


def shown(record: Refreshed) -> dict[str, dg.MarkdownMetadataValue]:
    """The record as a run's page shows it."""
    said = {
        "changes": markdown_table(
            ("source", "came", "went", "kept", "tokens came", "tokens went", "tokens kept"),
            (
                (source, *(f"{each.documents:,}" for each in amounts), *map(_tokens, amounts))
                for source, moved in record.sources.items()
                for amounts in [(moved.came, moved.went, moved.kept)]
            ),
            numbers=("came", "went", "kept", "tokens came", "tokens went", "tokens kept"),
        ),
        "seconds": markdown_table(
            ("asset", "seconds"),
            ((name, f"{seconds:,.1f}") for name, seconds in record.seconds.items()),
            numbers=("seconds",),
        ),
    }
    if record.decisions:
        said["decided_otherwise"] = markdown_table(
            ("before", "now", "documents"),
            ((each.before, each.after, f"{each.documents:,}") for each in record.decisions),
            numbers=("documents",),
        )
    return said


def _tokens(amount: Amount) -> str:
    return "" if amount.tokens is None else f"{amount.tokens:,}"
