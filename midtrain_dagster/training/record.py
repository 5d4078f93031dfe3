"""The record of a run: what its plan depends on, kept beside its checkpoint.

Which documents a run saw is a pure function of this record and of the token shards. The run itself
and an explanation of it make the plan by the same function, :func:`plan_of`. The record is
typed and holds no more than the plan needs, so that it can still be read when stages have other
fields; the stage as it was trained stands in it for people, as plain JSON.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.dataloader.batch import LossOn
from midtrain_dagster.dataloader.by_group import GROUPS, shares_of_groups
from midtrain_dagster.dataloader.by_length import course_by_length, has_classes
from midtrain_dagster.dataloader.fill_in_the_middle import FillInTheMiddle
from midtrain_dagster.dataloader.occurrences import COPY
from midtrain_dagster.dataloader.packings import Packing
from midtrain_dagster.dataloader.plan import Plan
from midtrain_dagster.mixture.reference import MixtureReference
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.tokens.shards import TokenShards
from midtrain_dagster.training.checkpoints.checkpoint import State
from midtrain_dagster.training.inherit import Reset, TransitionError
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.stage import RANDOM, Stage

MIXTURE = pl.Schema(
    {
        "domain": pl.String,
        "planned": pl.Float64,
        "delivered": pl.Float64,
        "tokens": pl.Int64,
        "epochs": pl.Float64,
    }
)
"""What a run is to be fed and what it gets. ``planned`` is the share of all tokens that the mixture
asks of each domain, ``delivered`` its share of those that the windows hold, ``tokens`` how many
these are, ``epochs`` the passes over its documents since its order began."""


_NUMBERED = pl.Schema({"group": pl.String, "number": pl.Int64})

PARTS = 40
"""Of a stage, in which what was planned and delivered is looked at."""


class RunRecord(FrozenModel):
    """What a run's plan depends on, apart from the token shards."""

    run: str
    """The name of its checkpoint."""
    stage_name: str
    """It seeds the order of the documents."""
    seed: int
    mixture: Mixture
    """As it was bound: shares that were found in the graph are written out."""
    sequence_length: int
    packing: Packing = "best_fit"
    windows_per_step: int | tuple[tuple[int, int], ...]
    """Of every step; or of runs of equal steps, how many steps and the windows of each."""
    steps: int
    begin: dict[str, Any] | None = None
    """Where the order of the documents begins, if it goes on in that of the start."""
    stage: dict[str, Any]
    """The stage as it was trained, in all that is a cause."""

    @property
    def reestimated_steps(self) -> int:
        """Steps at its beginning that estimated the moments anew, at rate 0."""
        moments = self.stage.get("inherit", {}).get("moments", "keep")
        return int(moments.get("steps", 0)) if "reestimate" in moments else 0

    @property
    def fill_in_the_middle(self) -> FillInTheMiddle | None:
        """Which documents were turned, and how."""
        said = self.stage.get("fill_in_the_middle")
        return None if said is None else FillInTheMiddle.model_validate(said)

    @property
    def loss_on(self) -> LossOn:
        """Which tokens of conversations its loss was taken on."""
        found: LossOn = self.stage.get("loss_on", "all")
        return found


def with_shares(
    stage: Stage, shares: Mapping[str, float], max_epochs_of: Mapping[str, float] | None = None
) -> Stage:
    """The stage with a mixture of these shares in place of the reference to one, and the most
    passes over single domains that were found with them."""
    if not isinstance(stage.mixture, MixtureReference):
        raise TypeError(f"the mixture of a stage from {stage.start!r} has shares of its own")
    return stage.model_copy(update={"mixture": stage.mixture.resolved(shares, max_epochs_of)})


def begin_of(stage: Stage, state: State | None) -> dict[str, Any] | None:
    """Where the stage's order of documents begins, if it goes on in that of its start.

    ``state`` is the start's, if it has one. Raises ``TransitionError`` for a start that does not
    know its position.
    """
    if stage.start == RANDOM or isinstance(stage.inherit.data, Reset):
        return None
    if state is None or not state.data:
        raise TransitionError(
            f"{stage.start}: no position in the data is known, so none can be kept: say inherit: "
            "{data: {reset: WHY}}"
        )
    return state.data


