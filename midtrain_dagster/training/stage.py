"""A stage of training, and the contract of the transition from one stage to the next.

What a stage takes over is said in ``inherit``. A rate that jumps, a seed that changes or a window
that grows without a word is an error here, before anything runs, and not a loss spike a day later
(the survey *LLM Mid-Training*, arXiv 2510.23081, section 2, on what stages inherit).
"""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.token_count import Tokens
from midtrain_dagster.mixture.reference import MixtureReference, MixtureSection
from midtrain_dagster.training.checkpoints.retention import Checkpoints
from midtrain_dagster.training.rope import Rope
from midtrain_dagster.training.schedule import Schedule
from midtrain_dagster.training.step.failures import Failures
from midtrain_dagster.training.step.optimizer import Optimizer
from midtrain_dagster.training.step.parallel import Parallel
from midtrain_dagster.training.transition.inherit import Inherit, Mapped, Reset, Scaled

RANDOM = "random"
"""What a stage that starts from fresh weights names as its start."""

RATE_TOLERANCE = 1e-6
"""Two rates that differ by less than this share are the same rate, printed differently."""


class TransitionError(ValueError):
    """A stage does not fit onto the one it continues."""


class ModelConfig(FrozenModel):
    """A small Llama, trained from random weights as a base."""

    hidden_size: Annotated[int, Field(ge=2)]
    layers: Annotated[int, Field(ge=1)]
    heads: Annotated[int, Field(ge=1)]
    kv_heads: Annotated[int, Field(ge=1)]
    intermediate_size: Annotated[int, Field(ge=1)]
    tie_embeddings: bool = True
    rope_base: Annotated[float, Field(gt=1)] = 10_000.0

    @model_validator(mode="after")
    def _heads_divide(self) -> "ModelConfig":
        if self.hidden_size % (2 * self.heads):
            raise ValueError(
                f"hidden_size {self.hidden_size} is no even number for each of heads {self.heads}"
            )
        if self.heads % self.kv_heads:
            raise ValueError(f"kv_heads {self.kv_heads} does not divide heads {self.heads}")
        return self


