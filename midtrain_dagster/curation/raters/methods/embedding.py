"""A rater from labels of 0 to 5, after FineWeb-Edu's rater of educational value.

FineWeb-Edu (Penedo et al. 2024, arXiv 2406.17557, section 4) has web pages labelled from 0 to 5 by
a large model, fits a linear head on frozen Snowflake embeddings, and keeps pages of 3 or more (F1
of 82% there). Here labels come from a file or a judge (`judgements`), and the head is fitted in
closed form on whatever embedding the recipe names (`regression_head`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.curation.raters import judgements, regression_head
from midtrain_dagster.curation.raters.head_rater import (
    EXAMPLES,
    HeadRater,
    rate_with_head,
    train_head,
)
from midtrain_dagster.curation.raters.method import ByPart, Rating, Scale, Training
from midtrain_dagster.inference.engine import FindPath

VERSION = 1
USES = (judgements, regression_head)

SCALE = (0.0, 5.0)

KEEP = 3.0
"""FineWeb-Edu's threshold, at which the F1 is measured."""


class Config(HeadRater):
    """A regression on sentence embeddings, as FineWeb-Edu's rater of educational value."""

    SCALE: ClassVar[Scale] = SCALE

    method: Literal["embedding"] = "embedding"
    labels: Annotated[str | None, NOT_A_CAUSE] = Field(
        None, description="JSON Lines or Parquet with label, and text or a document's id"
    )

    @model_validator(mode="after")
    def _labels_or_judge(self) -> Self:
        if (self.labels is None) == (self.judge is None):
            raise ValueError("labels come from a file (`labels`) or from a `judge`: give one")
        return self

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """The embedding model's and the judge's, and a file of labels that cannot be used."""
        yield from super().findings(find)
        if self.labels is not None:
            try:
                judgements.read_labels(Path(find(self.labels)))
            except (judgements.JudgementError, OSError) as error:
                yield Finding(("labels",), str(error))

    def training_digests(self, find: FindPath) -> Any:
        """Digests of the embedding model and of the labels, or the identity of the judge."""
        return self.digests_with(find, self.labels)

    def train_model(self, training: Training) -> list[Part]:
        """As `Method` says; with the ``examples`` and, of a judge, the ``rejects``."""
        return train_head(
            training,
            train,
            self._labels(training),
            embedding=self.embedding,
            parameters={"ridge": self.ridge},
        )

    def _labels(self, training: Training) -> dict[str, pl.DataFrame]:
        if self.judge is None:
            return {EXAMPLES: judgements.read_labels(Path(training.find(self.labels or "")))}
        documents = self.judge.drawn(training)
        made = judgements.judge_labels(
            documents, self.judge.answers(training), characters=self.judge.characters
        )
        return {EXAMPLES: made["labels"], "rejects": made["rejects"]}

    def rate_documents(self, rating: Rating) -> ByPart:
        """As `Method` says."""
        return rate_with_head(rating, rate, embedding=self.embedding)


def train(
    examples: pl.DataFrame, documents: pl.LazyFrame, *, embedding: Path, ridge: float
) -> dict[str, pl.DataFrame | bytes]:
    """Fit a head to nine tenths of the labels and measure on the rest.

    ``examples`` has columns id, text, label (0 to 5); a null text is looked up in ``documents``
    (id, text), which need hold no other documents.

    Returns ``{"model": bytes, "metrics": df}``: a safetensors file, and columns name, value with
    the metrics of `regression_head.fit` and the F1 of 3 or more (null if nothing is).

    Raises ValueError if a label is outside 0 to 5 or too few labels have a text.
    """
    outside = examples.filter(~pl.col("label").is_between(*SCALE))
    if outside.height:
        raise ValueError(f"label {outside['label'][0]} of {outside['id'][0]!r} is not 0 to 5")
    named = examples.filter(pl.col("text").is_null())["id"]
    texts = documents.filter(pl.col("id").is_in(named.implode())).select("id", found="text")
    labelled = examples.join(
        texts.unique("id").collect(), on="id", how="left", maintain_order="left"
    ).select("id", target="label", text=pl.coalesce("text", "found"))
    model, rated, metrics = regression_head.fit(labelled, embedding=embedding, ridge=ridge)
    held_out = rated.filter("held_out")
    good, found = held_out["target"] >= KEEP, held_out["rating"] >= KEEP
    positives = int(good.sum()) + int(found.sum())
    metrics["f1"] = 2 * int((good & found).sum()) / positives if positives else None
    return {"model": model, "metrics": regression_head.metrics_table(metrics)}


def rate(documents: pl.DataFrame, *, model: Path, embedding: Path) -> dict[str, pl.DataFrame]:
    """A rating from 0 to 5 for each document: `regression_head.rate`."""
    return regression_head.rate(documents, model=model, embedding=embedding, scale=SCALE)
