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

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from midtrain_dagster.core.frozen_model import FrozenModel


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
    """A learning rate taken over times a factor (such as the square root of a larger batch's), and
    why."""

    map: Why
    """Why another rate fits."""
    factor: Annotated[float, Field(gt=0)]
    """What the learning rate is multiplied by."""


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
