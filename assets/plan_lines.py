"""A plan in words: what is reused in one line, what is made with its reason, time and size."""

import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from assets.estimate import Cost
from assets.plan import Plan, Step
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.display import numbers

REASONS = 2
"""Reasons of a step that are written out; the others are counted."""

NAMES = 4
"""Names of a group of steps that are written out."""


def summary(plan: Plan) -> str:
    """A plan in one line: how many are reused, made, made anew and why."""
    words = [f"{len(plan.having('reuse'))} reuse"]
    if plan.made:
        words.append(f"{len(plan.made)} make")
    if plan.made_anew:
        words.append(f"{len(plan.made_anew)} make anew because {_first_cause(plan.made_anew)}")
    undecided = plan.having("undecided")
    if undecided:
        decides = ", ".join(dict.fromkeys(step.waits_for for step in undecided))
        words.append(f"{len(undecided)} reuse or make anew, as {decides} turns out")
    return ", ".join(words)


def plan_lines(plan: Plan, storage: Storage) -> Iterator[str]:
    """The plan, a line for each thing to make, with the totals of what is certain."""
    yield "what a run would do"
    made, undecided = plan.having("make"), plan.having("undecided")
    width = max((len(step.name) for step in made), default=20)
    if plan.having("reuse"):
        yield f"  {len(plan.having('reuse'))} reuse: {_names(plan.having('reuse'))}"
    for step in made:
        yield f"  {step.name:<{width}}  {_cost(step.cost)}  {_why(step)}".rstrip()
    for decides in dict.fromkeys(step.waits_for for step in undecided):
        waiting = [step for step in undecided if step.waits_for == decides]
        yield (
            f"  {len(waiting)} reuse or make anew, as {decides} turns out: {_names(waiting)}; "
            f"if all of it, {_cost(_sum(waiting)).strip()} more"
        )
    if made:
        yield f"  {'together':<{width}}  {_cost(_sum(made))}"
    if not all(step.cost and step.cost.recorded for step in made):
        yield "  *: no run of it is on record here; by a rate measured on two cores without a GPU"
    yield f"  {_free(storage)}"


def _free(storage: Storage) -> str:
    if not storage.is_local:
        return f"the store {storage.root}"
    folder = Path(storage.root)
    while not folder.exists():
        folder = folder.parent
    return f"the store {storage.root}, {numbers.size(shutil.disk_usage(folder).free)} free"


def _why(step: Step) -> str:
    if not step.anew:
        return "make"
    shown = "; ".join(step.reasons[:REASONS])
    left = len(step.reasons) - REASONS
    return f"make anew: {shown}" + (f" and {left} more" if left > 0 else "")


def _first_cause(steps: Sequence[Step]) -> str:
    """What set it off: the reasons of the first step, which lies above the others."""
    first = steps[0]
    return f"{first.reasons[0]} ({first.name})"


def _names(steps: Sequence[Step]) -> str:
    counts = Counter(step.declaration.name for step in steps)
    names = [name if count == 1 else f"{name} ({count})" for name, count in counts.items()]
    left = len(names) - NAMES
    return ", ".join(names[:NAMES]) + (f" and {left} more" if left > 0 else "")


def _sum(steps: Sequence[Step]) -> Cost:
    costs = [step.cost for step in steps if step.cost]
    return Cost(
        sum(cost.seconds for cost in costs),
        sum(cost.bytes for cost in costs),
        all(cost.recorded for cost in costs),
    )


def _cost(cost: Cost | None) -> str:
    if cost is None:
        return ""
    mark = " " if cost.recorded else "*"
    return (
        f"{_known(numbers.duration, cost.seconds):>8}{mark} {_known(numbers.size, cost.bytes):>8}"
    )


def _known(written: Callable[[int], str], value: float) -> str:
    return "?" if math.isnan(value) else written(round(value))
