"""What mid-training is checked for: the loss of its runs, and the share of natural text.

A *check* is displayed, passed or failed, on its asset and in the report; a *gate* stops the run.
The checks here are functions of tables, and of what a recipe says of its runs
(:class:`Comparison`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from midtrain_dagster.evaluation.loss_by_position import loss_beyond
from midtrain_dagster.evaluation.settings import Checks, EvaluationSettings

FLOOR_TOLERANCE = 1e-6

BASE = "base"
"""The checkpoint that all others are compared with."""


@dataclass(frozen=True)
class Check:
    """One property of a run: a ``gate`` stops the run where it fails, a check is only displayed."""

    name: str
    """Words joined by underscores, as Dagster wants them."""
    passed: bool
    detail: str
    """What was measured against which bound, in one line."""
    gate: bool = False


@dataclass(frozen=True)
class Comparison:
    """A stage's run, and what its control differs in, if it has one."""

    name: str
    """The run's name, as in the column ``checkpoint``."""
    control: str | None = None
    other_mixture: bool = False
    """Whether the control has another mixture."""
    shorter: int | None = None
    """The control's window in tokens, where it is shorter than the stage's."""


RUN_CHECKS = {
    "loss_falls": "The last quarter of the stage has a lower loss than the first",
    "natural_floor": "Natural text has at least the recipe's share of the tokens",
}
"""What every run is checked for."""

GENERAL_FLOOR = "general_floor"

FLOOR_CHECK = {
    GENERAL_FLOOR: "The general domains have at least the recipe's share in every part of the stage"
}
"""What every run is checked for where the recipe says a floor (``checks.general_floor``)."""

LOSS_CHECKS = {
    "general_loss": "Loss on the general domains stays within the recipe's bound of the base's",
    "targets": "Loss on the target domains is lower than the control's, with its other mixture",
    "length": "Loss beyond the control's shorter windows is lower than the control's",
    "beats_ingredients": "Loss on the target domains is lower than that of its best ingredient",
}
"""What stages and soups are checked for by held-out loss."""


def check_name(run: str, what: str) -> str:
    """The name of a check on a run."""
    return f"{run.replace('/', '_')}_{what}"


