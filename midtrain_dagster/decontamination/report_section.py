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
    Folded,
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

VERSION = 3

FOUND = pl.Schema(
    {
        "benchmark": pl.String,
        "items": pl.Int64,
        "untestable": pl.Int64,
        "documents": pl.Int64,
        "hits": pl.Int64,
        "found_by": pl.String,
        "planted": pl.Int64,
        "caught": pl.Int64,
    }
)
"""By benchmark: its items, those that cannot be searched, the documents with a hit, the passages
that match and by which texts of an item; the documents into which its text was put, and those of
them with a hit on that very item."""

TEMPLATES_SHOWN = 10
"""Of a benchmark, those of most items."""

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
    blocks += _templates(scans)
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
            "untestable": scans[name].rows("untestable"),
            "documents": hits.filter(benchmark=name)["id"].n_unique(),
            "hits": hits.filter(benchmark=name).height,
            "found_by": _found_by(hits.filter(benchmark=name)),
            "planted": planted.filter(benchmark=name).height,
            "caught": caught.filter(benchmark=name)["id"].n_unique(),
        }
        for name, each in items.items()
    ]
    return pl.DataFrame(rows, schema=FOUND)


def _hits(scans: Iterable[Artifact]) -> pl.DataFrame:
    tables = [each.read("hits") for each in scans]
    return pl.concat(tables).select("benchmark", "item", "id", "found_by", "text")


def _found_by(hits: pl.DataFrame) -> str:
    """The kinds of text and how many passages each has found, the most first."""
    kinds = (
        hits["found_by"].cast(pl.String).value_counts().sort("count", "found_by", descending=True)
    )
    return ", ".join(f"{_spoken(kind)} {count}" for kind, count in kinds.iter_rows())


def _spoken(kind: str) -> str:
    return kind.replace("_", " and ")


def _templates(scans: Scans) -> list[Block]:
    """The template text of each benchmark that has any."""
    blocks: list[Block] = []
    for name, scan in scans.items():
        found = scan.read("templates")
        if found.is_empty():
            continue
        shown = found.head(TEMPLATES_SHOWN).select("items", "text").iter_rows()
        rows = tuple((numbers.count(items), excerpt(text)) for items, text in shown)
        words = f"{numbers.count(found.height)} texts that items of {name} share, no evidence"
        blocks.append(Folded(words, (Table(columns("#Items", "Text in common"), rows),)))
    return blocks


def _table(found: pl.DataFrame, synthetic: Mapping[str, Scans]) -> Table:
    made = {
        benchmark: [scans[benchmark] for scans in synthetic.values()]
        for benchmark in found["benchmark"]
    }
    rows: list[tuple[Cell, ...]] = []
    for row in found.iter_rows(named=True):
        cells: list[Cell] = [
            row["benchmark"],
            *(numbers.count(row[name]) for name in ("items", "untestable", "documents", "hits")),
            row["found_by"] or numbers.MISSING,
            f"{row['caught']} of {row['planted']}" if row["planted"] else numbers.MISSING,
        ]
        if synthetic:
            hits = _hits(made[row["benchmark"]])
            cells.append(numbers.count(hits["id"].n_unique()))
        rows.append(tuple(cells))
    head = ("Benchmark", "#Items", "#Untestable", "#Documents with a hit", "#Passages", "Found by")
    more = ("#Synthetic documents with a hit",) if synthetic else ()
    return Table(columns(*head, "#Planted, caught", *more), tuple(rows))


def _card(row: dict[str, str]) -> Card:
    found_by = _spoken(row["found_by"])
    labels = (row["benchmark"], f"item {row['item']}", f"by {found_by}", short_id(row["id"]))
    return Card(labels, quote=excerpt(row["text"]))
