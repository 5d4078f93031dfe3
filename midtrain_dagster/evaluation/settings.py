"""What is measured on every checkpoint, and the bounds that are displayed beside it."""

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel


class EvaluationSettings(FrozenModel):
    """The measures on held-out documents.

    ``length`` is the window in which loss by position is read; documents shorter than it do not
    take part. ``targets`` are the domains that mid-training is meant to improve, ``general`` those
    that it must not lose.
    """

    general: tuple[str, ...] = Field(min_length=1)
    targets: tuple[str, ...] = Field(min_length=1)
    tokens_by_domain: int = Field(default=20_000, gt=0)
    length: int = Field(gt=0)
    bucket: int = Field(default=64, gt=0)
    documents: int = Field(default=64, gt=0)


class Checks(FrozenModel):
    """The bounds of the checks, which are displayed whether they pass or fail.

    ``general_loss_bound`` is how much the mean loss on the general domains may rise over the base
    checkpoint's (nats per token); ``natural_floor`` is the least share of a stage's tokens that
    comes from natural, not synthetic, documents.
    """

    general_loss_bound: float = Field(default=0.05, ge=0)
    natural_floor: float = Field(default=0.7, ge=0, le=1)