def record_of(run: Run, state: State | None = None) -> RunRecord:
    """The record of a run that starts from a checkpoint with ``state``, if that has one.

    Raises ``TransitionError`` as :func:`begin_of` does, and ``TypeError`` for a mixture that was
    not bound (:func:`with_shares`).
    """
    stage = run.stage
    if isinstance(stage.mixture, MixtureReference):
        raise TypeError(f"{run.name}: the mixture {stage.mixture.from_!r} is not bound yet")
    runs = stage.batches.runs(stage.sequence_length)
    return RunRecord(
        run=run.name,
        stage_name=run.order,
        seed=run.seed,
        mixture=stage.mixture,
        sequence_length=stage.sequence_length,
        packing=stage.packing,
        windows_per_step=runs if len(runs) > 1 else stage.windows_per_step,
        steps=stage.steps,
        begin=begin_of(stage, state),
        stage=canonical(stage),
    )


def plan_of(record: RunRecord, shards: TokenShards) -> Plan:
    """Which spans of which documents each window of each step holds.

    Raises ``MixtureError`` for a mixture that the shards cannot serve.
    """
    return Plan(
        shards,
        record.mixture,
        seed=record.seed,
        stage=record.stage_name,
        sequence_length=record.sequence_length,
        packing=record.packing,
        fill_in_the_middle=record.fill_in_the_middle,
        windows_per_step=record.windows_per_step,
        steps=record.steps,
        begin=record.begin,
    )


def courses_of(
    records: Mapping[str, RunRecord], index: pl.DataFrame, *, parts: int = PARTS
) -> dict[str, pl.DataFrame]:
    """What was planned and what was delivered over the course of runs (``plan.COURSE``), by run.

    ``index`` is that of the training shards, from which every run reads.
    """
    shards = TokenShards.without_tokens(index)
    return {name: plan_of(record, shards).course(parts) for name, record in records.items()}


def turned_of(records: Mapping[str, RunRecord], index: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """What was turned (``plan.TURNED``), by run; of those that turn documents."""
    shards = TokenShards.without_tokens(index)
    return {
        name: plan_of(record, shards).turned()
        for name, record in records.items()
        if record.fill_in_the_middle is not None
    }


def courses_by_length(
    records: Mapping[str, RunRecord], index: pl.DataFrame, *, parts: int = PARTS
) -> dict[str, pl.DataFrame]:
    """The same by classes of length (``by_length.COURSE``), by run; none of a run whose windows are
    too short for classes."""
    shards = TokenShards.without_tokens(index)
    found = {}
    for name, record in records.items():
        plan = plan_of(record, shards)
        if has_classes(plan):
            found[name] = course_by_length(plan, parts)
    return found


def shares_by_group(
    records: Mapping[str, RunRecord], index: pl.DataFrame, groups: pl.DataFrame
) -> pl.DataFrame:
    """What was planned and what was delivered of groups of documents (``by_group.GROUPS``), with
    the ``run`` in front.

    ``groups`` has the ``group`` of each ``id``; documents that are not in it have none, and no row.
    """
    names = groups["group"].unique(maintain_order=True).to_list()
    numbers = pl.DataFrame({"group": names, "number": range(len(names))}, _NUMBERED)
    stem = index.select(pl.col("id").str.replace(COPY, ""))
    found = stem.join(groups, on="id", how="left", maintain_order="left").join(
        numbers, on="group", how="left", maintain_order="left"
    )
    group = found["number"].fill_null(len(names)).to_numpy()
    shards = TokenShards.without_tokens(index)
    shares = [pl.DataFrame(schema={"run": pl.String, **GROUPS})]
    for name, record in records.items():
        table = shares_of_groups(plan_of(record, shards), group, [*names, ""]).head(len(names))
        shares.append(table.select(pl.lit(name).alias("run"), pl.all()))
    return pl.concat(shares)


def mixture_table(plan: Plan) -> pl.DataFrame:
    """What a run is to be fed and what it gets, with the schema ``MIXTURE``."""
    planned, delivered, epochs = plan.planned(), plan.delivered(), plan.epochs()
    wanted, total = sum(planned.values()), sum(delivered.values())
    return pl.DataFrame(
        {
            "domain": list(planned),
            "planned": [tokens / wanted for tokens in planned.values()],
            "delivered": [delivered.get(domain, 0) / total for domain in planned],
            "tokens": [delivered.get(domain, 0) for domain in planned],
            "epochs": [epochs.get(domain, 0.0) for domain in planned],
        },
        schema=MIXTURE,
    )
