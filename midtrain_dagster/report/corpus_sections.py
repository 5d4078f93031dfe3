"""The sections on data: mixture, curation, contamination, synthesis."""

from collections.abc import Iterable

import polars as pl

from midtrain_dagster.report import corpus_plots, numbers
from midtrain_dagster.report.data import ReportData
from midtrain_dagster.report.markup import (
    Html,
    element,
    escape,
    excerpt,
    figure,
    join,
    nothing,
    section,
    table,
)
from midtrain_dagster.report.style import figure_svg


def mixture(data: ReportData) -> Html:
    """What each stage was to read, what it read, and how often."""
    lead = (
        "A stage's mixture says what share of its tokens comes from each domain. Part of the old "
        "distribution stays in, so that the model keeps what it knew."
    )
    if not data.planned:
        return section("mixture", "Mixture", lead, nothing("No stage declares a mixture."))
    drawn = figure(
        figure_svg(corpus_plots.mixture(data.planned, data.delivered)),
        "mixture",
        "Planned above, delivered below. They should agree to within a window of tokens; where "
        "they do not, a domain ran out or its documents did not fit.",
    )
    parts = [drawn, *_epochs(data.epochs)] if data.epochs.height else [drawn]
    return section("mixture", "Mixture", lead, *parts)


def curation(data: ReportData) -> Html:
    """The funnel, and the decisions with examples."""
    lead = (
        "Documents are never changed or copied on the way: each step only adds what it learnt, and "
        "one table of decisions says of every document whether it stays, and why."
    )
    if data.funnel.is_empty():
        return section("curation", "Curation", lead, nothing("No documents were collected."))
    parts: list[Html] = [
        figure(
            figure_svg(corpus_plots.funnel(data.funnel)),
            "funnel",
            "Left: documents left after each step. Right: the share of each source. A step that "
            "empties one source and spares the others deserves a look at its examples: templated "
            "text, another language, or a filter made for another kind of document.",
        )
    ]
    if data.decisions.height:
        parts.append(element("h3", "Decisions"))
        parts.append(_decisions(data.decisions))
    if data.examples.height:
        parts.append(element("h3", "Examples"))
        parts.append(_cards(_example(row) for row in data.examples.iter_rows(named=True)))
    return section("curation", "Curation", lead, *parts)


def contamination(data: ReportData) -> Html:
    """Benchmark text in the corpus, and how much of what we planted was caught."""
    lead = (
        "A benchmark measures nothing once its items were read in training. Documents that hold "
        "them are found and removed. To know how well that works, this run planted documents with "
        "benchmark text in them and counts how many were caught."
    )
    found = data.contamination
    if found.is_empty():
        return section(
            "contamination", "Contamination", lead, nothing("No benchmark was scanned for.")
        )
    drawn = figure(
        figure_svg(corpus_plots.contamination(found)),
        "contamination",
        "Left: documents with a match, and the matching passages in them. Right: planted documents "
        "(outline) and those caught (filled). Every gap at the right is a document that would have "
        "been trained on.",
    )
    rows = [
        (
            row["benchmark"],
            numbers.count(row["items"]),
            numbers.count(row["documents"]),
            numbers.count(row["hits"]),
            f"{row['caught'] or 0} of {row['planted']}" if row["planted"] else numbers.MISSING,
        )
        for row in found.iter_rows(named=True)
    ]
    columns = ("Benchmark", "#Items", "#Documents with a hit", "#Passages", "#Planted, caught")
    parts = [drawn, table(columns, rows)]
    if data.hits.height:
        parts.append(element("h3", "Examples of matches"))
        cards = (
            _card(
                (row["benchmark"], f"item {row['item']}", _short(row["id"])),
                element("blockquote", excerpt(row["text"])),
            )
            for row in data.hits.iter_rows(named=True)
        )
        parts.append(_cards(cards))
    return section("contamination", "Contamination", lead, *parts)