def run_checks(
    name: str,
    log: pl.DataFrame,
    mixture: pl.DataFrame,
    *,
    synthetic: Collection[str],
    natural_floor: float,
    general: tuple[float, float] | None = None,
) -> list[Check]:
    """Of one run: its loss falls, and natural and general text have their shares of the tokens.

    ``log`` has a row a step with its ``loss``; ``mixture`` a row a ``domain`` with its share of the
    ``delivered`` tokens. ``synthetic`` are the domains that synthesis feeds. ``general`` is the
    least share that the general domains were planned to have at any moment, and its floor.
    """
    losses = log["loss"]
    quarter = max(1, losses.len() // 4)
    natural = float(mixture.filter(~pl.col("domain").is_in(list(synthetic)))["delivered"].sum())
    floor = [] if general is None else [_general_floor(name, *general)]
    return [
        Check(
            check_name(name, "loss_falls"),
            *_found(_falls, losses.head(quarter), losses.tail(quarter)),
        ),
        Check(
            check_name(name, "natural_floor"),
            natural >= natural_floor,
            f"{natural:.1%} of the tokens are of domains without synthetic text; the floor is "
            f"{natural_floor:.0%}",
        ),
        *floor,
    ]


def _general_floor(name: str, least: float, floor: float) -> Check:
    # Shares are written with few digits; nobody means to fail by the last bit of a sum.
    passed = least >= floor - FLOOR_TOLERANCE
    told = f"the general domains are planned {least:.1%} where they have least; the floor is "
    told += f"{floor:.0%}"
    return Check(check_name(name, GENERAL_FLOOR), passed, told)


def loss_check_descriptions(stages: Iterable[Comparison], soups: Iterable[str]) -> dict[str, str]:
    """The checks that ``loss_checks`` makes, known before anything is measured: name to text."""
    asked = [(stage.name, what) for stage in stages for what in _checks_of(stage)]
    asked += [(soup, "beats_ingredients") for soup in soups]
    return {check_name(name, what): LOSS_CHECKS[what] for name, what in asked}


def _checks_of(stage: Comparison) -> list[str]:
    """What a stage is checked for, which follows from what its control changes."""
    asked = {"targets": stage.other_mixture, "length": stage.shorter is not None}
    return ["general_loss", *(what for what, wanted in asked.items() if wanted)]


def loss_checks(
    losses: pl.DataFrame,
    positions: pl.DataFrame,
    stages: Sequence[Comparison],
    soups: Mapping[str, Collection[str]],
    settings: EvaluationSettings,
    bounds: Checks,
) -> list[Check]:
    """Of every stage after the base and every soup, by held-out loss.

    General loss stays within its bound of the base's. A stage whose control has another mixture is
    better on the target domains than it; one whose control has shorter windows is better beyond
    their length. A soup is better on the target domains than each of its ingredients.

    Args:
        losses: ``checkpoint``, ``domain`` and ``loss``.
        positions: ``checkpoint``, ``position`` and ``loss``.
        stages: those after the base.
        soups: the ingredients of each.

    A domain of which no document is held out is left out of the means, and the check says so; one
    that has nothing left to compare does not pass.
    """
    measured = _Measured(losses, positions, settings)
    checks = []
    for stage in stages:
        for what in _checks_of(stage):
            match what:
                case "targets":
                    found = _found(measured.against_control, stage)
                case "length":
                    found = _found(measured.beyond_control, stage)
                case _:
                    bound = bounds.general_loss_bound
                    found = _found(measured.against_base, stage.name, bound)
            checks.append(Check(check_name(stage.name, what), *found))
    for soup, ingredients in soups.items():
        found = _found(measured.against_ingredients, soup, ingredients)
        checks.append(Check(check_name(soup, "beats_ingredients"), *found))
    return checks


Found = tuple[bool, str]
"""Whether a check passes, and what was measured."""


NONE_HELD_OUT = "for no document of it is held out: collect more, or raise `held_out`"


class NotMeasuredError(LookupError):
    """There is no loss to compare; the message says of what."""


def _found(compare: Callable[..., Found], *of: object) -> Found:
    """What a comparison finds. One without a loss to compare does not pass, and says so."""
    try:
        return compare(*of)
    except NotMeasuredError as error:
        return False, f"not measured: {error}"


def _falls(first: pl.Series, last: pl.Series) -> Found:
    """The losses of the first and of the last steps; a skipped step has none."""
    if not (first.drop_nulls().len() and last.drop_nulls().len()):
        raise NotMeasuredError("no step of the first or of the last quarter has a loss")
    before, after = _mean(first), _mean(last)
    told = f"mean loss {before:.3f} in the first quarter of the steps, {after:.3f} in the last"
    return after < before, told


@dataclass(frozen=True)
class _Measured:
    """The held-out losses of all checkpoints, and the comparisons made with them."""

    losses: pl.DataFrame
    positions: pl.DataFrame
    settings: EvaluationSettings

    def against_base(self, name: str, bound: float) -> Found:
        general, without = self.with_loss(self.settings.general)
        moved = self.mean(name, general) - self.mean(BASE, general)
        domains = ", ".join(general)
        detail = f"mean loss on {domains} moved by {moved:+.3f}; the bound is {bound:+.3f}"
        return moved <= bound, detail + without

    def against_control(self, stage: Comparison) -> Found:
        targets, without = self.with_loss(self.settings.targets)
        mine, other = (self.mean(name, targets) for name in (stage.name, stage.control))
        domains = ", ".join(targets)
        detail = f"mean loss on {domains} is {mine:.3f}, the control's {other:.3f}"
        return mine < other, detail + without

    def beyond_control(self, stage: Comparison) -> Found:
        length = stage.shorter or 0
        mine, other = (self.mean_beyond(name, length) for name in (stage.name, stage.control))
        detail = (
            f"mean loss beyond position {length:,} of long documents is {mine:.3f}, the control's "
            f"{other:.3f}"
        )
        return mine < other, detail

    def against_ingredients(self, soup: str, ingredients: Collection[str]) -> Found:
        targets, without = self.with_loss(self.settings.targets)
        mine = self.mean(soup, targets)
        each = {name: self.mean(name, targets) for name in ingredients}
        best = min(each, key=lambda name: (each[name], name))
        detail = (
            f"mean loss on {', '.join(targets)} is {mine:.3f}, its best ingredient's ({best}) "
            f"{each[best]:.3f}"
        )
        return mine < each[best], detail + without

    def with_loss(self, domains: Sequence[str]) -> tuple[list[str], str]:
        """The domains of which any checkpoint has a loss, and of how many none has, in words.

        Raises NotMeasuredError where none of them has.
        """
        there = set(self.losses.drop_nulls("loss")["domain"])
        kept = [domain for domain in domains if domain in there]
        lacking = [domain for domain in domains if domain not in there]
        if not kept:
            raise NotMeasuredError(f"there is no loss on {', '.join(lacking)}, {NONE_HELD_OUT}")
        if not lacking:
            return kept, ""
        named = ", ".join(lacking)
        return kept, f"; {len(lacking)} of {len(domains)} domains have no loss ({named})"

    def mean(self, checkpoint: str | None, domains: Sequence[str]) -> float:
        """The mean over domains. Raises NotMeasuredError where one of them has no loss."""
        rows = self.losses.filter(pl.col("checkpoint") == checkpoint)
        by_domain = dict(rows.select("domain", "loss").iter_rows())
        lacking = [domain for domain in domains if by_domain.get(domain) is None]
        if lacking:
            raise NotMeasuredError(
                f"{checkpoint} has no loss on {', '.join(lacking)}, {NONE_HELD_OUT}"
            )
        return _mean(pl.Series([by_domain[domain] for domain in domains], dtype=pl.Float64))

    def mean_beyond(self, checkpoint: str | None, length: int) -> float:
        """The mean over positions from ``length`` on, as in the before/after table."""
        rows = self.positions.filter(pl.col("checkpoint") == checkpoint)
        beyond = loss_beyond(rows, length)["loss"]
        if beyond.is_empty():
            raise NotMeasuredError(
                f"no held-out document reaches beyond position {length:,} in the window of "
                f"{self.settings.length:,} tokens (`evaluation.length`)"
            )
        return _mean(beyond)


def _mean(values: pl.Series) -> float:
    mean = values.mean()
    if not isinstance(mean, float):
        raise TypeError(f"there is no mean of {values.len()} losses")
    return mean
