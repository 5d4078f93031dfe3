"""What decontamination has to say in the report: benchmark text that was found, and what of the
planted text was caught."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.decontamination import report_acquittals, report_plots
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    EXAMPLES,
    OFFENSIVE,
    Block,
    Card,
    Cell,
    Figure,
    Folded,
    Gate,
    KeyNumber,
    Line,
    Notice,
    PageSection,
    Sides,
    Span,
    Table,
    Text,
    columns,
    short_id,
)
from midtrain_dagster.display.words import excerpt

if TYPE_CHECKING:
    from midtrain_dagster.decontamination.reading import Pieces, Reading

VERSION = 5

FOUND = pl.Schema(
    {
        "benchmark": pl.String,
        "items": pl.Int64,
        "untestable": pl.Int64,
        "found": pl.Int64,
        "documents": pl.Int64,
        "hits": pl.Int64,
        "found_by": pl.String,
        "planted": pl.Int64,
        "caught": pl.Int64,
    }
)
"""By benchmark: its items, those that cannot be searched, those that were found in a document that
they were not planted in; the documents with a hit, the passages that match and by which texts of an
item; the documents into which its text was put, and those of them with a hit on that very item."""

SOURCES_SHOWN = 6
"""Of a benchmark, the sources with the most hits, from which passages are shown."""

TEMPLATES_SHOWN = 10
"""Of a benchmark, those of most items."""

Scans = Mapping[str, Artifact]
"""The scan (``contamination``) for each benchmark."""


def report_section(
    documents: Artifact,
    items: Mapping[str, Artifact],
    scans: Scans,
    synthetic: Mapping[str, Scans] | None = None,
    actions: Mapping[str, str] | None = None,
) -> PageSection:
    """The section: scans of the collected documents, and of the synthetic ones by method's name.

    ``items`` are the artifacts ``benchmark_items`` by benchmark, in the recipe's order; ``actions``
    say in words what becomes of documents with text of each (`actions.told`).
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
    blocks.append(Text(" ".join(shares_found(found)), note=True))
    if actions:
        blocks.append(Text(_done(actions), note=True))
    hits = with_sources(_hits(scans.values()), documents)
    if hits.height:
        blocks.append(_by_source(hits))
    blocks += _templates(scans)
    blocks += report_acquittals.blocks(scans)
    for (benchmark,), found_of in hits.group_by("benchmark", maintain_order=True):
        blocks.append(_side_by_side(found_of, items[str(benchmark)]))
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
    planted = _planted(documents)
    hits = _hits(scans.values())
    where = ["id", "benchmark", "item"]
    caught = planted.join(hits.unique(where), on=where)
    own = hits.join(planted, on=where, how="anti").unique(["benchmark", "item"])
    rows = [
        {
            "benchmark": name,
            "items": each.rows("items"),
            "untestable": scans[name].rows("untestable"),
            "found": own.filter(benchmark=name).height,
            "documents": hits.filter(benchmark=name)["id"].n_unique(),
            "hits": hits.filter(benchmark=name).height,
            "found_by": _found_by(hits.filter(benchmark=name)),
            "planted": planted.filter(benchmark=name).height,
            "caught": caught.filter(benchmark=name)["id"].n_unique(),
        }
        for name, each in items.items()
    ]
    return pl.DataFrame(rows, schema=FOUND)


def _planted(documents: Artifact) -> pl.DataFrame:
    """The documents into which an item was put: id, benchmark, item."""
    return (
        documents.scan("documents")
        .select(
            "id",
            benchmark=pl.col("metadata").str.json_path_match("$.planted.benchmark"),
            item=pl.col("metadata").str.json_path_match("$.planted.item"),
        )
        .filter(pl.col("benchmark").is_not_null())
        .collect()
    )


def items_found(documents: Artifact, scans: Scans) -> pl.DataFrame:
    """The items that stand in a collected document which they were not planted in: benchmark, item.

    All of these documents are dropped; a base that is given may have read them elsewhere.
    """
    hits = _hits(scans.values())
    own = hits.join(_planted(documents), on=["id", "benchmark", "item"], how="anti")
    return own.select("benchmark", "item").unique(maintain_order=True)


def shares_found(found: pl.DataFrame) -> list[str]:
    """Of each benchmark the share of its items that stand in the corpus: what a card must state.

    ``found`` is ``FOUND``.
    """
    return [
        f"{row['benchmark']}: {numbers.count(row['found'])} of {numbers.count(row['items'])} items "
        f"({numbers.share(row['found'] / row['items'])}) were found in collected documents"
        + (", beside those that were planted" if row["planted"] else "")
        + (
            f"; {numbers.count(row['untestable'])} are too short or too common to be looked for."
            if row["untestable"]
            else "."
        )
        for row in found.iter_rows(named=True)
    ]


