"""What the report shows of a single mixture that was found: how often quality is read, the proposal
beside its prior, what the law is worth, how weights moved. Each where the mixture has it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import Block, Figure, Heading, Span, Table, Text, columns
from midtrain_dagster.display.words import spoken
from midtrain_dagster.laws.mixing.uncertainty import LEVEL
from midtrain_dagster.mixture import report_plots, report_proposal
from midtrain_dagster.mixture.proposal_tables import OBJECTIVE, verdict
from midtrain_dagster.mixture.reference import FoundMixture

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

VERSION = 1
USES = (report_proposal,)


def figures(found: FoundMixture) -> "dict[str, tuple[Drawing, str]]":
    """What is drawn of a mixture, by what the figure shows, with what is to be said below it."""
    artifact, made = found.artifact, {}
    if not found.curve.is_empty():
        made["repetition"] = (
            report_plots.repetition(found.curve),
            "How often text is read, by its percentile among the domain's ratings, in a stage of "
            "the tokens that the mixture is for. A step is a band; the area below the steps is "
            "what the domain's share asks of its tokens.",
        )
    if artifact.has("proposal"):
        made["proposal"] = (
            report_plots.proposed_shares(artifact.read("proposal")),
            "Each domain's share beside its prior, with what bounds it where something does.",
        )
    if artifact.has("predicted"):
        errors = artifact.read("held_out_error")
        made["predicted"] = (
            report_plots.predicted(
                artifact.read("predicted").drop_nulls(), _units(errors), _notes(errors)
            ),
            "What the law predicts of proxies that it has not seen, over what was measured.",
        )
    if artifact.has("steps"):
        made["weights"] = (
            report_plots.weights_by_step(artifact.read("steps")),
            "The weight of each domain in the proxy's objective, which rises where it lags behind "
            "the reference.",
        )
    return made


def blocks(
    name: str, found: FoundMixture, delivered: Mapping[str, pl.DataFrame]
) -> Iterator[Block]:
    """A heading and what there is below it; nothing of a mixture that is shares alone.

    ``delivered`` are the tables ``mixture`` of the runs that were trained on it, by run.
    """
    drawn = figures(found)
    if not drawn:
        return
    yield Heading(spoken(name))
    if found.artifact.has("gain"):
        yield from _worth(found)
        yield from report_proposal.blocks(found, delivered)
    for shows, (drawing, caption) in drawn.items():
        yield Figure(f"{shows}_{name}", drawing, caption)


def _worth(found: FoundMixture) -> Iterator[Block]:
    """Whether a proposal is better than its prior, and how wrong the law is."""
    gain = found.artifact.read("gain")
    (overall,) = gain.filter(target=OBJECTIVE).iter_rows(named=True)
    yield Text(
        (
            "By the law's prediction the proposal is ",
            Span(verdict(overall["better"]), "strong"),
            f": {_change(overall)} over all targets.",
        )
    )
    yield gain_table(gain)
    yield error_table(found.artifact.read("held_out_error"))


def gain_table(gain: pl.DataFrame) -> Table:
    """What is predicted of the prior and of the proposal (``proposal_tables.GAIN``)."""
    rows = tuple(
        (
            Span(row["target"], "strong"),
            numbers.loss(row["at_prior"]),
            numbers.loss(row["at_proposal"]),
            _change(row),
            row["unit"] or numbers.MISSING,
            row["better"],
        )
        for row in gain.iter_rows(named=True)
    )
    heads = columns("Target", "#Prior", "#Proposal", f"#Difference, {LEVEL:.0%}", "Unit", "Better")
    return Table(heads, rows)


def error_table(errors: pl.DataFrame) -> Table:
    """How wrong the law is on proxies it has not seen (``proposal_tables.HELD_OUT_ERROR``)."""
    rows = tuple(
        (
            Span(row["target"], "strong"),
            numbers.loss(row["mean_absolute"]),
            numbers.loss(row["worst"]),
            numbers.share(row["relative"]),
            numbers.decimal(row["spearman"]),
            numbers.decimal(row["kendall"]),
            numbers.count(row["proxies"]),
            numbers.count(row["left_out"]),
        )
        for row in errors.iter_rows(named=True)
    )
    heads = columns(
        "Target",
        "#Mean error",
        "#Worst",
        "#Of the spread",
        "#Spearman",
        "#Kendall",
        "#Proxies",
        "#Left out",
    )
    return Table(heads, rows)


def _change(row: dict[str, float]) -> str:
    return (
        f"{numbers.change(row['difference'])} ({numbers.change(row['low'])} to "
        f"{numbers.change(row['high'])})"
    )


def _units(errors: pl.DataFrame) -> dict[str, str]:
    return dict(errors.select("target", "unit").iter_rows())


def _notes(errors: pl.DataFrame) -> dict[str, str]:
    return {
        row["target"]: f"off by {numbers.loss(row['mean_absolute'])} "
        f"(worst {numbers.loss(row['worst'])})\nSpearman {numbers.decimal(row['spearman'])}"
        for row in errors.iter_rows(named=True)
    }
