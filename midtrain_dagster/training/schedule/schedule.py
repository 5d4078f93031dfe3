"""Learning-rate schedules as a sequence of phases; a phase begins where the one before it ended.

Source: *A Survey on LLM Mid-Training* (arXiv 2510.23081), Table 1 (shapes) and Table 3 (schedules
of mainstream models). Table 1 leaves warm-up-stable-decay undefined at the two boundaries: here a
phase owns its first token and not its last, so at ``s = W`` and at ``s = T`` the learning rate is
exactly the stable one.

Phases are counted in tokens, so that a schedule means the same at every batch size. The price: a
boundary may fall inside a step; the learning rate of a step is that of its first token, as in
transformers' schedules. So the first step of a warm-up from 0 fills the moments and moves nothing,
and the rate with which a decay ends is that of the step after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field, RootModel, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.token_count import Tokens
from midtrain_dagster.training.batch.steps import Steps
from midtrain_dagster.training.schedule.method import ShapeMethod
from midtrain_dagster.training.schedule.shape import Shape
from midtrain_dagster.training.schedule.shapes.linear import Linear

LearningRate = Annotated[float, Field(ge=0)]


class Warmup(FrozenModel):
    """A linear rise to ``to``, from ``start`` (default: where the phase before it ended)."""

    phase: Literal["warmup"]
    start: LearningRate | None = None
    """The learning rate it begins with; null: that at which the phase before it ended."""
    to: LearningRate
    """The learning rate it ends with."""
    tokens: Tokens | None = None
    """How long it is; null, of the last phase: the rest of the stage."""


class Constant(FrozenModel):
    """A plateau, at ``learning_rate`` (default: where the phase before it ended)."""

    phase: Literal["constant"]
    learning_rate: LearningRate | None = None
    """The learning rate; null: that at which the phase before it ended."""
    tokens: Tokens | None = None
    """How long it is; null, of the last phase: the rest of the stage."""

    @property
    def start(self) -> float | None:
        """The learning rate that it begins with, if it says so."""
        return self.learning_rate


class Decay(FrozenModel):
    """A fall to ``to`` in one of the shapes, from ``start`` (default as in ``Warmup``)."""

    phase: Literal["decay"]
    shape: Shape = Linear()
    """The curve of the fall."""
    start: LearningRate | None = None
    """The learning rate it begins with; null: that at which the phase before it ended."""
    to: LearningRate
    """The learning rate it ends with."""
    tokens: Tokens | None = None
    """How long it is; null, of the last phase: the rest of the stage."""

    @model_validator(mode="after")
    def _shape_reaches_its_end(self) -> Self:
        self.shape.check_end(self.to)
        return self


Phase = Annotated[Warmup | Constant | Decay, Field(discriminator="phase")]


@dataclass(frozen=True)
class Segment:
    """One phase laid out in tokens: it owns [begin, stop), and goes from ``start`` to ``end``."""

    begin: int
    stop: int
    start: float
    end: float
    shape: ShapeMethod

    def learning_rate(self, tokens: NDArray[np.float64]) -> NDArray[np.float64]:
        """The learning rate after so many tokens of the stage; beyond the segment, its end."""
        x = np.clip((tokens - self.begin) / (self.stop - self.begin), 0.0, 1.0)
        return np.where(x == 1.0, self.end, self.shape.curve(x, self.start, self.end))


class Schedule(RootModel[Annotated[tuple[Phase, ...], Field(min_length=1)]]):
    """The phases of a stage in order. Only the last may leave out its tokens: it takes the rest."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _only_the_last_is_open(self) -> Self:
        for number, phase in enumerate(self.root[:-1], 1):
            if phase.tokens is None:
                raise ValueError(
                    f"phase {number} ({phase.phase}) needs tokens: only the last may omit"
                )
        return self

    def __iter__(self) -> Iterator[Phase]:  # type: ignore[override]
        return iter(self.root)

    @property
    def first_learning_rate(self) -> float | None:
        """What the stage begins with, or None where it takes over what it finds."""
        return self.root[0].start

    @property
    def last_learning_rate(self) -> float | None:
        """What the stage ends with, or None where that is what it found."""
        last: float | None = None
        for phase in self.root:
            last = phase.to if not isinstance(phase, Constant) else _first(phase.start, last)
        return last

    def resized(self, ratio: float, steps: Steps) -> "Schedule":
        """The same phases over ``ratio`` times the tokens, which are these steps: each phase but
        the last has whole steps, one at least, and the last takes the rest."""
        *phases, last = self.root
        number = np.arange(1, len(phases) + 1)
        stops = np.cumsum([phase.tokens or 0 for phase in phases]) * (ratio / steps.sizes[0])
        if len(steps.sizes) > 1:
            stops = np.array([steps.nearest(each * steps.sizes[0]) for each in stops.tolist()])
        stops = np.maximum.accumulate(np.rint(stops).astype(np.int64) - number) + number
        stops = np.clip(stops, number, steps.count - 1 - len(phases) + number)
        tokens = np.diff(steps.before(stops), prepend=0)
        sized = [
            phase.model_copy(update={"tokens": int(size)})
            for phase, size in zip(phases, tokens, strict=True)
        ]
        return Schedule((*sized, last.model_copy(update={"tokens": None})))

    def segments(self, tokens: int, found: float | None) -> list[Segment]:
        """Lay the phases out over a stage of ``tokens`` that begins at learning rate ``found``.

        Raises ``ValueError``, naming the phase, where the phases do not fill the stage exactly,
        where nothing says at which rate one starts, where a warm-up falls or a decay rises, and
        where one stays at rate 0, at which nothing is learnt.
        """
        return list(self._segments(tokens, found))

    def _segments(self, tokens: int, found: float | None) -> Iterator[Segment]:
        begin, end = 0, found
        for number, phase in enumerate(self.root, 1):
            name = f"phase {number} ({phase.phase})"
            stop = tokens if phase.tokens is None else begin + phase.tokens
            if not begin < stop <= tokens:
                raise ValueError(f"{name} ends at token {stop}, but the stage has {tokens}")
            start = _first(phase.start, end)
            if start is None:
                raise ValueError(
                    f"{name} does not say at which rate it starts, and none is inherited"
                )
            end = start if isinstance(phase, Constant) else phase.to
            if isinstance(phase, Warmup) and end <= start:
                raise ValueError(f"{name} goes from {start:g} to {end:g}: a warm-up rises")
            if isinstance(phase, Decay) and end >= start:
                raise ValueError(f"{name} goes from {start:g} to {end:g}: a decay falls")
            if start == end == 0:
                raise ValueError(
                    f"{name} stays at rate 0, where the phase or stage before it ends: nothing is "
                    "learnt there; give it a rate, or leave it out"
                )
            shape = phase.shape if isinstance(phase, Decay) else Linear()
            yield Segment(begin, stop, start, end, shape)
            begin = stop
        if begin != tokens:
            raise ValueError(f"the schedule has {begin} tokens, but the stage has {tokens}")

    def learning_rates(
        self, seen: ArrayLike, *, tokens: int, found: float | None
    ) -> NDArray[np.float64]:
        """The learning rate after each of ``seen`` tokens (any shape) of a stage of ``tokens``.

        ``found`` is what the stage inherits (None: nothing). Errors as in ``segments``.
        """
        seen = np.asarray(seen, np.float64)
        segments = self.segments(tokens, found)
        starts = np.array([segment.begin for segment in segments])
        owner = np.maximum(np.searchsorted(starts, seen, side="right") - 1, 0)
        return np.choose(owner, [segment.learning_rate(seen) for segment in segments])


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
