"""A batch that changes over a stage: levels of tokens a step, each from a place of the stage on.

Ramps: Llama-3 405B has 4M tokens at first, 8M after 252M tokens and 16M after 2.87T (Dubey et al.
2024, arXiv 2407.21783, section 3.4.1). A reduction is the same, downwards. The places are counted
in tokens as schedules are, so the rate of a token does not depend on the batch it is in, and does
not jump where the batch changes.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    RootModel,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.token_count import PATTERN, Tokens, parse_tokens
from midtrain_dagster.training.batch.notation import is_ramp, parsed, printed
from midtrain_dagster.training.batch.steps import Levels, steps_of

After = Annotated[
    int,
    BeforeValidator(parse_tokens),
    Field(ge=0),
    WithJsonSchema({"type": ["integer", "string"], "minimum": 0, "pattern": PATTERN}),
]


class Level(FrozenModel):
    """A batch, and from where on the stage has it."""

    tokens: Tokens
    """Tokens of a step, over all workers."""
    after: After = 0
    """Tokens of the stage after which steps are so large."""


class Ramp(RootModel[Annotated[tuple[Level, ...], Field(min_length=2)]]):
    """The levels of a batch in order, the first from the beginning of the stage on."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        first, *_ = self.root
        if first.after:
            raise ValueError(f"its first level begins with the stage, not after {first.after}")
        for number, (one, other) in enumerate(pairwise(self.root), 2):
            if other.after <= one.after:
                raise ValueError(
                    f"level {number} begins after {other.after} tokens, not behind the "
                    f"{one.after} of the level before it"
                )
            if other.tokens == one.tokens:
                raise ValueError(f"level {number} has the {one.tokens} tokens of that before it")
        return self

    def __iter__(self) -> Iterator[Level]:  # type: ignore[override]
        return iter(self.root)


def _form(value: Any) -> str:
    return "ramp" if isinstance(value, list | tuple | Ramp) else "constant"


def _read(batch: Any, info: ValidationInfo) -> Any:
    """A ramp that is written in the notation, in its list form."""
    if not is_ramp(batch):
        return batch
    if "tokens" not in info.data:
        raise ValueError("its places are of the stage's tokens, which are not right")
    return parsed(batch, tokens=info.data["tokens"])


def levels_of(batch: int | Ramp) -> Levels:
    """Tokens of a step, and the tokens of the stage after which they hold; one pair a level."""
    if isinstance(batch, int):
        return ((batch, 0),)
    return tuple((level.tokens, level.after) for level in batch)


def _checked(batch: int | Ramp, info: ValidationInfo) -> int | Ramp:
    """The batch. Raises ``ValueError`` where a level has no step."""
    if "tokens" in info.data:
        steps_of(levels_of(batch), info.data["tokens"])
    return batch


Batch = Annotated[
    Annotated[Tokens, Tag("constant")] | Annotated[Ramp, Tag("ramp")], Discriminator(_form)
]
BatchTokens = Annotated[
    Batch,
    BeforeValidator(_read, json_schema_input_type=Batch | str),
    AfterValidator(_checked),
]
"""Tokens of a step in a recipe: a count, or a ramp as text or as a list of levels."""


def in_words(batch: int | Ramp) -> str:
    """A batch for people: its tokens, or how they change."""
    return f"{batch:,}" if isinstance(batch, int) else printed(levels_of(batch))
