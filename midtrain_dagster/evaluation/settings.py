"""What is measured on every checkpoint, and the bounds that are displayed beside it."""

from collections.abc import Collection
from typing import Annotated

from pydantic import Field

from midtrain_dagster.core.causes import CAUSE_IF_SET
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.evaluation.samples import Samples

USUAL_BUCKET = 64


class EvaluationSection(FrozenModel):
    """The measures on held-out documents, as far as a recipe says them."""

    general: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="Domains that mid-training must not lose; null: all but the targets and those "
        "of `recall` alone, which nobody wrote",
    )
    targets: tuple[str, ...] | None = Field(
        None,
        description="Domains that it is meant to improve; null: those that a stage gives a larger "
        "share than the base has (of a given base: than the stage's control has)",
    )
    tokens_by_domain: int = Field(
        20_000, gt=0, description="Held-out tokens of each domain that are scored, at most"
    )
    length: int | None = Field(
        None,
        gt=0,
        description="Tokens of the window in which loss by position is read, from documents that "
        "are at least as long; null: the longest window of any stage",
    )
    bucket: int | None = Field(
        None,
        gt=0,
        description="Positions, in tokens, that share a mean loss; null: 64, and at most a quarter "
        "of the window",
    )
    documents: int = Field(64, gt=0, description="Documents that loss by position is read from")
    milestones: Annotated[bool, CAUSE_IF_SET] = Field(
        False,
        description="Whether benchmarks are asked of every milestone too that a stage keeps "
        "(`checkpoints: {milestones: TOKENS}`), for learning curves",
    )
    samples: Samples = Field(
        default_factory=Samples, description="What every checkpoint continues, for a person to read"
    )

    def completed(
        self, natural: Collection[str], raised: Collection[str], longest: int
    ) -> "EvaluationSettings":
        """The settings that the section comes to in a recipe.

        ``natural`` are the domains of collected documents, ``raised`` those that mid-training
        raises, ``longest`` is the longest window of its stages. General loss is always measured:
        where every natural domain is raised, all of them are general and none is a target.
        """
        targets, general = self.targets, self.general
        if targets is None:
            lost = general or ()
            targets = tuple(each for each in natural if each in raised and each not in lost)
            if set(targets) == set(natural):
                targets = ()
        if general is None:
            general = tuple(each for each in natural if each not in targets) or tuple(natural)
        length = self.length or longest
        bucket = self.bucket or min(USUAL_BUCKET, max(1, length // 4))
        known = {"general": general, "targets": targets, "length": length, "bucket": bucket}
        return EvaluationSettings.model_validate({**dict(self), **known})


class EvaluationSettings(EvaluationSection):
    """The measures on held-out documents, with what the rest of the recipe shows filled in."""

    general: tuple[str, ...] = Field(min_length=1)
    targets: tuple[str, ...] = ()
    length: int = Field(gt=0)
    bucket: int = Field(USUAL_BUCKET, gt=0)

    def reaches(self, position: int) -> bool:
        """Whether a bucket of the window in which loss by position is read begins from there on."""
        return -(-position // self.bucket) * self.bucket < self.length


class Checks(FrozenModel):
    """The bounds of the checks, which are displayed whether they pass or fail."""

    general_loss_bound: float = Field(
        0.05,
        ge=0,
        description="How much the mean loss on the general domains may rise over the base's, in "
        "nats per token",
    )
    natural_floor: float = Field(
        0.7,
        ge=0,
        le=1,
        description="The least share of a stage's tokens that is of natural, not synthetic, "
        "documents",
    )
    general_floor: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The least share that the general domains (`evaluation.general`) have in every "
        "part of a stage; Llama-3 keeps 0.7. Null: it is not checked, for the survey, which asks "
        "for a floor, names none",
    )
