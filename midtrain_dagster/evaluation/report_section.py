"""What evaluation has to say in the report: summary, checks and held-out loss."""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.parts import read_table
from midtrain_dagster.display.blocks import (
    Block,
    Cell,
    Column,
    Figure,
    Notice,
    PageSection,
    Span,
    Stack,
    Table,
    Text,
    Tone,
    columns,
)
from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation import report_curves, report_plots
from midtrain_dagster.evaluation.answers import ANSWERS
from midtrain_dagster.evaluation.checks import Check
from midtrain_dagster.evaluation.harness import BY_ITEM, RUNS, SCORES
from midtrain_dagster.evaluation.headline import (
    Headline,
    Measurements,
    verdict,
)

VERSION = 6
USES = (report_curves,)

CHECKPOINT = pl.Schema({"checkpoint": pl.String})

NOTE = (
    "Values are given ± two standard errors; below them is the change from {}. A benchmark's "
    "change is coloured only beyond two standard errors of the difference. “At chance” means that "
    "the benchmark cannot tell this model from one that guesses."
)


def scores(evaluations: Iterable[Artifact]) -> pl.DataFrame:
    """The scores of benchmarks, with the checkpoint that each belongs to (``SCORES``)."""
    return of_checkpoints(evaluations, "scores", SCORES)


def runs(evaluations: Iterable[Artifact]) -> pl.DataFrame:
    """What was run for each benchmark and checkpoint (``RUNS``)."""
    return of_checkpoints(evaluations, "runs", RUNS)


def by_item(evaluations: Iterable[Artifact]) -> pl.DataFrame:
    """What each item contributes to each score (``BY_ITEM``)."""
    return of_checkpoints(evaluations, "by_item", BY_ITEM)


def answers(evaluations: Iterable[Artifact]) -> pl.DataFrame:
    """What was answered to a few items of each benchmark (``ANSWERS``)."""
    return of_checkpoints(evaluations, "answers", ANSWERS)


def of_checkpoints(evaluations: Iterable[Artifact], table: str, schema: pl.Schema) -> pl.DataFrame:
    """A table of evaluations, whose parts carry the checkpoint as their label."""
    empty = pl.DataFrame(schema={**CHECKPOINT, **schema})
    return pl.concat(
        [
            empty,
            *(
                read_table(each.storage, part).select(
                    pl.lit(part.label).alias("checkpoint"), *schema
                )
                for each in evaluations
                for part in each.manifest.parts
                if part.table == table
            ),
        ]
    )


def summary_section(
    measured: Measurements, checks: Sequence[Check], others: Sequence[Block] = ()
) -> PageSection:
    """What mid-training did to this model, before anything else; ``others`` stand below it."""
    rows, names = measured.rows, measured.checkpoints
    title, short = "What mid-training did to this model", "Summary"
    if not names:
        blocks = (Notice("Nothing has been measured yet."), *others)
        return PageSection("summary", title, None, blocks, short)
    lead = " ".join([*verdict(rows, names), outcome(checks)])
    notes = [NOTE.format(spoken(names[0])), *items_notes(rows)]
    blocks = (
        before_after(rows, names),
        *(Text(words, note=True) for words in notes),
        *others,
    )
    return PageSection("summary", title, lead, blocks, short)


def items_notes(rows: Sequence[Headline]) -> list[str]:
    """What was left out of each benchmark, a sentence for each of which anything was."""
    told = (f"{row.label}: {row.items} are scored; {row.left_out}." for row in rows if row.left_out)
    return list(dict.fromkeys(told))


def before_after(rows: Sequence[Headline], names: Sequence[str]) -> Table:
    """The table of all measures on all checkpoints."""
    return Table(
        (Column("Measure"), *(Column(spoken(name), number=True) for name in names)),
        tuple(
            (
                Stack((Span(row.label, "strong"), row.note)),
                *(_measured(row, name, names[0]) for name in names),
            )
            for row in rows
        ),
    )


def _measured(row: Headline, name: str, start: str) -> Cell:
    tones: dict[bool | None, Tone] = {True: "better", False: "worse", None: "same"}
    notes = []
    if name != start and row.change(name, start) is not None:
        notes.append(Span(row.written_change(name, start), tones[row.better(name, start)]))
    if name in row.values and row.values[name].at_chance:
        notes.append(Span("at chance", "chance"))
    return Stack((row.written(name), *notes))


def outcome(checks: Sequence[Check]) -> str:
    """How many gates and checks passed, and which failed, in a sentence."""
    failed = [check.name for check in checks if not check.passed]
    if not checks:
        return "No checks were declared."
    if not failed:
        return f"All {len(checks)} gates and checks passed."
    return f"{len(failed)} of {len(checks)} gates and checks failed: {', '.join(failed)}."


def checks_section(checks: Sequence[Check]) -> PageSection:
    """Every gate and check, failed ones first."""
    title = "Gates and checks"
    if not checks:
        blocks: tuple[Block, ...] = (Notice("This run declared no checks."),)
        return PageSection("checks", title, None, blocks)
    rows = tuple(
        (
            Span("passed", "passed") if check.passed else Span("failed", "failed"),
            "gate" if check.gate else "check",
            Span(check.name, "strong"),
            check.detail,
        )
        for check in sorted(checks, key=lambda check: check.passed)
    )
    lead = "A gate stops the run when it fails; a check is displayed, passed or failed. " + outcome(
        checks
    )
    return PageSection(
        "checks", title, lead, (Table(columns("Outcome", "", "Name", "Detail"), rows),)
    )


def losses_section(
    losses: pl.DataFrame,
    positions: pl.DataFrame,
    trained_lengths: Mapping[str, int],
    on_the_way: Sequence[Block] = (),
) -> PageSection:
    """Held-out loss by domain, over milestones where those were asked, and by position.

    ``trained_lengths`` has the window, in tokens, that each checkpoint was trained on.
    """
    lead = "Loss on documents that were held out before training, read by every checkpoint alike."
    blocks: list[Block] = []
    if losses.height:
        blocks.append(
            Figure(
                "losses",
                report_plots.losses_by_domain(losses),
                "Left: the loss itself, with two standard errors over documents. Right: the "
                "change. Look for target domains that moved left of zero while general ones stayed "
                "close to it. All checkpoints read the same documents, so changes are surer than "
                "the bars at the left suggest. Controls are hollow.",
            )
        )
    blocks += on_the_way
    if positions.height:
        blocks.append(
            Figure(
                "positions",
                report_plots.positions(positions, trained_lengths),
                "A model that uses its context predicts better the further it has read. Look for "
                "where a curve turns up: beyond the window it was trained on, a checkpoint breaks; "
                "one whose context was extended should go on falling. A falling curve alone does "
                "not show that distant text is used well.",
            )
        )
    elif losses.height:
        blocks.append(
            Notice(
                "There is no loss by position: no held-out document is as long as the window in "
                "which it would be read (`evaluation.length`)."
            )
        )
    found = tuple(blocks) or (Notice("No losses were measured."),)
    return PageSection("losses", "Held-out loss", lead, found)
