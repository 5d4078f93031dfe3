"""The section of a recipe that asks a checkpoint what it does not know, by topic."""

from typing import Literal

from pydantic import Field

from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.frozen_model import FrozenModel


class Probe(FrozenModel):
    """Cloze questions of curated documents: what a checkpoint does not know, by topic."""

    checkpoint: str = Field(
        default="base",
        description="who is asked; where methods of synthesis draw towards what it does not know, "
        "it has to be a base that is given, for what is trained here is trained on what they write",
    )
    domains: list[str] = Field(min_length=1, description="domains whose documents questions are of")
    topics: Literal["domains"] | int = Field(
        default=8, description="how many clusters of documents; or the domains as they are"
    )
    items: int = Field(
        default=400,
        ge=2,
        description="questions to choose seeds by, of documents that are trained on, at most; and "
        "as many of held-out ones, to measure by",
    )
    distractors: int = Field(default=3, ge=1, description="wrong answers of a question")
    context_bytes: int = Field(
        default=300, ge=0, description="what is shown before the sentence, at most"
    )
    floor: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="weight of a topic that is known as well as can be; 1 is that of one where "
        "answers are guesses",
    )
    seed: Seed = 0
    """Of the draw of documents, sentences and words, and of the clusters."""
