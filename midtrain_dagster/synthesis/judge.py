"""The section of a recipe that has accepted documents judged (``judged.py`` does it)."""

from pydantic import Field, model_validator

from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.inference.generator import GeneratorConfig, Request

ANSWER_TOKENS = 8
"""Enough for a number or a letter and what a model puts around it."""


class Judge(FrozenModel):
    """A model that scores what was accepted; what falls short is a reject."""

    generator: GeneratorConfig
    """The model that judges. One that judges itself is kind to itself: name another."""
    rubric: list[str] = Field(
        min_length=1, description="statements that hold of a good document, each asked by itself"
    )
    scale: int = Field(default=5, ge=2, le=100, description="the best score; the worst is 1")
    at_least: float = Field(description="the score that the lowest criterion has to reach")
    pairs: int = Field(
        default=24,
        ge=0,
        description="pairs that are compared in both orders, to see whether the judge is one",
    )
    text_bytes: int = Field(default=2_000, ge=100, description="how much of a document is read")
    max_new_tokens: int = Field(
        default=ANSWER_TOKENS, gt=0, description="tokens of an answer; more where a judge reasons"
    )
    seed: Seed = 0
    """Of the draw of pairs, and of the generator."""

    @model_validator(mode="after")
    def _reachable(self) -> "Judge":
        if not 1 <= self.at_least <= self.scale:
            raise ValueError(
                f"at_least {self.at_least:g} lies outside of the scale, 1 to {self.scale}"
            )
        return self

    @property
    def request(self) -> Request:
        """How the generator is asked."""
        return Request(generator=self.generator, max_new_tokens=self.max_new_tokens, seed=self.seed)
