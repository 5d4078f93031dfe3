"""What mid-training promises: checks that display, kept or not, on the assets and in the report."""

from collections.abc import Mapping

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.report.data import Check
from midtrain_dagster.training.stage import Stage


def checkpoint_checks(recipe: Recipe, name: str, checkpoint: Artifact) -> list[Check]:
    """Of one stage: its loss falls, and natural text has its share of the tokens."""
    losses = checkpoint.read("log")["loss"]
    quarter = max(1, losses.len() // 4)
    first, last = _mean(losses.head(quarter)), _mean(losses.tail(quarter))
    synthetic = {recipe.synthesis.domain} if recipe.synthesis else set()
    mixture = checkpoint.read("mixture")
    natural = float(mixture.filter(~pl.col("domain").is_in(synthetic))["delivered"].sum())
    floor = recipe.checks.natural_floor
    return [
        Check(
            f"{name}_loss_falls",
            last < first,
            f"mean loss {first:.3f} in the first quarter of the steps, {last:.3f} in the last",
        ),
        Check(
            f"{name}_natural_floor",
            natural >= floor,
            f"{natural:.1%} of the tokens are of domains without synthetic text; the floor is "
            f"{floor:.0%}",
        ),
    ]


PROMISED = {
    "general_loss": "Loss on the general domains stays within the recipe's bound of the base's",
    "targets": "Loss on the target domains is lower than the control's, with its other mixture",
    "length": "Loss beyond the control's shorter windows is lower than the control's",
}
SOUP_PROMISED = "Loss on the target domains is lower than that of its best ingredient"
"""What a stage promises by its held-out loss."""


def check_descriptions(recipe: Recipe) -> dict[str, str]:
    """The checks that ``loss_checks`` makes, known before anything is measured: name to text."""
    return {
        f"{name}_{promise}": PROMISED[promise]
        for name, stage, _ in recipe.runs()
        if name in recipe.stages and name != "base"
        for promise in ("general_loss", *_against_control(recipe, name, stage))
    } | {f"{soup}_beats_ingredients": SOUP_PROMISED for soup in recipe.soups}


def _against_control(recipe: Recipe, name: str, stage: Stage) -> list[str]:
    """What a stage promises against its control: which follows from what the control changes."""
    control = recipe.control(name)
    if control is None:
        return []
    targets = ["targets"] if control.mixture != stage.mixture else []
    return targets + (["length"] if control.sequence_length < stage.sequence_length else [])


def loss_checks(recipe: Recipe, losses: pl.DataFrame, positions: pl.DataFrame) -> list[Check]:
    """Of every stage after the base, by held-out loss.

    General loss stays within its bound. A stage whose control has another mixture is better on the
    target domains than it; one whose control has shorter windows is better beyond their length. A
    soup is better on the target domains than each of its ingredients.
    """
    by_checkpoint = {
        str(key[0]): dict(rows.select("domain", "loss").iter_rows())
        for key, rows in losses.group_by("checkpoint", maintain_order=True)
    }
    general, targets = recipe.evaluation.general, recipe.evaluation.targets
    base = _mean_of(by_checkpoint["base"], general)
    bound = recipe.checks.general_loss_bound
    checks = []
    for name, stage, _ in recipe.runs():
        if name == "base" or name not in recipe.stages:
            continue
        moved = _mean_of(by_checkpoint[name], general) - base
        told = f"mean loss on {', '.join(general)} moved by {moved:+.3f}; the bound is {bound:+.3f}"
        checks.append(Check(f"{name}_general_loss", moved <= bound, told))
        for promise in _against_control(recipe, name, stage):
            if promise == "targets":
                where = f"on {', '.join(targets)}"
                mine = _mean_of(by_checkpoint[name], targets)
                other = _mean_of(by_checkpoint[f"{name}_control"], targets)
            else:
                control = recipe.control(name)
                length = control.sequence_length if control else 0
                where = f"beyond position {length:,} of long documents"
                mine = _mean_beyond(positions, name, length)
                other = _mean_beyond(positions, f"{name}_control", length)
            told = f"mean loss {where} is {mine:.3f}, the control's {other:.3f}"
            checks.append(Check(f"{name}_{promise}", mine < other, told))
    for soup in recipe.soups:
        mine = _mean_of(by_checkpoint[soup], targets)
        each = {name: _mean_of(by_checkpoint[name], targets) for name in recipe.ingredients(soup)}
        best = min(each, key=lambda name: (each[name], name))
        where = ", ".join(targets)
        told = (
            f"mean loss on {where} is {mine:.3f}, its best ingredient's ({best}) {each[best]:.3f}"
        )
        checks.append(Check(f"{soup}_beats_ingredients", mine < each[best], told))
    return checks


def _mean_beyond(positions: pl.DataFrame, checkpoint: str, length: int) -> float:
    """Mean loss of a checkpoint over positions from ``length`` on."""
    beyond = positions.filter(pl.col("checkpoint") == checkpoint, pl.col("position") >= length)
    return _mean(beyond["loss"])


def _mean_of(losses: Mapping[str, float | None], domains: tuple[str, ...]) -> float:
    """The mean over domains; raises KeyError for a domain that was not measured."""
    return _mean(pl.Series([losses[domain] for domain in domains], dtype=pl.Float64))


def _mean(values: pl.Series) -> float:
    mean = values.mean()
    if not isinstance(mean, float):
        raise TypeError(f"there is no mean of {values.len()} losses")
    return mean
