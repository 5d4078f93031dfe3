"""A rater from judged pairs, after QuRating (Wettig et al. 2024, arXiv 2402.09739).

QuRating asks a large model which of two texts is better on a criterion, takes Bradley-Terry scores
for the truth behind the answers, and trains a 1.3B model to predict them. Here the scores are
fitted first (`bradley_terry`) and generalised to all documents by a head on sentence embeddings
(`regression_head`), which a CPU can put to every document.

A rating is a real number; a difference of 1 is a preference of 73%. Groups of documents that no
judgement connects have no common zero: judge enough pairs, the metrics count the groups.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.curation.raters import bradley_terry, regression_head
from midtrain_dagster.curation.raters import judgements as judged
from midtrain_dagster.curation.raters.head_rater import (
    EXAMPLES,
    HeadRater,
    rate_with_head,
    train_head,
)
from midtrain_dagster.curation.raters.judgements import Criterion
from midtrain_dagster.curation.raters.method import ByPart, Rating, Scale, Training
from midtrain_dagster.inference.engine import FindPath

VERSION = 1
USES = (judged, bradley_terry, regression_head)


class Config(HeadRater):
    """Bradley-Terry scores of judged pairs, generalised by a regression on embeddings."""

    SCALE: ClassVar[Scale] = (-16.0, 16.0)

    method: Literal["pairwise"] = "pairwise"
    criterion: Criterion = "educational_value"
    """What the judge is asked about a pair."""
    judgements: Annotated[str | None, NOT_A_CAUSE] = Field(
        None, description="JSON Lines or Parquet with a, b (ids), and winner or preference"
    )
    pairs: int = Field(5_000, ge=1, description="how many pairs the judge is asked about")
    prior: float = Field(0.1, gt=0, description="weight of the squared scores, which keeps them")

    @model_validator(mode="after")
    def _judgements_or_judge(self) -> Self:
        if (self.judgements is None) == (self.judge is None):
            raise ValueError("pairs come judged from a file (`judgements`) or a `judge`: give one")
        return self

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """The embedding model's and the judge's, and a file of judgements that cannot be used."""
        yield from super().findings(find)
        if self.judgements is not None:
            try:
                judged.read_judgements(Path(find(self.judgements)))
            except (judged.JudgementError, OSError) as error:
                yield Finding(("judgements",), str(error))

    def training_digests(self, find: FindPath) -> Any:
        """Digests of the embedding model and of the judgements, or the identity of the judge."""
        return self.digests_with(find, self.judgements)

    def train_model(self, training: Training) -> list[Part]:
        """As `Method` says; with the ``examples`` and, of a judge, ``rejects`` and ``judge``."""
        return train_head(
            training,
            train,
            self._judged(training),
            embedding=self.embedding,
            parameters={"ridge": self.ridge, "prior": self.prior},
        )

    def _judged(self, training: Training) -> dict[str, pl.DataFrame]:
        if self.judge is None:
            path = Path(training.find(self.judgements or ""))
            return {EXAMPLES: judged.read_judgements(path)}
        documents = self.judge.drawn(training)
        made = judged.judge_pairs(
            documents,
            judged.pairs(documents["id"], count=self.pairs, seed=self.judge.seed),
            self.judge.answers(training),
            criterion=self.criterion,
            characters=self.judge.characters,
        )
        return {EXAMPLES: made["judgements"], "rejects": made["rejects"], "judge": made["metrics"]}

    def rate_documents(self, rating: Rating) -> ByPart:
        """As `Method` says."""
        return rate_with_head(rating, rate, embedding=self.embedding)


def train(
    examples: pl.DataFrame,
    documents: pl.LazyFrame,
    *,
    embedding: Path,
    prior: float,
    ridge: float,
) -> dict[str, pl.DataFrame | bytes]:
    """Fit scores to judgements (a, b, preference), and a head to the scores.

    ``documents`` (id, text) are those that are judged, at least. Returns ``{"model": bytes,
    "scores": df, "metrics": df}``: a safetensors file, the table of `bradley_terry.scores`, and
    columns name, value with the metrics of both fits and ``pair_accuracy``: how often the head
    agrees with the judgements of pairs with a held-out document (null if there is none).

    Raises ValueError if there are too few judgements or documents with text to train on.
    """
    scored = bradley_terry.scores(examples, prior=prior)
    named = pl.concat([examples["a"], examples["b"]]).unique()
    texts = documents.filter(pl.col("id").is_in(named.implode())).select("id", "text")
    compared = scored["scores"].join(
        texts.unique("id").collect(), on="id", how="left", maintain_order="left"
    )
    model, rated, metrics = regression_head.fit(
        compared.select("id", "text", target="score"), embedding=embedding, ridge=ridge
    )
    metrics["pair_accuracy"] = _pair_accuracy(examples, rated)
    table = pl.concat([scored["metrics"], regression_head.metrics_table(metrics)])
    return {"model": model, "scores": scored["scores"], "metrics": table}


def rate(documents: pl.DataFrame, *, model: Path, embedding: Path) -> dict[str, pl.DataFrame]:
    """A score for each document: `regression_head.rate`."""
    return regression_head.rate(documents, model=model, embedding=embedding)


def _pair_accuracy(judgements: pl.DataFrame, rated: pl.DataFrame) -> float | None:
    ratings = rated.select("id", "rating", "held_out")
    pairs = (
        judgements.filter(pl.col("preference") != 0.5)
        .join(ratings, left_on="a", right_on="id")
        .join(ratings, left_on="b", right_on="id", suffix="_b")
        .filter(pl.col("held_out") | pl.col("held_out_b"))
    )
    agrees = (pairs["rating"] > pairs["rating_b"]) == (pairs["preference"] > 0.5)
    return float(agrees.sum()) / pairs.height if pairs.height else None
