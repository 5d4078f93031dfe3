"""What one run of training does: from which start, how long, how fast, on what, in what windows.

What a stage takes over is said in ``inherit``. A learning rate that jumps, a seed that changes or a
window that grows without a word is an error before anything runs, and not a loss spike a day later
(the survey *LLM Mid-Training*, arXiv 2510.23081, section 2, on what stages inherit): here what the
stage alone shows, in ``transition.check`` what it shows beside the stage that it continues.

A field that changes nothing in what comes out is marked. Workers and accelerators are: they change
the order of sums, hence last bits, and a checkpoint that was made elsewhere is found.
"""

from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from midtrain_dagster.core.causes import CAUSE_IF_SET, NOT_A_CAUSE
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.token_count import Tokens
from midtrain_dagster.dataloader.batch import LossOn, Positions
from midtrain_dagster.dataloader.fill_in_the_middle import EXTRA, SHORTEST, FillInTheMiddle
from midtrain_dagster.dataloader.packings import Packing
from midtrain_dagster.mixture.reference import MixtureSection
from midtrain_dagster.training.batch.ramp import BatchTokens, levels_of
from midtrain_dagster.training.batch.steps import Steps, steps_of
from midtrain_dagster.training.checkpoints.settings import Checkpoints
from midtrain_dagster.training.inherit import (
    Inherit,
    Mapped,
    Reestimated,
    Reset,
    Scaled,
    TransitionError,
)
from midtrain_dagster.training.optimizers.optimizer import USUAL, Optimizer
from midtrain_dagster.training.rope.apply import Rope
from midtrain_dagster.training.schedule.notation import parsed
from midtrain_dagster.training.schedule.schedule import Schedule, Segment
from midtrain_dagster.training.step.failures import Failures
from midtrain_dagster.training.step.parallel import Parallel

RANDOM = "random"
"""What a stage that starts from fresh weights names as its start."""

LEARNING_RATE_TOLERANCE = 1e-6
"""Two learning rates that differ by less than this share are the same one, printed differently."""


def _read(schedule: Any, info: ValidationInfo) -> Any:
    """A schedule that is written in the notation, in its list form."""
    if not isinstance(schedule, str):
        return schedule
    if not {"tokens", "batch_tokens"} <= info.data.keys():
        raise ValueError("steps and shares are of tokens and batch_tokens, which are not right")
    tokens = info.data["tokens"]
    return parsed(schedule, tokens=tokens, batch_tokens=info.data["batch_tokens"])


def searches_factors(stage: "Stage") -> bool:
    """Whether a stage searches LongRoPE's factors before its first step, on held-out documents."""
    return stage.rope is not None and stage.rope.method == "longrope" and bool(stage.rope.search)