def synthesis(data: ReportData) -> Html:
    """What was generated, what was kept, and what it looks like."""
    lead = (
        "Questions and answers generated from corpus text pass the same filters as all documents, "
        "and filters of their own before that."
    )
    if data.synthesis.is_empty():
        return section(
            "synthesis", "Synthesis", lead, nothing("This recipe makes no synthetic documents.")
        )
    parts = [
        figure(
            figure_svg(corpus_plots.synthesis_yield(data.synthesis)),
            "synthesis",
            "Kept pairs are blue; grey ones were rejected for the reason given. A small yield is "
            "no fault in itself: rejecting is cheap, and what is kept is trained on.",
        )
    ]
    if data.pairs.height:
        parts.append(element("h3", "Examples of kept pairs"))
        cards = (
            _card(
                (),
                element("p", element("b", "Question "), excerpt(row["question"])),
                element("p", element("b", "Answer "), excerpt(row["answer"])),
                element("blockquote", excerpt(row["passage"])),
            )
            for row in data.pairs.iter_rows(named=True)
        )
        parts.append(_cards(cards))
    return section("synthesis", "Synthesis", lead, *parts)


def _epochs(epochs: pl.DataFrame) -> list[Html]:
    """Tokens of each domain that each stage read, and how often over that was."""
    stages = epochs["stage"].unique(maintain_order=True).to_list()
    read = {(row["stage"], row["domain"]): row for row in epochs.iter_rows(named=True)}
    available = dict(epochs.select("domain", "available").iter_rows())
    rows = []
    for domain, tokens in available.items():
        cells: list[Html] = []
        for stage in stages:
            row = read.get((stage, domain))
            if row is None:
                cells.append(escape(numbers.MISSING))
                continue
            often = element("small", f"{numbers.decimal(row['epochs'])} epochs")
            cells.append(join((numbers.count(row["tokens"]), often), ""))
        rows.append((element("strong", domain), numbers.count(tokens), *cells))
    columns = ("Domain", "#Tokens there are", *(f"#Read in {stage}" for stage in stages))
    note = element(
        "p",
        "An epoch is one reading of all a domain's tokens. Up to about four cost little; beyond "
        "that repeated text is worth ever less (Muennighoff et al., arXiv 2305.16264).",
        class_="note",
    )
    return [table(columns, rows, class_="two-line"), note]


def _decisions(decisions: pl.DataFrame) -> Html:
    """Documents by reason, kept first, and where they came from."""
    total = max(int(decisions["documents"].sum()), 1)
    by_reason = (
        decisions.sort("documents", descending=True, maintain_order=True)
        .group_by("reason", maintain_order=True)
        .agg(pl.col("documents").sum().alias("all"), "source", "documents")
        .sort(pl.col("reason") != "kept", -pl.col("all").cast(pl.Int64), "reason")
    )
    rows = []
    for reason, documents, sources, counts in by_reason.iter_rows():
        parts = [f"{name} {numbers.count(n)}" for name, n in zip(sources, counts, strict=True)][:4]
        more = f", and {len(sources) - 4} more" if len(sources) > 4 else ""
        rows.append(
            (
                element("strong", reason) if reason == "kept" else element("code", reason),
                numbers.count(documents),
                numbers.share(documents / total),
                _bar(documents / total, reason == "kept"),
                ", ".join(parts) + more,
            )
        )
    return table(("Decision", "#Documents", "#Share", "", "From"), rows)


def _bar(part: float, kept: bool) -> Html:
    return element(
        "span",
        element("span", style=f"width:{100 * part:.1f}%", class_="kept" if kept else "dropped"),
        class_="bar",
    )


def _example(row: dict[str, str]) -> Html:
    kept = row["reason"] == "kept"
    tag = element("span", row["reason"], class_="passed" if kept else "dropped-tag")
    return _card(
        (tag, row["source"], _short(row["id"])), element("blockquote", excerpt(row["text"]))
    )


def _short(identity: str) -> Html:
    """The start of a document's id; the whole of it is in the title."""
    return element("code", identity[:12], title=identity)


def _card(labels: tuple[str | Html, ...], *content: Html) -> Html:
    head = element("p", join((element("span", label) for label in labels), " "), class_="labels")
    return element("div", head if labels else escape(""), *content, class_="card")


def _cards(cards: Iterable[Html]) -> Html:
    return element("div", join(cards), class_="cards")
