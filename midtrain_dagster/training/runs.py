"""The training runs of a recipe, and the graph of their checkpoints.

A run is an object: the stage that it trains, from which checkpoint, with which seed, in which role.
Its name is that of its checkpoint everywhere: below ``checkpoint/`` in the graph, in the column
``checkpoint`` of tables, in ``soups``. ``annealed`` is a stage, ``annealed/control`` its control,
``annealed/seed_666`` the same stage with another seed, and ``annealed/fine_tuned`` what the small
fine-tuning of the recipe makes of it. Only this module makes such names;
``display.words`` reads them where a table holds nothing else of a run.

What runs a stage of the recipe stands for is known to its kind (``stages/``).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from midtrain_dagster.mixture.reference import MixtureReference
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.training.checkpoints.average import Soup
from midtrain_dagster.training.inherit import Scaled
from midtrain_dagster.training.retention import step_of_milestone
from midtrain_dagster.training.scale import Scale
from midtrain_dagster.training.stage import Stage

Role = Literal["stage", "control", "seed", "fine_tuned"]
"""What a run is for: the stage itself, its control, one more seed of it; or the fine-tuning of the
checkpoint that has its stage's name."""

BASE = "base"
"""The name of the checkpoint that a recipe is given, or that it trains first."""


FINE_TUNING = "fine_tuning"
"""By what name the order of all fine-tunings is drawn, and where they stand in a recipe."""


@dataclass(frozen=True)
class Run:
    """One run of training."""

    stage_name: str
    """The recipe's name of the stage. It seeds the order of the documents, so a control has that of
    its stage."""
    stage: Stage
    """What is trained, at the recipe's scale."""
    seed: int
    role: Role = "stage"

    @property
    def name(self) -> str:
        """The name of its checkpoint."""
        match self.role:
            case "stage":
                return self.stage_name
            case "control":
                return f"{self.stage_name}/control"
            case "seed":
                return f"{self.stage_name}/seed_{self.seed}"
            case "fine_tuned":
                return fine_tuned(self.stage_name)

    @property
    def order(self) -> str:
        """What the order of its documents is drawn by, beside the seed: the stage's name; the same
        for all fine-tunings, so that all checkpoints see the same."""
        return FINE_TUNING if self.role == "fine_tuned" else self.stage_name

    @property
    def start(self) -> str:
        """The checkpoint that it starts from, or ``random``."""
        return self.stage.start

    @property
    def start_point(self) -> str:
        """Its start, and at which milestone of it, as ``at_milestone`` says it."""
        number = self.stage.milestone
        return self.start if number is None else at_milestone(self.start, number)

    @property
    def folder(self) -> str:
        """Its name as that of one folder."""
        return self.name.replace("/", "-")


def fine_tuned(name: str) -> str:
    """What a checkpoint is called after it was fine-tuned."""
    return f"{name}/fine_tuned"


def at_milestone(name: str, number: int) -> str:
    """What a checkpoint is called as it was at a milestone, where what is known of it is listed."""
    return f"{name} {number}"


def at_step(name: str, step: int) -> str:
    """What the model that a run leaves after that many updates is called in tables of scores."""
    return f"{name}@{step}"


class StageKind(Protocol):
    """What each kind of stage offers (``stages/KIND.py``)."""

    def runs(self, name: str, scale: Scale, *, seed: int) -> Iterable[Run]:
        """The runs that the stage called ``name`` stands for, its own first; ``seed`` is the
        recipe's. Raises ``pydantic.ValidationError`` where the scale leaves no stage."""
        ...


def runs(stages: Mapping[str, StageKind], scale: Scale, *, seed: int) -> list[Run]:
    """All runs, in the order of the recipe's stages; ``seed`` is that of stages without one.

    Raises ``pydantic.ValidationError`` where the scale leaves no stage.
    """
    every = [run for name, stage in stages.items() for run in stage.runs(name, scale, seed=seed)]
    return _with_batch_rules(every)


def _with_batch_rules(every: Sequence[Run]) -> list[Run]:
    """The runs, with the factor of each rate that follows the batch of a stage before it. Of a
    start whose batch the recipe does not say (a given base, a soup) the factor stays unknown."""
    known: dict[str, Run] = {}
    settled = []
    for run in every:
        kept, before = run.stage.inherit.learning_rate, known.get(run.start)
        if isinstance(kept, Scaled) and kept.batch is not None and before is not None:
            kept = kept.following(batch_left(before, run), run.stage.batches.sizes[0])
            inherit = run.stage.inherit.model_copy(update={"learning_rate": kept})
            stage = run.stage.model_copy(update={"inherit": inherit})
            settled.append(replace(run, stage=stage))
        else:
            settled.append(run)
        known[run.name] = run
    return settled


def batch_left(before: Run, run: Run) -> int:
    """Tokens of the last step of a run before another goes on from it, at its end or a
    milestone."""
    step, number = before.stage.steps, run.stage.milestone
    if number is not None:
        with suppress(ValueError):  # the recipe's problems tell of it
            step = step_of_milestone(before.stage, number)
    return before.stage.batches.size(step - 1)


