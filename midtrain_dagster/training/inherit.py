"""What a stage takes over from the one it continues: each thing kept, mapped or reset, and why.

Mid-training differs from continued pre-training in exactly this (*A Survey on LLM Mid-Training*,
arXiv 2510.23081, section 2). Five things are inherited: weights, the optimizer's moments, the
learning rate, the position in the data, and the seed of all randomness. ``keep`` is the default for
all but the data, and whatever is not simply kept has to say why, in the recipe. Moments that a
release does not come with may be estimated anew, by steps that move no weight.

The loop draws no random number, so the seed stands for the whole state of a generator: it orders
the documents and draws fresh weights. A position in the data has nothing to map: it is that of the
very same documents in the very same order, or a new one.
"""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from midtrain_dagster.core.causes import CAUSE_IF_SET
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.token_count import Tokens


class TransitionError(ValueError):
    """A stage does not fit onto the one it continues."""


Why = Annotated[str, Field(min_length=1)]


class Reset(FrozenModel):
    """Not taken over, and why not."""

    reset: Why
    """Why it is not taken over."""


class Mapped(FrozenModel):
    """Tensors taken over under other names, orders or shapes, and why.

    Names are regular expressions over a whole name. Each name of the source is renamed by the first
    pattern of ``rename`` that matches it; then ``drop``, ``fresh`` and ``grow`` speak of the
    model's names. What none of them covers has to fit exactly.
    """

    map: Why
    """Why they differ."""
    rename: dict[str, str] = Field(default_factory=dict)
    """Name in the source: name in the model, with groups as ``\\1``."""
    interleaved_rope: bool = False
    """The source rotates neighbouring components (Meta's Llama, torchtitan), Hugging Face's models
    the two halves: the rows of the q and k projections are reordered, a head at a time."""
    drop: tuple[str, ...] = ()
    """Of the source, not of the model: left behind."""
    fresh: tuple[str, ...] = ()
    """Of the model, not of the source: weights drawn from the seed, moments zero from step 0."""
    grow: tuple[str, ...] = ()
    """With more rows than in the source (new tokens): new rows get the mean of the old ones'
    weights, and zero moments at the count of steps of the old ones."""

    @field_validator("rename", "drop", "fresh", "grow")
    @classmethod
    def _patterns_compile(cls, patterns: dict[str, str] | tuple[str, ...]) -> object:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        return patterns


BatchRule = Literal["sqrt", "linear"]


class Reestimated(FrozenModel):
    """Estimated anew before anything is learnt, and why: so many steps put their gradients into
    the moments while every weight stays as it is, to the bit.

    They come before the stage's own tokens, with documents of its mixture that do not come again
    for it. The count of updates goes on from them, so AdamW's bias correction is right
    (arXiv 1412.6980, section 3).
    """

    reestimate: Why
    """Why there are none to take over."""
    steps: Annotated[int, Field(ge=1)]
    """How many; after n of them a running mean that decays by b a step holds 1 - b^n of what it
    would in the end (99% of AdamW's second moment after 90, at 0.95)."""


