"""What a recipe's stages see, one behind the other: rate, batch, length and shares.

The recipe says it stage by stage, and much of it by what is taken over. Here each stage has its own
numbers: what is drawn, tabulated and printed before anything is trained.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from midtrain_dagster.display import numbers
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.training.batch.ramp import levels_of
from midtrain_dagster.training.checkpoints.average import Soup
from midtrain_dagster.training.runs import Run, StageKind, ingredients
from midtrain_dagster.training.schedule.schedule import Decay, Segment, Warmup
from midtrain_dagster.training.stage import RANDOM, Stage


@dataclass(frozen=True)
class Leg:
    """One stage, with what it starts from known as far as the recipe says it."""

    name: str
    stage: Stage
    segments: tuple[Segment, ...] | None
    """The phases of its schedule, laid out; none where its first rate is that of a given base."""

    @property
    def rates(self) -> str:
        """Its rates, in words: ``warm-up to 0.0003, cosine to 3e-05``."""
        if self.segments is None:
            return "goes on from the base's"
        phases = zip(self.stage.schedule, self.segments, strict=True)
        return ", ".join(_phase(phase, each) for phase, each in phases)

    @property
    def batches(self) -> str:
        """Its batches, in tokens: ``16.8M to 134M``."""
        sizes = [numbers.count(size) for size, _ in levels_of(self.stage.batch_tokens)]
        return sizes[0] if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"

    @property
    def positions(self) -> str:
        """What is done to the positions: ``abf 5000000``; empty where nothing is."""
        rope = self.stage.rope
        if rope is None or rope.method == "none":
            return ""
        said = rope.base if rope.method == "abf" else rope.factor
        return f"{rope.method} {'searched' if said is None else f'{said:.7g}'}"

    @property
    def shares(self) -> dict[str, tuple[float, float]]:
        """The share of each domain at the stage's beginning and at its end; none where the shares
        are found in the graph."""
        mixture = self.stage.mixture
        if not isinstance(mixture, Mixture):
            return {}
        first, last = mixture.weights(0.0), mixture.weights(1.0)
        return {domain: (share, last[domain]) for domain, share in first.items()}

    def share_of(self, domain: str) -> str:
        """A domain's share in percent: ``12``, ``2-10`` where it changes, empty without any."""
        if not self.shares:
            return "?"
        first, last = (f"{100 * share:.3g}" for share in self.shares.get(domain, (0.0, 0.0)))
        return (first if first != "0" else "") if first == last else f"{first}-{last}"


def legs(
    every: Sequence[Run], stages: Mapping[str, StageKind], soups: Mapping[str, Soup]
) -> list[Leg]:
    """The stages in the recipe's order, without controls and further seeds."""
    ended: dict[str, float | None] = {RANDOM: 0.0}
    found: list[Leg] = []
    for run in every:
        if run.role != "stage":
            continue
        start = (
            next(iter(ingredients(soups[run.start], stages)), "")
            if run.start in soups
            else run.start
        )
        last = _last_rate(run.stage, ended.get(start))
        try:
            segments = tuple(run.stage.schedule.segments(run.stage.tokens, last))
        except ValueError:
            segments = None
        ended[run.name] = segments[-1].end if segments else None
        found.append(Leg(run.name, run.stage, segments))
    return found


def main_way(every: Sequence[Leg]) -> list[Leg]:
    """From the first stage on, each followed by the first that starts from it: without branches."""
    way = [every[0]]
    while following := [leg for leg in every if leg.stage.start == way[-1].name]:
        way.append(following[0])
    return way


def beside(every: Sequence[Leg]) -> Iterator[Leg]:
    """The branches: the stages that do not lie on the main way."""
    way = {leg.name for leg in main_way(every)}
    return (leg for leg in every if leg.name not in way)


def _last_rate(stage: Stage, last: float | None) -> float | None:
    """What a stage's schedule goes on from."""
    if stage.start == RANDOM:
        return 0.0
    if last is None or not stage.inherits_learning_rate or stage.milestone is not None:
        return None
    return stage.found_learning_rate(last)


def _phase(phase: object, segment: Segment) -> str:
    end = numbers.rate(segment.end)
    if isinstance(phase, Warmup):
        return f"warm-up to {end}"
    if isinstance(phase, Decay):
        return f"{phase.shape.method.replace('_', ' ')} to {end}"
    return f"constant {end}"