def with_sources(hits: pl.DataFrame, documents: Artifact) -> pl.DataFrame:
    """The hits with the ``source`` of each one's document, in order."""
    accused = hits["id"].unique().implode()
    known = documents.scan("documents").select("id", "source").filter(pl.col("id").is_in(accused))
    return hits.join(known.collect().unique("id"), on="id", how="left", maintain_order="left")


def _done(actions: Mapping[str, str]) -> str:
    """What becomes of documents with a match, in words; one word for all where it is one."""
    if len(set(actions.values())) == 1:
        return f"Of text that matches, {next(iter(actions.values()))}."
    return " ".join(f"{name}: {done}." for name, done in actions.items())


def _by_source(hits: pl.DataFrame) -> Table:
    """Where the hits of each benchmark are from."""
    counted = (
        hits.group_by("benchmark", "source", maintain_order=True)
        .agg(items=pl.col("item").n_unique(), documents=pl.col("id").n_unique(), hits=pl.len())
        .sort("benchmark", "hits", "source", descending=[False, True, False], maintain_order=True)
    )
    rows = tuple(
        (benchmark, source or numbers.MISSING, *map(numbers.count, counts))
        for benchmark, source, *counts in counted.iter_rows()
    )
    head = ("Benchmark", "Source", "#Items", "#Documents with a hit", "#Passages")
    return Table(columns(*head), rows)


def some_of_each_source(hits: pl.DataFrame, of_each: int) -> pl.DataFrame:
    """The hits that are shown: of the sources with the most, the best of each item first."""
    ranked = hits.with_columns(of_source=pl.len().over("source"))
    most = ranked.group_by("source").agg(pl.len()).sort("len", "source", descending=[True, False])
    shown = most.head(SOURCES_SHOWN)["source"]
    return (
        ranked.filter(pl.col("source").is_in(shown.implode()))
        .sort(
            ["of_source", "source", "lcs_ratio"],
            descending=[True, False, True],
            maintain_order=True,
        )
        .group_by("source", maintain_order=True)
        .head(of_each)
        .drop("of_source")
    )


def _side_by_side(hits: pl.DataFrame, items: Artifact) -> Folded:
    """Passages of one benchmark beside its items, source by source."""
    from midtrain_dagster.decontamination.reading import readings

    shown = some_of_each_source(hits, EXAMPLES)
    wanted = shown["item"].unique().implode()
    own = items.scan("items").filter(pl.col("item").is_in(wanted)).collect()
    blocks = tuple(_sides(each) for each in readings(shown, own))
    words = f"{len(blocks)} of {hits.height:,} passages that match {hits['benchmark'][0]}"
    return Folded(words, blocks, OFFENSIVE)


def _sides(reading: "Reading") -> Sides:
    hit = reading.hit
    source, ratio = (
        str(hit["source"] or numbers.MISSING),
        numbers.share(float(str(hit["lcs_ratio"]))),
    )
    title: Line = (
        Span(f"{hit['benchmark']}, item {hit['item']}", "strong"),
        f" in {source}, by {_spoken(str(hit['found_by']))}, {ratio} of its words in order",
    )
    document = Card((short_id(str(hit["id"])),), marked=_marked(reading.passage))
    item = Card((f"item {hit['item']}",), marked=_marked(reading.item))
    return Sides(title, "The document", (document,), "The item", (item,))


def _marked(pieces: "Pieces") -> Line:
    return tuple(Span(text, "match") if is_shared else text for text, is_shared in pieces)


def _hits(scans: Iterable[Artifact]) -> pl.DataFrame:
    tables = [each.read("hits") for each in scans]
    return pl.concat(tables).select("benchmark", "item", "id", "found_by", "text", "lcs_ratio")


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
            *(numbers.count(row[name]) for name in ("items", "untestable")),
            f"{numbers.count(row['found'])} ({numbers.share(row['found'] / row['items'])})",
            *(numbers.count(row[name]) for name in ("documents", "hits")),
            row["found_by"] or numbers.MISSING,
            f"{row['caught']} of {row['planted']}" if row["planted"] else numbers.MISSING,
        ]
        if synthetic:
            hits = _hits(made[row["benchmark"]])
            cells.append(numbers.count(hits["id"].n_unique()))
        rows.append(tuple(cells))
    head = (
        *("Benchmark", "#Items", "#Untestable", "#Found in the corpus", "#Documents with a hit"),
        *("#Passages", "Found by"),
    )
    more = ("#Synthetic documents with a hit",) if synthetic else ()
    return Table(columns(*head, "#Planted, caught", *more), tuple(rows))
