"""What a proxy is: a small model from random weights, or a short decay from a checkpoint.

RegMix's proxies have 1M parameters, random weights and a constant rate after a warm-up (Liu et al.
2024, arXiv 2407.01492, section 3.1 and its script); OLMo 2's and dolma3's start from a checkpoint
of the model itself and decay linearly to 0, which is what mid-training will do with the mixture
(OLMo 2, arXiv 2501.00656, section 4.2). What a proxy does not say of its training is a stage's
usual (``training.stage``).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.token_count import Tokens
from midtrain_dagster.experiments.short_run import one_step
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.training.inherit import Inherit
from midtrain_dagster.training.optimizers.optimizer import USUAL, Optimizer
from midtrain_dagster.training.schedule.notation import parsed
from midtrain_dagster.training.schedule.schedule import Schedule
from midtrain_dagster.training.stage import RANDOM, Stage

SMALL = ModelConfig(hidden_size=128, layers=4, heads=4, kv_heads=4, intermediate_size=384)
"""The model of a search that names none: some 850,000 parameters beside its embedding."""

RATE = 3e-3
"""Where the usual schedule of random weights warms up to: that of models of this size here."""

RISE = 10
"""Of random weights, the part of a proxy in which the rate rises: one in so many."""

ANY_NUMBER = 1e9
"""The passes over a domain's documents that a proxy's plan allows: rules of drawing have bounds."""


def _read(schedule: Any, info: ValidationInfo) -> Any:
    """A schedule that is written in the notation, in its list form."""
    if not isinstance(schedule, str):
        return schedule
    if not {"tokens", "batch_tokens"} <= info.data.keys():
        raise ValueError("steps and shares are of tokens and batch_tokens, which are not right")
    return parsed(schedule, tokens=info.data["tokens"], batch_tokens=info.data["batch_tokens"])


class Proxy(FrozenModel):
    """How each proxy of a search is trained."""

    start: Annotated[str, Field(min_length=1)] = RANDOM
    """``random``, or the checkpoint of the recipe that each goes on from, at its end."""
    model: ModelConfig | None = None
    """The model of random weights; null: one of some 850,000 parameters beside its embedding."""
    tokens: Tokens
    """Tokens that each is trained on."""
    batch_tokens: Tokens
    """Tokens of a step."""
    sequence_length: Annotated[int, Field(ge=2)]
    """Tokens of a window, in which losses are measured too."""
    schedule: Annotated[
        Schedule | None, BeforeValidator(_read, json_schema_input_type=Schedule | str | None)
    ] = None
    """The learning rate, as a stage has it. Null: of random weights a rise to 3e-3 over a tenth of
    the tokens and a plateau; from a checkpoint a linear decay to 0 from the rate it ended with."""
    inherit: Inherit = Inherit()
    """What each takes over from its checkpoint, as a stage says it."""
    optimizer: Optimizer = USUAL
    """How gradients change weights."""
    micro_batch_tokens: Tokens | None = None
    """Tokens that a forward pass takes at once; null: a whole step."""

    @model_validator(mode="after")
    def _is_a_stage(self) -> Self:
        if self.start != RANDOM and self.model is not None:
            raise ValueError(f"it starts from {self.start!r}, so it has that model: drop `model`")
        if self.tokens <= self.batch_tokens:
            raise ValueError(one_step(self.tokens, self.batch_tokens))
        try:
            self.stage({"any": 1.0})
        except ValidationError as error:
            reasons = (str(each["msg"]).removeprefix("Value error, ") for each in error.errors())
            raise ValueError("; ".join(reasons)) from error
        return self

    @property
    def new_model(self) -> ModelConfig | None:
        """The model of random weights; None from a checkpoint."""
        return (self.model or SMALL) if self.start == RANDOM else None

    def stage(self, shares: Mapping[str, float]) -> Stage:
        """The training of one proxy, on a mixture of these shares."""
        if self.schedule is not None:
            schedule: list[dict[str, Any]] = self.schedule.model_dump()
        elif self.start == RANDOM:
            rise = {"phase": "warmup", "start": 0.0, "to": RATE, "tokens": self._rise}
            schedule = [rise, {"phase": "constant"}]
        else:
            schedule = [{"phase": "decay", "shape": "linear", "to": 0.0}]
        return Stage(
            start=self.start,
            tokens=self.tokens,
            batch_tokens=self.batch_tokens,
            sequence_length=self.sequence_length,
            schedule=Schedule.model_validate(schedule),
            mixture=Mixture(domains=dict(shares), max_epochs=ANY_NUMBER),
            inherit=self.inherit,
            optimizer=self.optimizer,
            micro_batch_tokens=self.micro_batch_tokens,
            # Only its end is written: a proxy that is cut begins anew.
            checkpoint_every=max(1, -(-self.tokens // self.batch_tokens)),
        )

    @property
    def _rise(self) -> int:
        """A tenth of the tokens, by whole steps, at least one and never all."""
        steps = -(-self.tokens // self.batch_tokens)
        return self.batch_tokens * max(1, min(steps // RISE, steps - 1))


class Size(FrozenModel):
    """Another size of the same proxies: what is not said is as it is of the usual ones."""

    model: ModelConfig | None = None
    """Another model, of random weights."""
    tokens: Tokens | None = None
    """Other tokens."""
    proxies: Annotated[int | None, Field(ge=2)] = None
    """How many of the mixtures are trained in this size, from the first; null: all."""

    @model_validator(mode="after")
    def _differs(self) -> Self:
        if self.model is None and self.tokens is None:
            raise ValueError("give another `model`, other `tokens`, or both")
        return self

    def of(self, proxy: Proxy) -> Proxy:
        """The proxy in this size. A schedule that is written out shrinks or grows with the tokens.

        Raises ``pydantic.ValidationError`` where that is no proxy any more.
        """
        fields = proxy.model_dump(exclude_unset=True)
        if self.model is not None:
            fields["model"] = self.model.model_dump()
        if self.tokens is not None:
            stage = proxy.stage({"any": 1.0})
            fields["tokens"] = self.tokens
            if proxy.schedule is not None:
                from midtrain_dagster.training.batch.steps import steps_of

                laid_out = steps_of(((proxy.batch_tokens, 0),), self.tokens)
                resized = stage.schedule.resized(self.tokens / proxy.tokens, laid_out)
                fields["schedule"] = resized.model_dump()
        return Proxy.model_validate(fields)