class Stage(FrozenModel):
    """One stage: what it starts from, how long, how fast, on what, and in what windows."""

    start: Annotated[str, Field(min_length=1)]
    """The stage or base it continues, or ``random``."""
    milestone: Annotated[int | None, Field(ge=1), CAUSE_IF_SET] = None
    """At which milestone of the stage that it starts from, counted from 1, where that keeps their
    moments (``checkpoints: {milestones: TOKENS, moments: true}``); null: at its end. For a rewind,
    and for a microanneal: a short decay to 0 from the middle of a stage."""
    tokens: Tokens
    """Tokens that it is trained on, over all steps but those that only re-estimate moments."""
    batch_tokens: BatchTokens
    """Tokens of a step, over all workers; or how they change over the stage, ``4M -> 8M @ 252M ->
    16M @ 2.87T`` (docs/training.md)."""
    sequence_length: Annotated[int, Field(ge=2)]
    """Tokens of a window."""
    packing: Annotated[Packing, CAUSE_IF_SET] = "best_fit"
    """How windows are filled: by best fit; with one document each, the rest of it padding, for
    models in which documents that share a window see each other (docs/models.md); or with chunks of
    documents shuffled among one another, ``untie_knots`` (docs/long-data.md)."""
    fill_in_the_middle: Annotated[FillInTheMiddle | None, CAUSE_IF_SET] = None
    """Documents whose middle is moved to their end, so that a model learns to write between
    (docs/training.md); null: none."""
    positions: Annotated[Positions, CAUSE_IF_SET] = "document"
    """Whether positions begin anew with each document of a window, run over the window of documents
    that do not see each other, or over a window that is read as one text (docs/training.md)."""
    schedule: Annotated[Schedule, BeforeValidator(_read, json_schema_input_type=Schedule | str)]
    """The learning rate, as phases in order; or in the survey's notation, ``Warmup(3e-4, 2000
    steps) -> Constant(3e-4, 10T) -> Decay(3e-5)`` (docs/training.md)."""
    mixture: MixtureSection
    """The share of each domain in its tokens."""
    loss_on: Annotated[LossOn, CAUSE_IF_SET] = "all"
    """Which tokens of conversations the loss is taken on: all, or what an assistant says. Documents
    that are no conversations are learnt throughout."""
    rope: Rope | None = None
    """How positions are changed where windows grow; null: not."""
    inherit: Inherit = Inherit()
    """What it takes over from its start: each kept, mapped or reset, and why."""
    optimizer: Optimizer = USUAL
    """How gradients change weights (AdamW, unless it names another), and what is done to the
    gradient before."""
    checkpoint_every: Annotated[int | None, Field(ge=1), NOT_A_CAUSE] = None
    """Steps between the checkpoints that a stage can go on from; null: one after each twentieth of
    the stage, and every three minutes."""
    checkpoints: Checkpoints = Checkpoints()
    """Which of the intermediate checkpoints stay in the run's folder."""
    precision: Literal["bf16", "fp32"] = "fp32"
    """bf16 is autocast over fp32 weights; slow on a CPU without bf16 instructions."""
    micro_batch_tokens: Tokens | None = None
    """Tokens a forward pass takes at once; null: the worker's whole share of the batch. About a
    thousand are fastest on a CPU: the activations then stay in its cache."""
    workers: Annotated[int, Field(ge=1), NOT_A_CAUSE] = 1
    """Processes that train together, each on a CPU or a GPU of its own."""
    parallel: Annotated[Parallel, NOT_A_CAUSE] = "ddp"
    """What several workers do: ``ddp`` has the whole model on each, ``fsdp`` a shard of it."""
    context_parallel: Annotated[int, Field(ge=1), NOT_A_CAUSE] = 1
    """How many of the workers share each window, for windows that are too long for one: each
    computes a part of its tokens, and attends with a part of its heads (docs/training.md)."""
    activation_checkpointing: Annotated[bool, NOT_A_CAUSE] = False
    """Keep only each layer's input, and compute it twice: less memory for a third more time."""
    z_loss: Annotated[float, Field(ge=0)] = 0.0
    """Coefficient of the squared log-partition in the objective; PaLM has 1e-4, OLMo 2 1e-5."""
    noise_scale_every: Annotated[int, Field(ge=1)] | None = None
    """Steps between measurements of the gradient noise scale; null: none."""
    failures: Failures = Failures()
    """What is done where the loss is no number, or spikes."""
    restarts: Annotated[int, Field(ge=0), NOT_A_CAUSE] = 0
    """How often the stage goes on from its last checkpoint after a worker was lost."""
    seed: Seed | None = None
    """Null: the recipe's."""
    accelerator: Annotated[Literal["cpu", "gpu"], NOT_A_CAUSE] = "cpu"
    """What each worker trains on."""

    @model_validator(mode="after")
    def _moments_go_with_their_weights(self) -> Self:
        if isinstance(self.inherit.weights, Reset) and self.inherit.takes_moments:
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
    def _fields_fit_together(self) -> Self:
        sizes = [size for size, _ in levels_of(self.batch_tokens)]
        told = [("batch_tokens", size) for size in sizes]
        for field, tokens in [*told, ("micro_batch_tokens", self.micro_batch_tokens)]:
            if tokens is not None and tokens % self.sequence_length:
                raise ValueError(
                    f"sequence_length {self.sequence_length} does not divide {field} {tokens}"
                )
        if self.positions != "document" and not isinstance(self.packing, str):
            raise ValueError(
                f"positions: {self.positions} and packing: {self.packing.method} both say what one "
                "text is: knots tie a window's documents to one; leave out positions"
            )
        self._check_fill()
        self._check_context_parallel()
        fewest = min(sizes) // self.sequence_length
        if fewest < self.workers // self.context_parallel:
            raise ValueError(
                f"workers {self.workers} exceed the {fewest} windows of a step "
                f"(batch_tokens {min(sizes)} / sequence_length {self.sequence_length})"
                + f" times context_parallel {self.context_parallel}"
                * (self.context_parallel > 1)
            )
        if self.noise_scale_every is not None and fewest < 2 * self.workers:
            raise ValueError(
                f"noise_scale_every compares parts of a step, but its {fewest} "
                f"windows are not two for each of {self.workers} workers: raise batch_tokens"
            )
        if self.start == RANDOM and self.milestone is not None:
            raise ValueError(
                "milestone is one of the stage that it starts from, which random lacks"
            )
        rate = self.inherit.learning_rate
        if isinstance(rate, Scaled) and rate.warmup is not None and rate.warmup > self.tokens:
            raise ValueError(
                f"inherit.learning_rate.warmup has {rate.warmup} tokens, but the stage has "
                f"{self.tokens}"
            )
        if self.start == RANDOM and self.reestimated_steps:
            raise ValueError(
                "inherit.moments re-estimates those of weights that were trained: random ones have "
                "none, and begin at zero"
            )
        if self.start == RANDOM and self.rope is not None:
            raise ValueError("rope changes an inherited model: a random one has model.rope_base")
        found = None if self.inherits_learning_rate else 0.0
        if found is not None or self.schedule.first_learning_rate is not None:
            try:
                self._segments(found)
            except ValueError as error:
                raise ValueError(f"schedule: {error}") from error
        return self

    def _check_fill(self) -> None:
        fills = self.fill_in_the_middle is not None
        if fills and not isinstance(self.packing, str):
            raise ValueError(
                "fill_in_the_middle moves parts of a document, and packing: "
                f"{self.packing.method} cuts it to chunks: leave out one of the two"
            )
        if fills and self.sequence_length < SHORTEST + EXTRA:
            raise ValueError(
                f"fill_in_the_middle turns documents of {SHORTEST} tokens or more, and a window of "
                f"{self.sequence_length} has no room for one and {EXTRA} tokens beside it"
            )

    def _check_context_parallel(self) -> None:
        shared = self.context_parallel
        if self.workers % shared:
            raise ValueError(f"context_parallel {shared} does not divide workers {self.workers}")
        if self.sequence_length % shared:
            raise ValueError(
                f"context_parallel {shared} does not divide sequence_length {self.sequence_length}"
            )
        if shared > 1 and self.noise_scale_every is not None:
            raise ValueError(
                "noise_scale_every compares windows of one worker with those of all, and with "
                "context_parallel no worker has whole ones: leave out one of the two"
            )

    @property
    def batches(self) -> Steps:
        """Where each step begins, and how large it is; those that re-estimate moments are the
        first, as large as the first of the others."""
        first, *others = levels_of(self.batch_tokens)
        before = self.reestimated_steps * first[0]
        levels = (first, *((size, after + before) for size, after in others))
        return steps_of(levels, self.tokens + before)

    @property
    def steps(self) -> int:
        """Steps: those that re-estimate moments, then enough for all the tokens."""
        return self.batches.count

    @property
    def learning_steps(self) -> int:
        """Steps that have a learning rate: enough for all the tokens."""
        return self.steps - self.reestimated_steps

    @property
    def reestimated_steps(self) -> int:
        """Steps at its beginning that fill the moments and move no weight."""
        moments = self.inherit.moments
        return moments.steps if isinstance(moments, Reestimated) else 0

    @property
    def windows_per_step(self) -> int:
        """Windows of ``sequence_length`` tokens in its largest step, over all workers."""
        return max(self.batches.sizes) // self.sequence_length

    @property
    def inherits_learning_rate(self) -> bool:
        """Whether the schedule goes on from the learning rate of the start, as it is or scaled."""
        return self.start != RANDOM and not isinstance(self.inherit.learning_rate, Reset)

    @property
    def begins_at_zero(self) -> bool:
        """Whether the stage alone shows that its first step has rate 0, as a linear warm-up has in
        transformers: that step fills the moments and moves no weight."""
        first = self.schedule.first_learning_rate
        return first == 0 or (first is None and not self.inherits_learning_rate)

    def found_learning_rate(self, last: float) -> float:
        """What the stage makes of the learning rate that its start ended with."""
        kept = self.inherit.learning_rate
        return last * kept.known_factor if isinstance(kept, Scaled) else last

    def final_learning_rate(self, last: float | None) -> float:
        """Where the schedule ends, from the learning rate that the start ended with; it takes no
        step's memory. Raises as ``learning_rates`` does."""
        try:
            return self._segments(self._found(last))[-1].end
        except ValueError as error:
            if isinstance(error, TransitionError):
                raise
            raise TransitionError(f"schedule: {error}") from error

    def learning_rates(self, last: float | None) -> NDArray[np.float64]:
        """The learning rate of each step (0 of those that re-estimate moments), and one more: where
        the schedule ends, which the next stage inherits. [steps + 1], from the one that the start
        ended with (None: not known).

        Raises ``TransitionError`` where it jumps although it is kept, and where it is kept but not
        known.
        """
        found = self._found(last)
        seen = self.batches.before(np.arange(self.reestimated_steps, self.steps + 1))
        seen -= self.batches.tokens_before(self.reestimated_steps)
        try:
            self._segments(found)
            rates = self.schedule.learning_rates(seen, tokens=self.tokens, found=found)
        except ValueError as error:
            raise TransitionError(f"schedule: {error}") from error
        kept = self.inherit.learning_rate
        if self.start != RANDOM and isinstance(kept, Scaled) and kept.warmup is not None:
            rates = rates * kept.rise(seen)
        return np.concatenate([np.zeros(self.reestimated_steps), rates])

    def _segments(self, found: float | None) -> list[Segment]:
        """The phases laid out. Raises ``ValueError`` where the schedule does, where no step has a
        rate above 0, and where a phase lies within a step: since a step has the rate of its first
        token, it would never be applied."""
        segments = self.schedule.segments(self.tokens, found)
        if self.learning_steps == 1 and segments[0].start == 0:
            raise ValueError(
                "its only step has rate 0, with which phase 1 begins, so nothing is learnt: give "
                "phase 1 a `start` above 0, or the stage more tokens"
            )
        for number, segment in enumerate(segments, 1):
            step = self.batches.step_from(segment.begin)
            if self.batches.tokens_before(step) >= segment.stop:
                raise ValueError(
                    f"phase {number} has the tokens {segment.begin} to {segment.stop}, within one "
                    f"step of {self.batches.size(max(0, step - 1))}: no step begins there, so none "
                    "would have its rates; give it a step's tokens, or leave it out"
                )
        return segments

    def _found(self, last: float | None) -> float:
        """What the schedule goes on from. Raises ``TransitionError`` where it is not known, and
        where it jumps."""
        found = 0.0
        if self.inherits_learning_rate:
            if last is None:
                raise TransitionError(
                    f"the learning rate of {self.start!r} is not known: give the first phase one "
                    "of its own and say inherit: {learning_rate: {reset: WHY}}"
                )
            found = self.found_learning_rate(last)
            _check_learning_rate(self, found)
        return found


def _check_learning_rate(stage: Stage, found: float) -> None:
    first = stage.schedule.first_learning_rate
    if first is not None and abs(first - found) > LEARNING_RATE_TOLERANCE * max(first, found):
        raise TransitionError(
            f"the learning rate jumps from {found:g}, where {stage.start!r} ends, to {first:g}: "
            "start the schedule there, or say why in inherit: {learning_rate: {reset: WHY}}"
        )
