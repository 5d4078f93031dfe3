"""What collection has to say in the report: what each source gave, and what it did not."""

from collections.abc import Mapping, Sequence

from midtrain_dagster.collection.document_source import DocumentSource
from midtrain_dagster.collection.losses import (
    Rejected,
    SourceLosses,
    ceiling_of,
    collection_losses,
)
from midtrain_dagster.collection.settings import CollectionSettings
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    EXAMPLES,
    Block,
    Cell,
    Folded,
    Gate,
    Heading,
    KeyNumber,
    PageSection,
    Span,
    Stack,
    Table,
    Text,
    columns,
)
from midtrain_dagster.display.losses import EXAMPLE_CHARACTERS
from midtrain_dagster.display.words import excerpt

VERSION = 2


def report_section(
    documents: Artifact, sources: Mapping[str, DocumentSource], settings: CollectionSettings
) -> PageSection:
    """A table of the sources, and one of what of them was not taken."""
    losses = collection_losses(documents, sources, EXAMPLES)
    made = _documents(documents)
    collected = sum(made.values())
    return PageSection(
        "sources",
        "Sources",
        "Every document keeps its source, its place there and what is known of its licence. What a "
        "reader could not take is recorded with its reason, and counted here.",
        (_sources(losses, sources, made), *_rejections(losses)),
        numbers=(KeyNumber(numbers.count(collected), "documents collected"),),
        gates=(
            Gate("no_source_is_empty", f"each of the {len(made)} sources gave a document or more"),
            _rejection_gate(losses, sources, settings),
        ),
    )


def _documents(documents: Artifact) -> dict[str, int]:
    """The documents of each source: of a sample, those that were drawn."""
    counted = documents.scan("documents").group_by("source").len().sort("source").collect()
    return dict(counted.iter_rows())


def _sources(
    losses: Sequence[SourceLosses], sources: Mapping[str, DocumentSource], made: Mapping[str, int]
) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            Span(each.source, "strong"),
            sources[each.source].domain,
            sources[each.source].kind,
            numbers.count(each.files),
            _count(each.files_lost),
            numbers.count(each.rows),
            _count(each.rows_lost),
            numbers.count(sum(found.records for found in each.tolerated)),
            numbers.count(made.get(each.source, 0)),
        )
        for each in losses
    ]
    titles = ("Source", "Domain", "Kind", "#Files", "#Lost", "#Rows", "#Lost", "#Passed over")
    return Table(columns(*titles, "#Documents"), tuple(rows))


def _count(lost: int) -> Cell:
    return Span(numbers.count(lost), "failed") if lost else numbers.count(0)


def _rejections(losses: Sequence[SourceLosses]) -> tuple[Block, ...]:
    """What was lost for each reason, and, folded, what was passed over."""
    lost = [(each.source, found) for each in losses for found in each.faults]
    passed = [(each.source, found) for each in losses for found in each.tolerated]
    words = (
        "A row is what becomes a document: a line, a row, a page, or a whole file. A file is lost "
        "if it was rejected, breaks off, or gave nothing but rejected rows. What was passed over "
        "was left out on purpose: it is in neither count."
    )
    blocks: list[Block] = [Text(words, note=True)]
    if lost:
        blocks += [Heading("Not taken"), _reasons(lost)]
    if passed:
        number = sum(found.records for _, found in passed)
        blocks.append(Folded(f"{numbers.count(number)} passed over", (_reasons(passed),)))
    return tuple(blocks)


def _reasons(found: Sequence[tuple[str, Rejected]]) -> Table:
    return Table(
        columns("Source", "Reason", "#Times", "For example"),
        tuple(
            (
                Span(source, "strong"),
                Span(each.reason, "code"),
                numbers.count(each.records),
                Stack(tuple(excerpt(shown, EXAMPLE_CHARACTERS) for shown in each.told.examples)),
            )
            for source, each in found
        ),
    )


def _rejection_gate(
    losses: Sequence[SourceLosses],
    sources: Mapping[str, DocumentSource],
    settings: CollectionSettings,
) -> Gate:
    """The source that came nearest to its ceiling."""
    ceilings = {name: ceiling_of(source, settings) for name, source in sources.items()}
    nearest = max(losses, key=lambda each: (each.share - ceilings[each.source], each.source))
    return Gate(
        "rejection_ceiling",
        "no source lost more of its files or rows than its declared ceiling; nearest to it is "
        f"{nearest.source}, which lost {numbers.share(nearest.share)} of at most "
        f"{numbers.share(ceilings[nearest.source])}",
    )