def own_stages(every: Iterable[Run]) -> dict[str, Stage]:
    """The stages themselves among the runs, without controls and further seeds, by name."""
    return {run.name: run.stage for run in every if run.role == "stage"}


def trained_on_found(every: Iterable[Run]) -> dict[str, dict[str, int]]:
    """The stages and controls that name a mixture of the graph, with their tokens, by mixture."""
    named: dict[str, dict[str, int]] = {}
    for run in every:
        mixture = run.stage.mixture
        if run.role != "seed" and isinstance(mixture, MixtureReference):
            named.setdefault(mixture.from_, {})[run.name] = run.stage.tokens
    return named


def compared_pairs(
    every: Iterable[Run],
    known: Collection[str],
    soups: Mapping[str, Iterable[str]] | None = None,
) -> list[tuple[str, str]]:
    """What is held against what, as far as both are ``known`` checkpoints (a stage may start from
    random weights): each stage against its control, then against its start; each of the ``soups``
    against what it was made of; and what fine-tuning made of two that are held against each other.
    """
    runs = list(every)
    controls = {run.stage_name: run.name for run in runs if run.role == "control"}
    against: dict[str, list[str]] = {
        run.stage_name: [*filter(None, [controls.get(run.stage_name)]), run.start]
        for run in runs
        if run.role == "stage"
    }
    against |= {soup: list(made_of) for soup, made_of in (soups or {}).items()}
    pairs = [(name, other) for name, others in against.items() for other in others]
    tuned = [(fine_tuned(name), fine_tuned(other)) for name, other in pairs]
    return [pair for pair in (*pairs, *tuned) if all(each in known for each in pair)]


def shorter_controls(every: Iterable[Run]) -> dict[str, int]:
    """The windows, in tokens, of the controls that have shorter ones than their stage, by stage."""
    own: dict[str, int] = {}
    shorter: dict[str, int] = {}
    for run in every:
        length = own.setdefault(run.stage_name, run.stage.sequence_length)
        if run.role == "control" and run.stage.sequence_length < length:
            shorter[run.stage_name] = run.stage.sequence_length
    return shorter


def raised_domains(
    every: Sequence[Run], domain_of_band: Mapping[str, str] | None = None
) -> set[str]:
    """The domains that mid-training raises: those of which a stage ends with a larger share than
    the stage that it goes back to.

    Where that is no stage of the recipe (a given base, whose mixture nobody knows), the stage's
    control is what it is compared with. A mixture that is found in the graph shows nothing. A
    domain that has bands has the sum of their shares.
    """
    whole = domain_of_band or {}
    controls = {run.stage_name: run for run in every if run.role == "control"}
    first: dict[str, Run] = {}
    raised: set[str] = set()
    for run in every:
        # Only what stands before a stage can be its start; the recipe's problems say so.
        first[run.name] = first.get(run.start, run)
        if run.role != "stage":
            continue
        other = controls.get(run.name) if first[run.name] is run else first[run.name]
        shares, before = _last_shares(run, whole), _last_shares(other, whole)
        if shares and before:
            raised |= {name for name, share in shares.items() if share > before.get(name, 0.0)}
    return raised


def _last_shares(run: Run | None, domain_of_band: Mapping[str, str]) -> dict[str, float]:
    """The share of each domain at the end of a run; none where the recipe does not say it."""
    if run is None or not isinstance(run.stage.mixture, Mixture):
        return {}
    weights = run.stage.mixture.weights(1.0)
    if not domain_of_band:
        return weights
    summed: dict[str, float] = {}
    for name, share in weights.items():
        domain = domain_of_band.get(name, name)
        summed[domain] = summed.get(domain, 0.0) + share
    return summed


def checkpoints(
    stages: Mapping[str, StageKind], soups: Mapping[str, Soup], *, base_given: bool
) -> list[str]:
    """Every checkpoint of the graph, a given base first, each soup after its last ingredient."""
    names = [BASE] if base_given else []
    for name, stage in stages.items():
        names += [run.name for run in stage.runs(name, Scale(), seed=0)]
        names += [
            name_
            for name_, soup in soups.items()
            if name_ not in names and ingredients(soup, stages).keys() <= set(names)
        ]
    return names


def ingredients(soup: Soup, stages: Mapping[str, StageKind]) -> dict[str, float]:
    """The checkpoints that a soup is made of, each with its share.

    A soup ``of`` one stage is of the runs of all its seeds, or, with ``last``, of its own.
    """
    seeds = []
    if isinstance(soup.of, str) and soup.of in stages:
        of_stage = stages[soup.of].runs(soup.of, Scale(), seed=0)
        own, *others = of_stage
        seeds = [own.name, *(run.name for run in others if run.role == "seed")]
    return soup.shares(seeds)