class Stage(FrozenModel):
    """One stage: what it starts from, how long, how fast, on what, and in what windows."""

    start: Annotated[str, Field(min_length=1)]
    """The stage or base it continues, or ``random``."""
    tokens: Tokens
    batch_tokens: Tokens
    sequence_length: Annotated[int, Field(ge=2)]
    schedule: Schedule
    mixture: MixtureSection
    rope: Rope | None = None
    inherit: Inherit = Inherit()
    optimizer: Optimizer = Optimizer()
    checkpoint_every: Annotated[int, Field(ge=1)] | None = None
    """Steps between intermediate checkpoints; null: only the last."""
    checkpoints: Checkpoints = Checkpoints()
    """Which of the intermediate checkpoints stay in the run's folder."""
    precision: Literal["bf16", "fp32"] = "fp32"
    """bf16 is autocast over fp32 weights; slow on a CPU without bf16 instructions."""
    micro_batch_tokens: Tokens | None = None
    """Tokens a forward pass takes at once; null: the worker's whole share of the batch. About a
    thousand are fastest on a CPU: the activations then stay in its cache."""
    workers: Annotated[int, Field(ge=1)] = 1
    parallel: Parallel = "ddp"
    """What several workers do: ``ddp`` has the whole model on each, ``fsdp`` a shard of it."""
    activation_checkpointing: bool = False
    """Keep only each layer's input, and compute it twice: less memory for a third more time."""
    z_loss: Annotated[float, Field(ge=0)] = 0.0
    """Coefficient of the squared log-partition in the objective; PaLM has 1e-4, OLMo 2 1e-5."""
    noise_scale_every: Annotated[int, Field(ge=1)] | None = None
    """Steps between measurements of the gradient noise scale; null: none."""
    failures: Failures = Failures()
    restarts: Annotated[int, Field(ge=0)] = 0
    """How often the stage goes on from its last checkpoint after a worker was lost."""
    seed: int | None = None
    accelerator: Literal["cpu", "gpu"] = "cpu"

    @model_validator(mode="after")
    def _moments_go_with_their_weights(self) -> "Stage":
        reset = [isinstance(each, Reset) for each in (self.inherit.weights, self.inherit.moments)]
        if reset == [True, False]:
            raise ValueError(
                "inherit.weights draws them anew, so the moments of the old ones fit none of "
                "them: say inherit: {moments: {reset: WHY}} too"
            )
        if isinstance(self.inherit.weights, Mapped) and self.inherit.moments == "keep":
            raise ValueError(
                "inherit.weights are mapped, so their moments have to go the same way: give "
                "inherit.moments the same mapping, or say inherit: {moments: {reset: WHY}}"
            )
        return self

    @model_validator(mode="after")
    def _fields_fit_together(self) -> "Stage":
        for field in ("batch_tokens", "micro_batch_tokens"):
            tokens = getattr(self, field)
            if tokens is not None and tokens % self.sequence_length:
                raise ValueError(
                    f"sequence_length {self.sequence_length} does not divide {field} {tokens}"
                )
        if self.windows_per_step < self.workers:
            raise ValueError(
                f"workers {self.workers} exceed the {self.windows_per_step} windows of a step "
                f"(batch_tokens {self.batch_tokens} / sequence_length {self.sequence_length})"
            )
        if self.noise_scale_every is not None and self.windows_per_step < 2 * self.workers:
            raise ValueError(
                f"noise_scale_every compares parts of a step, but its {self.windows_per_step} "
                f"windows are not two for each of {self.workers} workers: raise batch_tokens"
            )
        if self.start == RANDOM and self.rope is not None:
            raise ValueError("rope changes an inherited model: a random one has model.rope_base")
        found = None if self.inherits_rate else 0.0
        if found is not None or self.schedule.first_rate is not None:
            try:
                self.schedule.segments(self.tokens, found)
            except ValueError as error:
                raise ValueError(f"schedule: {error}") from error
        return self

    @property
    def steps(self) -> int:
        """Optimizer steps: enough for all the tokens."""
        return -(-self.tokens // self.batch_tokens)

    @property
    def windows_per_step(self) -> int:
        """Windows of ``sequence_length`` tokens in a step, over all workers."""
        return self.batch_tokens // self.sequence_length

    @property
    def inherits_rate(self) -> bool:
        """Whether the schedule goes on from the rate of the stage before, be it scaled."""
        return self.start != RANDOM and not isinstance(self.inherit.rate, Reset)

    def found_rate(self, last_rate: float) -> float:
        """What the stage makes of the rate that its start ended with."""
        rate = self.inherit.rate
        return last_rate * rate.factor if isinstance(rate, Scaled) else last_rate

    def rates(self, last_rate: float | None) -> NDArray[np.float64]:
        """The learning rate of each step, and one more: where the schedule ends, which the next
        stage inherits. [steps + 1], from the rate that the start ended with (None: not known).

        Raises ``TransitionError`` where the rate jumps although it is kept, and where it is kept
        but not known.
        """
        found = 0.0
        if self.inherits_rate:
            if last_rate is None:
                raise TransitionError(
                    f"the rate of {self.start!r} is not known: give the first phase a rate of its "
                    "own and say inherit: {rate: {reset: WHY}}"
                )
            found = self.found_rate(last_rate)
            _check_rate(self, found)
        seen = np.arange(self.steps + 1, dtype=np.int64) * self.batch_tokens
        try:
            return self.schedule.rates(seen, tokens=self.tokens, found=found)
        except ValueError as error:
            raise TransitionError(f"schedule: {error}") from error


def check_transition(previous: Stage, stage: Stage, *, seed: int | None = None) -> None:
    """Raise ``TransitionError`` where the stage silently breaks with the one it continues.

    A longer window must say what is done to the positions (``rope``, be it ``{method: none}``); a
    rate that jumps, another seed, and moments without their weights must be said in ``inherit``. A
    position in the data is kept only within one and the same order. ``seed`` is the recipe's, which
    stages without one have. What only the checkpoint knows is checked when the stage begins
    (``transition.check_start``): names, shapes, and a rate that the previous stage only carried on.
    """
    if stage.sequence_length > previous.sequence_length and stage.rope is None:
        raise TransitionError(
            f"sequence_length grows from {previous.sequence_length} to {stage.sequence_length}: "
            "say in `rope` what is done to the positions ({method: none} if nothing)"
        )
    if stage.inherit.data == "keep":
        _check_same_order(previous, stage)
    begun, own = (
        each.seeds[0] if each.seeds else seed if each.seed is None else each.seed
        for each in (previous, stage)
    )
    if begun is not None and own is not None and stage.seeds is None:
        check_seed(stage, begun, own)
    last_rate = previous.schedule.last_rate
    if stage.inherits_rate and last_rate is not None:
        stage.rates(last_rate)


def check_seed(stage: Stage, begun: int, own: int) -> None:
    """Raise ``TransitionError`` where the stage has another seed than its start, and not a word."""
    if stage.inherit.rng == "keep" and begun != own:
        raise TransitionError(
            f"the seed changes from {begun}, that of {stage.start!r}, to {own}: give it the same, "
            "or say why in inherit: {rng: {reset: WHY}}"
        )


def _check_same_order(previous: Stage, stage: Stage) -> None:
    for field, old, new in (
        ("sequence_length", previous.sequence_length, stage.sequence_length),
        ("mixture.long_documents", previous.mixture.long_documents, stage.mixture.long_documents),
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


def _check_rate(stage: Stage, found: float) -> None:
    first = stage.schedule.first_rate
    if first is not None and abs(first - found) > RATE_TOLERANCE * max(first, found):
        raise TransitionError(
            f"the rate jumps from {found:g}, where {stage.start!r} ends, to {first:g}: start "
            "the schedule there, or say why in inherit: {rate: {reset: WHY}}"
        )
