"""What curation has to say in the report: the funnel, and the decisions with examples."""

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.curation import report_plots
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.removal import FUNNEL, removal_by_source
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Block,
    Card,
    Cell,
    Figure,
    Gate,
    Heading,
    KeyNumber,
    PageSection,
    ShareBar,
    Span,
    Table,
    columns,
    decision_tag,
    examples,
    short_id,
)
from midtrain_dagster.display.words import excerpt

VERSION = 3

OF_A_REASON = 2
"""Examples of documents for each reason."""

SOURCES = 4
"""Sources that are named of a decision."""

REASONS = 3
"""Reasons that are named of a source."""


def report_section(documents: Artifact, curated: Artifact, policy: CurationPolicy) -> PageSection:
    """The section of the collected documents: ``documents``, and their ``curated_documents``."""
    summary = documents.scan("documents").select("id", "source").collect()
    decisions = curated.read("decisions").select("id", "reason")
    decided = summary.join(decisions, on="id")
    figure = Figure(
        "funnel",
        report_plots.funnel(funnel_table(curated)),
        "Left: documents left after each step. Right: the share of each source. A step that "
        "empties one source and spares the others deserves a look at its examples: templated "
        "text, another language, or a filter made for another kind of document.",
    )
    removal = removal_by_source(curated.read("reasons"))
    kept = decided.filter(reason="kept").height
    return PageSection(
        "curation",
        "Curation",
        "Documents are never changed or copied on the way: each step only adds what it learnt, and "
        "one table of decisions says of every document whether it stays, and why.",
        (
            figure,
            Heading("Dropped of each source"),
            removal_table(removal, policy),
            Heading("Decisions"),
            decision_table(decided),
            *_examples(documents, decided),
        ),
        numbers=(KeyNumber(numbers.count(kept), "documents kept"),),
        gates=(_removal_gate(removal, policy),),
    )


def funnel_table(curated: Artifact) -> pl.DataFrame:
    """The funnel over all parts (``FUNNEL``): what is left after each step."""
    keys = ["step", "source", "kind"]
    counts = pl.col("documents", "characters").sum()
    table = curated.scan("funnel").group_by(keys, maintain_order=True).agg(counts)
    return table.select(FUNNEL.names()).collect()


def removal_table(removal: pl.DataFrame, policy: CurationPolicy) -> Table:
    """What each source lost (``REMOVAL``), against its ceiling, and for which reasons most."""
    rows: list[tuple[Cell, ...]] = []
    for source, documents, removed, share, reasons in removal.iter_rows():
        named = [
            f"{each['reason']} {numbers.share(each['documents'] / documents)}" for each in reasons
        ]
        more = [f"and {len(named) - REASONS} more"] if len(named) > REASONS else []
        rows.append(
            (
                Span(source, "strong"),
                numbers.count(documents),
                numbers.count(removed),
                numbers.share(share),
                ShareBar(share),
                numbers.share(policy.ceiling_of(source)),
                ", ".join([*named[:REASONS], *more]),
            )
        )
    titles = ("Source", "#Documents", "#Dropped", "#Share", "", "#At most", "Most of it for")
    return Table(columns(*titles), tuple(rows))


def _removal_gate(removal: pl.DataFrame, policy: CurationPolicy) -> Gate:
    """The source that came nearest to its ceiling."""
    shares = dict(removal.select("source", "share").iter_rows())
    ceilings = {source: policy.ceiling_of(source) for source in shares}
    nearest = max(shares, key=lambda source: (shares[source] - ceilings[source], source))
    return Gate(
        "removal_ceiling",
        "no source lost more documents than its declared ceiling; nearest to it is "
        f"{nearest}, which lost {numbers.share(shares[nearest])} of at most "
        f"{numbers.share(ceilings[nearest])}",
    )


def decision_table(decided: pl.DataFrame) -> Table:
    """Documents by decision, kept ones first, and where they came from.

    ``decided`` has a row a document: ``source`` and ``reason`` (``kept``, or why it was dropped).
    """
    rows: list[tuple[Cell, ...]] = []
    for reason, documents, sources in _by_reason(decided).iter_rows():
        share = documents / decided.height
        named = [f"{each['source']} {numbers.count(each['len'])}" for each in sources]
        more = [f"and {len(named) - SOURCES} more"] if len(named) > SOURCES else []
        rows.append(
            (
                Span(reason, "strong" if reason == "kept" else "code"),
                numbers.count(documents),
                numbers.share(share),
                ShareBar(share, strong=reason == "kept"),
                ", ".join([*named[:SOURCES], *more]),
            )
        )
    return Table(columns("Decision", "#Documents", "#Share", "", "From"), tuple(rows))


def _by_reason(decided: pl.DataFrame) -> pl.DataFrame:
    """Each reason with its documents and the sources they came from, the largest first."""
    return (
        decided.group_by("reason", "source")
        .len()
        .sort("len", "source", descending=[True, False])
        .group_by("reason", maintain_order=True)
        .agg(documents=pl.col("len").sum(), sources=pl.struct("source", "len"))
        .sort(pl.col("reason") == "kept", "documents", "reason", descending=[True, True, False])
    )


def _examples(documents: Artifact, decided: pl.DataFrame) -> tuple[Block, ...]:
    """Two documents of each reason, with their text; no other text is read."""
    order = _by_reason(decided)["reason"]
    chosen = (
        decided.sort("id")
        .group_by("reason", maintain_order=True)
        .head(OF_A_REASON)
        .sort(pl.col("reason").cast(pl.Enum(order)), "id")
    )
    texts = (
        documents.scan("documents")
        .select("id", "text")
        .filter(pl.col("id").is_in(chosen["id"].implode()))
        .collect()
    )
    rows = chosen.join(texts, on="id", how="left", maintain_order="left").iter_rows(named=True)
    cards = [
        Card(
            (decision_tag(row["reason"]), row["source"], short_id(row["id"])),
            quote=excerpt(row["text"]),
        )
        for row in rows
    ]
    return examples(f"Up to {OF_A_REASON} documents of each decision", tuple(cards))
