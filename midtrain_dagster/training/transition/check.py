"""Whether a run fits onto what it starts from, as far as the recipe alone shows it.

What breaks silently with the stage before is an error here, before anything runs, and not a loss
spike a day later. What only the checkpoint shows (names, shapes, a learning rate that the stage
before only carried on) is checked when the run begins (``transition.begin``).
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.training.inherit import Reestimated, Reset, TransitionError
from midtrain_dagster.training.retention import step_of_milestone
from midtrain_dagster.training.rope.method import RopeError
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.stage import RANDOM, Stage
from midtrain_dagster.training.transition.config import PositionError, change_config, new_config

LACKS = {
    "moments": "moments",
    "learning_rate": "learning rate",
    "data": "position in the data",
}
"""What a soup does not have, by the field of ``inherit`` that speaks of it."""


def check_transition(previous: Run, run: Run) -> None:
    """Raise ``TransitionError`` where a run silently breaks with the one that it continues.

    A longer window must say what is done to the positions (``rope``, at least ``{method: none}``);
    a learning rate that jumps, another seed, and moments without their weights must be said in
    ``inherit``. A position in the data is kept only within one and the same order.
    """
    before, stage = previous.stage, run.stage
    if stage.sequence_length > before.sequence_length and stage.rope is None:
        raise TransitionError(
            f"sequence_length grows from {before.sequence_length} to {stage.sequence_length}: "
            "say in `rope` what is done to the positions ({method: none} if nothing)"
        )
    if stage.inherit.data == "keep":
        _check_same_order(before, stage)
    check_seed(stage, previous.seed, run.seed)
    if stage.inherit.takes_moments:
        check_optimizer(before.optimizer.method, stage.optimizer.method, repr(stage.start))
    last = _last_learning_rate(before, stage)
    if stage.inherits_learning_rate and last is not None:
        stage.final_learning_rate(last)


def _last_learning_rate(before: Stage, stage: Stage) -> float | None:
    """Where the schedule before stood when the stage took over; None: not known yet."""
    if stage.milestone is None:
        return before.schedule.last_learning_rate
    try:
        step = step_of_milestone(before, stage.milestone)
    except ValueError as error:
        raise TransitionError(f"milestone: of {stage.start!r}: {error}") from error
    return None if before.inherits_learning_rate else float(before.learning_rates(None)[step])


def check_soup(run: Run, ingredients: Mapping[str, Run]) -> None:
    """Raise ``TransitionError`` where a run would keep what the soup that it starts from lacks, or
    silently breaks with one of the runs that the soup is made of: a longer window, another seed."""
    if run.stage.milestone is not None:
        raise TransitionError(f"milestone: {run.start!r} is a soup and has none")
    lacks = (Reset, Reestimated)
    kept = [field for field in LACKS if not isinstance(getattr(run.stage.inherit, field), lacks)]
    if kept:
        lacking = " and ".join(f"no {LACKS[field]}" for field in kept)
        resets = ", ".join(f"{field}: {{reset: WHY}}" for field in kept)
        raise TransitionError(
            f"{run.start!r} is a soup and has {lacking} to keep: say inherit: {{{resets}}}"
        )
    for name, ingredient in ingredients.items():
        try:
            check_transition(ingredient, run)
        except TransitionError as error:
            raise TransitionError(f"{run.start!r} is a soup of {name!r}: {error}") from error


def rope_errors(
    every: Iterable[Run], model: ModelConfig, soups: Mapping[str, Iterable[str]]
) -> Iterator[tuple[Run, RopeError]]:
    """The runs whose ``rope`` does not fit onto what a base that is trained here, and the stages
    before, make of the positions; ``soups`` are the checkpoints that each is made of."""
    configs: dict[str, Any] = {}
    for run in every:
        if run.start == RANDOM:
            length = run.stage.sequence_length
            configs[run.name] = new_config(model, vocabulary=0, sequence_length=length)
            continue
        start = next((name for name in soups.get(run.start, [run.start]) if name in configs), None)
        if start is None:
            continue
        config = copy.deepcopy(configs[start])
        try:
            change_config(config, run.stage, vocabulary=None, name=run.name, start=run.start)
        except RopeError as error:
            yield run, error
        except PositionError:
            continue  # ``check_transition`` asks for its ``rope``
        else:
            configs[run.name] = config


SPOKEN = {"adamw": "AdamW", "muon": "Muon"}


def check_optimizer(begun: str, own: str, start: str) -> None:
    """Raise ``TransitionError`` where a stage keeps the moments of ``start`` and has another
    optimizer than the one, ``begun``, that they are of."""
    if begun != own:
        raise TransitionError(
            f"the optimizer changes from {SPOKEN[begun]}, whose moments {start} has, to "
            f"{SPOKEN[own]}, which has others: say optimizer: {{method: {begun}}}, or begin anew "
            "with inherit: {moments: {reset: WHY}} (or {reestimate: WHY, steps: N})"
        )


def check_seed(stage: Stage, begun: int, own: int) -> None:
    """Raise ``TransitionError`` where a stage keeps the seed ``begun`` and has another, ``own``."""
    if stage.inherit.rng == "keep" and begun != own:
        raise TransitionError(
            f"the seed changes from {begun}, that of {stage.start!r}, to {own}: give it the same, "
            "or say why in inherit: {rng: {reset: WHY}}"
        )


def _check_same_order(previous: Stage, stage: Stage) -> None:
    for field, old, new in (
        ("sequence_length", previous.sequence_length, stage.sequence_length),
        ("packing", previous.packing, stage.packing),
        ("fill_in_the_middle", previous.fill_in_the_middle, stage.fill_in_the_middle),
        ("mixture.long_documents", previous.mixture.long_documents, stage.mixture.long_documents),
        ("mixture.length_classes", previous.mixture.length_classes, stage.mixture.length_classes),
    ):
        if old != new:
            raise TransitionError(
                f"{field} changes from {old} to {new}, so windows are packed anew and no position "
                "in the data is left to keep: say inherit: {data: {reset: WHY}}"
            )
    if isinstance(stage.inherit.rng, Reset):
        raise TransitionError(
            "inherit.data keeps the order of the documents, which the seed makes, but inherit.rng "
            "resets the seed: keep both or reset both"
        )
