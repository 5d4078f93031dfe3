"""What is looked for in long contexts, and the gates that a stage has to pass by it."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.long_context.config import LongContextTask

RULER_THRESHOLD = 0.856
"""What Llama-2-7B reaches at 4,096 tokens, which RULER calls effective (arXiv 2404.06654)."""

SHORTEST_SCALED = 256
"""Tokens that a rehearsal leaves of a context: most tasks have no room in less."""

Length = Annotated[int, Field(ge=16)]
Depth = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, le=1)]


class LongContext(FrozenModel):
    """The tasks that every checkpoint is asked over long contexts."""

    tasks: dict[str, LongContextTask] = Field(
        min_length=1, description="The tasks, by name, each as a section or its name alone"
    )
    lengths: tuple[Length, ...] = Field(
        min_length=1,
        description="Tokens of context, question and answer together; rising",
    )
    depths: tuple[Depth, ...] = Field(
        (0.0, 0.25, 0.5, 0.75, 1.0),
        min_length=1,
        description="Where what is asked for stands: 0 at the beginning, 1 at the end",
    )
    items: int = Field(20, gt=0, description="Items of each task, length and depth")
    distractors: int = Field(9, gt=0, description="Wrong answers beside each right one, at least")
    haystack: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="Domains whose held-out documents fill contexts, the longest first; null: all "
        "that sources feed, but for those of `recall` alone",
    )
    documents: int = Field(64, gt=0, description="Documents that contexts are filled from, at most")
    seed: Seed = 0
    """Of all that is drawn."""
    threshold: Annotated[Share, NOT_A_CAUSE] = RULER_THRESHOLD
    """From which score on a length counts as effective: RULER's. Of rank accuracy what guesses
    reach is taken off first: (accuracy - chance) / (1 - chance)."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if list(self.lengths) != sorted(set(self.lengths)):
            raise ValueError(f"lengths {list(self.lengths)}: write each once, the shortest first")
        if list(self.depths) != sorted(set(self.depths)):
            raise ValueError(f"depths {list(self.depths)}: write each once, the least first")
        return self

    def scaled(self, divisor: int) -> Self:
        """The settings of a rehearsal whose windows are divided: so are the lengths, down to
        :data:`SHORTEST_SCALED`."""
        shorter = {max(size // divisor, min(size, SHORTEST_SCALED)) for size in self.lengths}
        return self.model_copy(update={"lengths": tuple(sorted(shorter))})

    @property
    def needs_text(self) -> bool:
        """Whether any task's contexts are filled with documents."""
        return any(task.needs_text for task in self.tasks.values())


class NeedleGate(FrozenModel):
    """Which tasks have to be solved up to the stage's window."""

    tasks: tuple[str, ...] | None = Field(
        None, min_length=1, description="Of `long_context.tasks`; null: all of them"
    )
    rank_accuracy: Share = Field(
        0.95, description="The least mean over depths, of each task at each length up to the window"
    )


class Gates(FrozenModel):
    """What a stage has to show before another one may start from it (Llama 3, arXiv 2407.21783,
    section 3.4.2: short contexts recovered, needles found up to the length)."""

    general_loss: float | None = Field(
        0.05,
        ge=0,
        description="How much the mean loss on the general domains, in the shortest window of any "
        "stage, may lie above that of the checkpoint it started from, in nats per token; null: "
        "not asked",
    )
    scores: float | None = Field(
        0.02,
        ge=0,
        description="How much an accuracy that its start has above chance may fall, beyond two "
        "standard errors; null: not asked",
    )
    needles: NeedleGate | None = Field(
        None, description="What has to be found up to its window; null: nothing"
    )

    @model_validator(mode="after")
    def _something_is_asked(self) -> Self:
        if self.general_loss is None and self.scores is None and self.needles is None:
            raise ValueError("a gate asks for something: say general_loss, scores or needles")
        return self

    def of_start(self, start: str) -> "Gates | None":
        """What is asked of a stage with that start: random weights have nothing to recover."""
        if start != "random":
            return self
        if self.needles is None:
            return None
        return self.model_copy(update={"general_loss": None, "scores": None})
