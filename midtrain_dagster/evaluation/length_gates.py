"""Gates between lengths: what a stage has to show before another one may start from it.

Llama 3 went to the next of its six lengths when short-context scores had recovered and needles were
found up to the present one (arXiv 2407.21783, section 3.4.2). Both are asked here, beside the loss
on general text in short windows. A loss in long windows passes nothing: long data alone lowers it
while tasks get worse (ProLong, arXiv 2410.02660, section 2).

All that is compared was measured of the checkpoint that the stage started from, and of its own.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from midtrain_dagster.display.numbers import accuracy, change
from midtrain_dagster.evaluation.checks import Check, check_name
from midtrain_dagster.evaluation.method import ACCURACY
from midtrain_dagster.long_context.settings import Gates, NeedleGate

VERSION = 1

DESCRIPTIONS = {
    "gate_general_loss": "Short-context loss is recovered, relative to the stage's start",
    "gate_scores": "Scores that the stage's start has above chance are recovered",
    "gate_needles": "What is hidden is found at every length up to the stage's window",
}


def gate_names(gates: Gates, *, has_scores: bool) -> list[str]:
    """Which of :data:`DESCRIPTIONS` are asked; ``has_scores`` says that a benchmark is."""
    asked = {
        "gate_general_loss": gates.general_loss is not None,
        "gate_scores": gates.scores is not None and has_scores,
        "gate_needles": gates.needles is not None,
    }
    return [name for name, is_asked in asked.items() if is_asked]


def gate_checks(
    name: str,
    start: str,
    gates: Gates,
    *,
    window: int,
    losses: pl.DataFrame,
    general: Sequence[str],
    scores: pl.DataFrame | None,
    found: pl.DataFrame | None,
) -> Iterator[Check]:
    """The gates of the stage ``name`` that started from ``start``.

    Args:
        window: the stage's, in tokens.
        losses: ``checkpoint``, ``domain`` and ``loss`` of both.
        general: the general domains.
        scores: of both, ``harness.SCORES`` with ``checkpoint``; none: none is asked.
        found: ``long_context.FOUND`` with ``checkpoint``, of the stage; none: not asked.
    """
    if gates.general_loss is not None:
        passed, told = _general(name, start, losses, general, gates.general_loss)
        yield Check(check_name(name, "gate_general_loss"), passed, told, gate=True)
    if gates.scores is not None and scores is not None:
        passed, told = _scores(name, start, scores, gates.scores)
        yield Check(check_name(name, "gate_scores"), passed, told, gate=True)
    if gates.needles is not None and found is not None:
        passed, told = _needles(name, found, gates.needles, window)
        yield Check(check_name(name, "gate_needles"), passed, told, gate=True)


def _general(
    name: str, start: str, losses: pl.DataFrame, general: Sequence[str], bound: float
) -> tuple[bool, str]:
    known = {
        (checkpoint, domain): loss
        for checkpoint, domain, loss in losses.select("checkpoint", "domain", "loss").iter_rows()
        if loss is not None
    }
    both = [each for each in general if {(name, each), (start, each)} <= known.keys()]
    if not both:
        return False, f"not measured: no document of {', '.join(general)} is held out"
    moved = sum(known[name, each] - known[start, each] for each in both) / len(both)
    told = (
        f"mean loss on {', '.join(both)} in short windows moved by {change(moved)} from {start}; "
        f"the bound is {change(bound)}"
    )
    return moved <= bound, told


def _scores(name: str, start: str, scores: pl.DataFrame, bound: float) -> tuple[bool, str]:
    """Whether no accuracy that the start has above chance fell by more than the bound, or than two
    standard errors of the difference where those are more."""
    keys = ["benchmark", "metric"]
    shares = scores.filter(pl.col("unit") == ACCURACY, pl.col("value").is_not_null())
    before = shares.filter(pl.col("checkpoint") == start, pl.col("at_chance").eq(False))
    before = before.filter(pl.col("value") > pl.col("chance").fill_null(0.0))
    both = before.join(shares.filter(pl.col("checkpoint") == name), on=keys, suffix="_after")
    if both.is_empty():
        return True, f"{start} has no score above chance"
    noise = 2 * (
        (pl.col("stderr").fill_null(0.0) ** 2 + pl.col("stderr_after").fill_null(0.0) ** 2).sqrt()
    )
    fallen = both.with_columns(
        fall=pl.col("value") - pl.col("value_after"), most=pl.max_horizontal(pl.lit(bound), noise)
    )
    worst = fallen.sort(pl.col("fall") - pl.col("most"), descending=True).row(0, named=True)
    told = (
        f"of {both.height} scores that {start} has above chance, "
        f"{'/'.join(worst[key] for key in keys)} went from {accuracy(worst['value'])} to "
        f"{accuracy(worst['value_after'])}; it may fall by {accuracy(worst['most'])}"
    )
    return worst["fall"] <= worst["most"], told


def _needles(name: str, found: pl.DataFrame, gate: NeedleGate, window: int) -> tuple[bool, str]:
    """Whether each task reaches the share at each length up to the window."""
    asked = found.filter(pl.col("checkpoint") == name, pl.col("length") <= window)
    if gate.tasks is not None:
        asked = asked.filter(pl.col("task").is_in(list(gate.tasks)))
    weight = pl.col("items") / pl.col("items").sum()
    means = asked.group_by("task", "length", maintain_order=True).agg(
        mean=(pl.col("rank_accuracy") * weight).sum(), chance=(pl.col("chance") * weight).sum()
    )
    if means.is_empty():
        return False, f"not measured: nothing is asked at a length of {window} or less"
    worst = means.sort("mean").row(0, named=True)
    told = (
        f"{worst['task']} at {worst['length']:,} tokens is found by rank in "
        f"{accuracy(worst['mean'])} (chance {accuracy(worst['chance'])}), the least of "
        f"{means.height} tasks and lengths up to {window:,}; the threshold is "
        f"{accuracy(gate.rank_accuracy)}"
    )
    return worst["mean"] >= gate.rank_accuracy, told
