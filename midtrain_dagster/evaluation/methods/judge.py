"""An answer that a model writes out, rated by another model: for what has no one right answer.

The judge is a text generator of the recipe's. It is shown the question and what was written (with
``reference`` the right answer too), and rates it by each criterion of a rubric apart, from 1 to
``scale`` (``inference/rubric.py``; single-answer grading as in MT-Bench, Zheng et al. 2023, arXiv
2306.05685, section 3.1, with several criteria in place of one).

``accepted``, the share of items of which every criterion got ``at_least``, stands for the
benchmark; beside it the mean rating, as a share of the way from 1 to ``scale``, and the share of
ratings that cannot be read, which are neither good nor bad. An item with one of those is not
accepted.

**What it is worth.** A judge is a model with tastes of its own: longer answers, its own style. It
sees nothing that it could not write itself. Two checkpoints are compared fairly by one judge; what
a rating is in the world, nobody knows. So name the judge wherever the figure goes, and look at the
items that the report shows.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from midtrain_dagster.core.draws import Seed
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.method import (
    BITS,
    Ask,
    Document,
    ItemValues,
    Method,
    Outcome,
    Task,
    mean_of,
)
from midtrain_dagster.evaluation.methods import answer_likelihood
from midtrain_dagster.evaluation.methods.answer_likelihood import answer_bits, answer_document
from midtrain_dagster.inference import rubric as rubrics
from midtrain_dagster.inference.generator import GeneratorConfig, Request
from midtrain_dagster.inference.rubric import parse_score, rubric_prompt

VERSION = 1
USES = (answer_likelihood, rubrics)

ANSWER = "answer"


class Judge(Method):
    """The model writes an answer, which another model rates by a rubric."""

    NEEDS = ()
    UNITS: ClassVar = {"bits_per_byte": BITS, "unreadable": "share of ratings that were none"}
    HEADLINE = "accepted"

    method: Literal["judge"]
    generator: GeneratorConfig
    """The model that judges. One that judges itself is kind to itself: name another."""
    rubric: list[str] = Field(
        min_length=1, description="statements that hold of a good answer, each asked by itself"
    )
    scale: int = Field(default=5, ge=2, le=100, description="the best rating; the worst is 1")
    at_least: float = Field(description="the rating that the lowest criterion has to reach")
    reference: bool = False
    """Whether the judge is shown the right answer, which every item has to have then."""
    rating_tokens: int = Field(
        default=8, gt=0, description="tokens of a rating; more where a judge reasons"
    )
    seed: Seed = 0
    """Of the judge."""
    until: tuple[str, ...] = ()
    """Texts that end what is written."""
    most_tokens: int = Field(default=512, gt=0, description="after which what is written is cut")
    chat: bool = False
    """Whether the question is put by the model's chat template."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not 1 <= self.at_least <= self.scale:
            raise ValueError(
                f"at_least {self.at_least:g} lies outside of the scale, 1 to {self.scale}"
            )
        return self

    @property
    def judged_by(self) -> Request:
        """How the judge is asked."""
        return Request(generator=self.generator, max_new_tokens=self.rating_tokens, seed=self.seed)

    def document(self, item: Item) -> Document:
        """The question, and the right answer where there is one. Raises ValueError where the judge
        is to be shown one and there is none."""
        asked = answer_document(item, self.method) if item.answer or self.reference else {}
        return {"prompt": item.question, **asked}

    def asks(self, document: Document) -> list[Ask]:
        """The right answer, where there is one."""
        if ANSWER not in document:
            return []
        return [Ask(document["question"], document[ANSWER])]

    def task(self, document: Document) -> Task:
        """The question as it stands."""
        return Task(document["prompt"], self.until, self.most_tokens, chat=self.chat)

    def item_values(self, outcome: Outcome) -> Iterator[ItemValues]:
        """What is accepted, ratings, those that cannot be read, and bits where all have an
        answer."""
        ratings = outcome.once("ratings", lambda: self._ratings(outcome))
        readable = ~np.isnan(ratings)
        enough = np.where(readable, ratings, 0) >= self.at_least
        yield mean_of("accepted", (~enough).sum(axis=1) == 0)
        place = np.where(readable, (ratings - 1) / (self.scale - 1), 0.0)
        yield ItemValues("rating", place.sum(axis=1), readable.sum(axis=1))
        yield mean_of("unreadable", (~readable).mean(axis=1))
        if all(outcome.responses):
            yield answer_bits(outcome)

    def _ratings(self, outcome: Outcome) -> np.ndarray:
        """A row a document, a column a criterion; NaN where the judge gave no rating."""
        if outcome.judge is None:
            raise ValueError("answers are to be rated, and there is nobody to rate them")
        prompts = [
            rubric_prompt(self.shown(document, each[0].text), criterion, self.scale)
            for document, each in zip(outcome.documents, outcome.written, strict=True)
            for criterion in self.rubric
        ]
        said = [parse_score(each, self.scale) for each in outcome.judge(prompts)]
        return np.array(said, np.float64).reshape(-1, len(self.rubric))

    def shown(self, document: Document, written: str) -> str:
        """What the judge reads of an answer."""
        right = f"\nRight answer: {document[ANSWER].strip()}" if self.reference else ""
        return f"Question: {document['prompt']}{right}\nAnswer: {written.strip()}"