class Scaled(FrozenModel):
    """A learning rate taken over times a factor, which is told or follows from the batch, and why.

    From a batch of B tokens to one of B', the rate goes with ``sqrt``, √(B'/B) (Krizhevsky 2014,
    arXiv 1404.5997, section 5; OLMo-core does so with AdamW), or ``linear``, B'/B (Goyal et al.
    2017, arXiv 1706.02677, section 2.1), whose authors ask for a gradual warm-up (2.2).
    """

    map: Why
    """Why another rate fits."""
    factor: Annotated[float | None, Field(gt=0)] = None
    """What the learning rate is multiplied by."""
    batch: Annotated[BatchRule | None, CAUSE_IF_SET] = None
    """In place of ``factor``: how the rate follows the batch, from that with which the start ended
    to that with which this stage begins."""
    warmup: Annotated[Tokens | None, CAUSE_IF_SET] = None
    """Tokens over which the rate goes from the start's to the scaled one, on top of the schedule;
    null: at once. The linear rule asks for it."""

    @model_validator(mode="after")
    def _has_one_factor(self) -> Self:
        if (self.factor is None) == (self.batch is None):
            raise ValueError("say either `factor`, or the rule by which it follows the `batch`")
        if self.batch == "linear" and self.warmup is None:
            raise ValueError(
                "the linear rule is for a rate that warms up (Goyal et al. 2017, section 2.2): say "
                "over how many tokens in `warmup`, or take batch: sqrt"
            )
        return self

    @property
    def known_factor(self) -> float:
        """What the rate is multiplied by. Raises ``TransitionError`` where a batch that nobody
        knows decides it."""
        if self.factor is None:
            raise TransitionError(
                f"the {self.batch} rule needs the batch with which the start ended, and that is "
                "known of no given base and of no soup of several: say "
                "inherit: {learning_rate: {map: WHY, factor: NUMBER}}"
            )
        return self.factor

    def following(self, before: int, now: int) -> "Scaled":
        """With the factor in place of the rule, for a batch of ``now`` tokens after ``before``."""
        if self.batch is None:
            return self
        factor = math.sqrt(now / before) if self.batch == "sqrt" else now / before
        return self.model_copy(update={"factor": factor, "batch": None})

    def rise(self, seen: NDArray[np.int64]) -> NDArray[np.float64]:
        """By what the schedule's rates are multiplied after ``seen`` tokens of the stage: from the
        start's own rate to 1 at the end of the warm-up, along a line."""
        begin = 1 / self.known_factor
        part = np.clip(seen / (self.warmup or 1), 0.0, 1.0)
        return begin + (1 - begin) * part


def _how(said: Any) -> str | None:
    """How something is taken over: the tag of the union's member, None for what is none."""
    for key, model, tag in (
        ("map", Mapped | Scaled, "mapped"),
        ("reestimate", Reestimated, "reestimated"),
        ("reset", Reset, "anew"),
    ):
        if isinstance(said, model) or (isinstance(said, Mapping) and key in said):
            return tag
    return "kept" if said == "keep" else None


_TAKEN_OVER = Discriminator(
    _how,
    custom_error_type="taken_over",
    custom_error_message="Input should be keep, {map: WHY, ...} or {reset: WHY}",
)
_OR_REESTIMATED = Discriminator(
    _how,
    custom_error_type="taken_over",
    custom_error_message="Input should be keep, {map: WHY, ...}, {reset: WHY} or {reestimate: "
    "WHY, steps: N}",
)
_KEPT_OR_NOT = Discriminator(
    _how,
    custom_error_type="taken_over",
    custom_error_message="Input should be keep or {reset: WHY}",
)

Keep = Annotated[Literal["keep"], Tag("kept")]
Anew = Annotated[Reset, Tag("anew")]
Tensors = Annotated[Keep | Annotated[Mapped, Tag("mapped")] | Anew, _TAKEN_OVER]
MomentsOf = Annotated[
    Keep | Annotated[Mapped, Tag("mapped")] | Annotated[Reestimated, Tag("reestimated")] | Anew,
    _OR_REESTIMATED,
]
Rate = Annotated[Keep | Annotated[Scaled, Tag("mapped")] | Anew, _TAKEN_OVER]
Kept = Annotated[Keep | Anew, _KEPT_OR_NOT]

OWN_ORDER = Reset(reset="a stage has a data order of its own, as the anneals of OLMo 2 have")


class Inherit(FrozenModel):
    """What the stage takes over: each ``keep``, ``{map: WHY, ...}`` or ``{reset: WHY}``; moments
    may also be ``{reestimate: WHY, steps: N}``."""

    weights: Tensors = "keep"
    """The model's tensors: kept, taken over under other names or shapes, or drawn anew."""
    moments: MomentsOf = "keep"
    """The optimizer's moments (AdamW's two, Muon's momentum) and the count of updates; reset, they
    begin at zero; re-estimated, the first steps fill them and move no weight."""
    learning_rate: Rate = "keep"
    """The rate at which the start ended, from which the schedule goes on; reset, the schedule
    says its own."""
    data: Kept = OWN_ORDER
    """``keep``: go on in the documents' order where the start stopped, so that none of them comes
    again before all have been seen."""
    rng: Kept = "keep"
    """The seed: kept, it is the start's, and a stage that has another one is an error."""

    @property
    def takes_moments(self) -> bool:
        """Whether the start has to have moments: kept, or mapped."""
        return not isinstance(self.moments, Reset | Reestimated)
