"""Microanneals: which source is worth its tokens, asked by short decays from one checkpoint.

OLMo 2 (arXiv 2501.00656, section 4.4) judges a candidate source so: from a checkpoint of the stage
before, at the rate that it has there, the rate falls to 0 along a line over a few tokens, half of
them the candidate's and half general, and the same is done with general tokens alone. A tenth or
less of what an anneal costs shows what a source does, because a decay brings out what a constant
rate hides. Several seeds say what is effect and what is luck: the seed orders the documents.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.token_count import Tokens
from midtrain_dagster.training.inherit import MomentsOf

GeneralShare = Annotated[float, Field(gt=0, le=1)]

SUM_TOLERANCE = 1e-3
"""Within which shares sum to one, as a stage's do."""


class Accept(FrozenModel):
    """When a candidate is accepted, when it is rejected; between them it is undecided."""

    confidence: float = Field(
        default=0.95,
        gt=0.5,
        lt=1,
        description="Of the intervals, by Student's t over the paired seeds; where one of several "
        "targets is enough, theirs are as much wider (Bonferroni)",
    )
    least_effect: float = Field(
        default=0.01,
        ge=0,
        description="By how much a target has to sink at least, in its unit (nats a token, bits a "
        "byte), to be worth it",
    )
    general_bound: float = Field(
        default=0.02,
        ge=0,
        description="By how much general loss may rise over that of general tokens alone, in nats "
        "a token",
    )
    needs: Literal["any", "all"] = "any"
    """Whether one target has to be helped, or each of them."""


class Microanneals(FrozenModel):
    """Candidate sources, each judged by short decays with it against decays without."""

    start: Annotated[str, Field(min_length=1)]
    """The checkpoint that all of them continue: a stage, or ``base``."""
    milestone: Annotated[int | None, Field(ge=1)] = None
    """At which milestone of that stage, counted from 1, where it keeps their moments
    (``checkpoints: {milestones: TOKENS, moments: true}``); null: at its end."""
    tokens: Tokens
    """Tokens of each decay."""
    share: float = Field(
        default=0.5, gt=0, lt=1, description="Of the tokens, those that are the candidate's"
    )
    general: dict[str, GeneralShare] | None = Field(
        None,
        description="Shares of the other tokens by domain; null: those with which the start ended",
    )
    candidates: Annotated[tuple[str, ...], Field(min_length=1)]
    """Domains, or sources: of a name that both have it is the domain. A source's documents are in
    no general domain then."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (1, 2, 3)
    """A decay each, of every candidate and of general tokens alone. With one nothing is decided."""
    rate: Literal["inherited"] | Annotated[float, Field(gt=0)] = "inherited"
    """The learning rate from which it falls: that of the start, or one that is said, of a start
    that does not know it."""
    moments: MomentsOf = "keep"
    """The optimizer's moments, as a stage's ``inherit`` says them."""
    batch_tokens: Tokens | None = None
    """Tokens of a step; null: as the start's last step."""
    sequence_length: Annotated[int | None, Field(ge=2)] = None
    """Tokens of a window; null: as the start's."""
    max_epochs: float = Field(
        default=4.0, gt=0, description="Most passes over the documents of a domain or candidate"
    )
    targets: tuple[str, ...] = ()
    """What is to sink: ``loss/DOMAIN`` on held-out documents, ``answers/BENCHMARK`` in bits per
    byte; none: the losses of the candidates' domains. General loss is always measured."""
    items: int = Field(
        default=100, gt=0, description="Of each benchmark, from the first, that are asked"
    )
    accept: Accept = Accept()
    """When a candidate is accepted."""
    judged_after: Literal["anneal", "fine_tuning"] = "anneal"
    """``fine_tuning``: each run is fine-tuned as the recipe's section of that name says and
    measured again, and candidates are judged by what they are then."""

    @model_validator(mode="after")
    def _names_come_once(self) -> Self:
        for field in ("candidates", "seeds", "targets"):
            named = getattr(self, field)
            if twice := sorted({str(each) for each in named if named.count(each) > 1}):
                raise ValueError(f"{field} has {', '.join(twice)} twice")
        return self

    @model_validator(mode="after")
    def _general_sums_to_one(self) -> Self:
        if self.general is not None and abs(sum(self.general.values()) - 1) > SUM_TOLERANCE:
            raise ValueError(
                f"general: the shares must sum to 1, but sum to {sum(self.general.values()):g}: "
                "they are of the tokens that are not the candidate's"
            )
        return self
