"""What decontamination has to say in the report: benchmark text that was found, and what of the
planted text was caught."""

from collections.abc import Iterable, Mapping

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.decontamination import report_plots
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    EXAMPLES,
    Block,
    Card,
    Cell,
    Figure,
    Gate,
    KeyNumber,
    Notice,
    PageSection,
    Table,
    columns,
    examples,
    short_id,
)
from midtrain_dagster.display.words import excerpt

VERSION = 2

FOUND = pl.Schema(
    {
        "benchmark": pl.String,
        "items": pl.Int64,
        "documents": pl.Int64,
        "hits": pl.Int64,
        "planted": pl.Int64,
        "caught": pl.Int64,
    }
)
"""By benchmark: its items, the documents with a hit and the passages that match; the documents into
which its text was put, and those of them with a hit on that very item."""

Scans = Mapping[str, Artifact]
"""The scan (``contamination``) for each benchmark."""


def report_section(
    documents: Artifact,
    items: Mapping[str, Artifact],
    scans: Scans,
    synthetic: Mapping[str, Scans] | None = None,
) -> PageSection:
    """The section: scans of the collected documents, and of the synthetic ones by method's name.

    ``items`` are the artifacts ``benchmark_items`` by benchmark, in the recipe's order.
    """
    title = "Contamination"
    lead = (
        "A benchmark measures nothing once its items were read in training. Documents that hold "
        "them are found and removed. Documents with benchmark text planted in them, where a recipe "
        "has any, show how well that works: what counts is how many of them were caught."
    )
    if not items:
        notice = Notice("No benchmark was scanned for.")
        return PageSection("contamination", title, lead, (notice,))
    found = found_by_benchmark(documents, items, scans)
    figure = Figure(
        "contamination",
        report_plots.contamination(found),
        "Left: documents with a match, and the matching passages in them. Right: planted documents "
        "(outline) and those caught (filled). Every gap at the right is benchmark text that the "
        "scan missed.",
    )
    planted, caught = int(found["planted"].sum()), int(found["caught"].sum())
    blocks: list[Block] = [figure, _table(found, synthetic or {})]
    hits = _hits(scans.values())
    for (benchmark,), found_of in hits.group_by("benchmark", maintain_order=True):
        cards = tuple(_card(row) for row in found_of.head(EXAMPLES).iter_rows(named=True))
        words = f"{len(cards)} of {found_of.height:,} passages that match {benchmark}"
        blocks += examples(words, cards)
    number = KeyNumber(f"{caught} of {planted}", "planted test items caught")
    return PageSection(
        "contamination",
        title,
        lead,
        tuple(blocks),
        numbers=(number,) if planted else (),
        gates=(
            Gate(
                "no_benchmark_text_in_the_shards",
                f"the token shards, decoded, hold no item of {', '.join(items)}",
            ),
        ),
    )


def found_by_benchmark(
    documents: Artifact, items: Mapping[str, Artifact], scans: Scans
) -> pl.DataFrame:
    """What was found of each benchmark (``FOUND``)."""
    planted = (
        documents.scan("documents")
        .select(
            "id",
            benchmark=pl.col("metadata").str.json_path_match("$.planted.benchmark"),
            item=pl.col("metadata").str.json_path_match("$.planted.item"),
        )
        .filter(pl.col("benchmark").is_not_null())
        .collect()
    )
    hits = _hits(scans.values())
    caught = planted.join(hits.unique(["id", "benchmark", "item"]), on=["id", "benchmark", "item"])
    rows = [
        {
            "benchmark": name,
            "items": each.rows("items"),
            "documents": hits.filter(benchmark=name)["id"].n_unique(),
            "hits": hits.filter(benchmark=name).height,
            "planted": planted.filter(benchmark=name).height,
            "caught": caught.filter(benchmark=name)["id"].n_unique(),
        }
        for name, each in items.items()
    ]
    return pl.DataFrame(rows, schema=FOUND)


def _hits(scans: Iterable[Artifact]) -> pl.DataFrame:
    tables = [each.read("hits") for each in scans]
    return pl.concat(tables).select("benchmark", "item", "id", "text")


def _table(found: pl.DataFrame, synthetic: Mapping[str, Scans]) -> Table:
    made = {
        benchmark: [scans[benchmark] for scans in synthetic.values()]
        for benchmark in found["benchmark"]
    }
    rows: list[tuple[Cell, ...]] = []
    for row in found.iter_rows(named=True):
        cells: list[Cell] = [
            row["benchmark"],
            *(numbers.count(row[name]) for name in ("items", "documents", "hits")),
            f"{row['caught']} of {row['planted']}" if row["planted"] else numbers.MISSING,
        ]
        if synthetic:
            hits = _hits(made[row["benchmark"]])
            cells.append(numbers.count(hits["id"].n_unique()))
        rows.append(tuple(cells))
    head = ("Benchmark", "#Items", "#Documents with a hit", "#Passages", "#Planted, caught")
    more = ("#Synthetic documents with a hit",) if synthetic else ()
    return Table(columns(*head, *more), tuple(rows))


def _card(row: dict[str, str]) -> Card:
    labels = (row["benchmark"], f"item {row['item']}", short_id(row["id"]))
    return Card(labels, quote=excerpt(row["text"]))
