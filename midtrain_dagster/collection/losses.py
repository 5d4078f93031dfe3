"""What collection lost: rejections by source and reason, against the share that a recipe allows.

A total hides it: 320 documents look well where two of three files could not be read. So of every
source its files and its rows are counted, with those that were lost to a fault:

- a **file** is lost if it was rejected, if it breaks off, or if no row of it became a document and
  some were rejected;
- a **row** (a line, a row, a record of a crawl) is lost if it was rejected, or if it stood in data
  that are damaged: Parquet says how many those are, of others it is an estimate ("about 3 rows").
  What a file held behind its end, where it breaks off, nobody can count.

Reasons that a source tolerates (`record.TOLERATED`, and its reader's own) are told, and are in
neither share: a crawl's pictures were never meant to be documents. A share strictly above the
ceiling stops the run, so one file of three does under the default of 20%.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from midtrain_dagster.collection.document_source import DocumentSource
from midtrain_dagster.collection.outcomes import DOCUMENT
from midtrain_dagster.collection.record import ESTIMATED
from midtrain_dagster.collection.settings import CollectionSettings
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.problems import Location
from midtrain_dagster.display import losses as display
from midtrain_dagster.display.losses import Loss, Reason

EXAMPLES = 3
"""Rejections that are shown of a source for each reason."""


class RejectionCeilingError(ValueError):
    """Sources of which too much could not be read; the message lists all of them."""


@dataclass(frozen=True)
class Rejected:
    """A reason for rejections: how many, whether they count as lost, and the first of them as
    ``(locator, detail)``."""

    reason: str
    records: int
    tolerated: bool
    examples: tuple[tuple[str, str], ...]

    @property
    def told(self) -> Reason:
        """The same for people."""
        shown = tuple(f"{locator}: {detail}" for locator, detail in self.examples)
        estimated = self.reason in ESTIMATED
        return Reason(self.reason, self.records, shown, estimated=estimated)


@dataclass(frozen=True)
class SourceLosses:
    """What became of a source's files and of their rows; reasons with a fault first, then by
    number. ``documents`` are those that were found, before a sample of them was taken."""

    source: str
    files: int
    files_lost: int
    documents: int
    rows_lost: int
    rejected: tuple[Rejected, ...]

    @property
    def rows(self) -> int:
        """What should have become documents, of what could be told apart."""
        return self.documents + self.rows_lost

    @property
    def share(self) -> float:
        """The larger of the lost shares, of files and of rows."""
        return max(
            self.files_lost / self.files if self.files else 0.0,
            self.rows_lost / self.rows if self.rows else 0.0,
        )

    @property
    def faults(self) -> tuple[Rejected, ...]:
        """The reasons that count."""
        return tuple(each for each in self.rejected if not each.tolerated)

    @property
    def tolerated(self) -> tuple[Rejected, ...]:
        """The reasons that are only told."""
        return tuple(each for each in self.rejected if each.tolerated)

    @property
    def words(self) -> str:
        """``2 of 3 files``, ``3 of 10 rows``, or both; ``about 3 of 10 rows`` by an estimate."""
        about = "about " if any(each.reason in ESTIMATED for each in self.faults) else ""
        files = f"{self.files_lost:,} of {self.files:,} files" if self.files_lost else ""
        rows = f"{about}{self.rows_lost:,} of {self.rows:,} rows" if self.rows_lost else ""
        return " and ".join(filter(None, (files, rows))) or f"nothing of {self.files:,} files"

    @property
    def told(self) -> Loss:
        """The same for people."""
        reasons = tuple(each.told for each in self.faults)
        return Loss(self.source, self.words, self.share, reasons)


def collection_losses(
    documents: Artifact, sources: Mapping[str, DocumentSource], examples: int = EXAMPLES
) -> list[SourceLosses]:
    """What each source lost, by name, with at most so many examples of a reason."""
    outcomes = _outcomes(documents.scan("outcomes").collect(), sources)
    shown = _examples(documents.scan("rejections"), examples)
    return [_of_source(name, outcomes.filter(source=name), shown) for name in sorted(sources)]


def _outcomes(outcomes: pl.DataFrame, sources: Mapping[str, DocumentSource]) -> pl.DataFrame:
    """The outcomes of whole files, whatever pieces they were read in, and which count as lost."""
    tolerated = pl.DataFrame(
        [(name, reason) for name, source in sources.items() for reason in source.tolerated],
        schema={"source": pl.String, "outcome": pl.String},
        orient="row",
    )
    return (
        outcomes.group_by("source", "file", "outcome", "whole")
        .agg(pl.col("records").sum())
        .join(tolerated.with_columns(tolerated=True), on=["source", "outcome"], how="left")
        .with_columns(pl.col("tolerated").fill_null(False), found=pl.col("outcome") == DOCUMENT)
        .with_columns(lost=~pl.col("found") & ~pl.col("tolerated"))
    )


def _examples(
    rejections: pl.LazyFrame, count: int
) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    """The first rejections of each source and reason, as the parts have them."""
    shown = (
        rejections.group_by("source", "reason", maintain_order=True)
        .agg(pl.col("locator", "detail").head(count))
        .collect()
    )
    return {
        (source, reason): tuple(zip(locators, details, strict=True))
        for source, reason, locators, details in shown.iter_rows()
    }


def _of_source(
    source: str,
    outcomes: pl.DataFrame,
    examples: Mapping[tuple[str, str], tuple[tuple[str, str], ...]],
) -> SourceLosses:
    records, lost, whole = pl.col("records"), pl.col("lost"), pl.col("whole")
    files = (
        outcomes.drop_nulls("file")
        .group_by("file")
        .agg(
            broken=(lost & whole & (records > 0)).any(),
            documents=records.filter("found").sum(),
            faults=records.filter(lost).sum(),
        )
        .select(lost=pl.col("broken") | (pl.col("documents") == 0) & (pl.col("faults") > 0))
    )
    counted = outcomes.select(
        documents=records.filter("found").sum(), rows_lost=records.filter(lost & ~whole).sum()
    )
    reasons = (
        outcomes.filter(~pl.col("found"))
        .group_by("outcome", "tolerated")
        .agg(records.sum())
        .sort("tolerated", "records", "outcome", descending=[False, True, False])
    )
    return SourceLosses(
        source,
        files=files.height,
        files_lost=int(files["lost"].sum()),
        documents=int(counted["documents"].item()),
        rows_lost=int(counted["rows_lost"].item()),
        rejected=tuple(
            Rejected(reason, number, tolerated, examples.get((source, reason), ()))
            for reason, tolerated, number in reasons.iter_rows()
        ),
    )


def ceiling_of(source: DocumentSource, settings: CollectionSettings) -> float:
    """The share of a source that may be lost."""
    own = source.max_rejected
    return settings.max_rejected if own is None else own


def check_losses(
    losses: Sequence[SourceLosses],
    sources: Mapping[str, DocumentSource],
    settings: CollectionSettings,
    place: Callable[[Location], str],
) -> None:
    """Raise if a source lost more than it may, or gave no document at all.

    ``place`` says where a field stands in the recipe's file. Raises RejectionCeilingError, listing
    every such source with its reasons, the first rejections of each, and the field to change.
    """
    over = []
    for each in losses:
        ceiling = ceiling_of(sources[each.source], settings)
        remedy = None
        if not each.documents:
            where = place(("sources", each.source))
            remedy = f"it gave no document: mend its files or take it out, {where}"
        elif each.share > ceiling:
            where = place(("sources", each.source, "max_rejected"))
            remedy = f"mend the files, or allow it, {where}: {display.allowance(each.share)}"
        if remedy:
            reasons = tuple(found.told for found in each.rejected)
            over.append(Loss(each.source, each.words, each.share, reasons, ceiling, remedy))
    if over:
        kept = "What was read is kept: another ceiling reads nothing again."
        raise RejectionCeilingError(display.over_ceilings(over, "rejected", kept))


def told(losses: Sequence[SourceLosses]) -> list[str]:
    """What was lost, in lines for a terminal: the sum of it, then each reason with examples, then
    what was passed over on purpose. Nothing for sources that lost nothing."""
    lost = sorted((each for each in losses if each.faults), key=lambda each: -each.share)
    shown = [each.told for each in lost]
    passed = [
        f"{each.source} {', '.join(reason.told.counted for reason in each.tolerated)}"
        for each in losses
        if each.tolerated
    ]
    first = display.headline(shown, "rejected")
    last = [f"passed over: {'; '.join(passed)}"] if passed else []
    return [*filter(None, [first]), *display.lines(shown), *last]
