"""What raters by a regression head on sentence embeddings share: the fields that say with which
model and on what, training on examples, and rating part for part."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import polars as pl
from pydantic import Field

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.known_digests import folder_digests, known_digest
from midtrain_dagster.core.parts import Outputs, Work
from midtrain_dagster.core.problems import Location
from midtrain_dagster.curation.raters.judge import Judge
from midtrain_dagster.curation.raters.method import MODEL, ByPart, Method, Rating, Training
from midtrain_dagster.curation.raters.sentence_embedding import embedding_fault
from midtrain_dagster.inference.engine import FindPath
from midtrain_dagster.inference.generator import GeneratorConfig

EXAMPLES = "examples"
"""The table that a head is fitted to: labels, or judged pairs."""


class HeadRater(Method):
    """A rater that is always trained here, from a file of examples or by a judge."""

    KINDS: ClassVar[tuple[str, ...]] = ("numpy",)

    embedding: Annotated[str, NOT_A_CAUSE] = Field(
        description="folder of the embedding model, relative to the recipe"
    )
    judge: Judge | None = Field(None, description="who judges documents where there is no file")
    ridge: float = Field(1.0, gt=0, description="weight of the squared coefficients")

    @property
    def sources(self) -> Mapping[Location, Sequence[str]]:
        """Those that the judge draws from."""
        return {} if self.judge is None else {("judge", "sources"): self.judge.sources}

    @property
    def is_trained(self) -> bool:
        """Always."""
        return True

    @property
    def judge_generator(self) -> GeneratorConfig | None:
        """The judge's."""
        return None if self.judge is None else self.judge.generator

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """An embedding model that is not there, and what the judge lacks."""
        yield from super().findings(find)
        fault = embedding_fault(Path(find(self.embedding)))
        if fault is not None:
            yield Finding(("embedding",), fault)

    @property
    def rating_section(self) -> Any:
        """The method alone."""
        return {"method": self.method}

    def rating_digests(self, find: FindPath) -> Any:
        """Digests of the embedding model."""
        return folder_digests(Path(find(self.embedding)))

    def digests_with(self, find: FindPath, examples: str | None) -> dict[str, Any]:
        """Digests of the embedding model and of a file of examples, or the judge's identity."""
        return {
            "embedding": self.rating_digests(find),
            "examples": None if examples is None else known_digest(Path(find(examples))),
            "judge": None if self.judge is None else self.judge.generator.identity(find),
        }


def train_head(
    training: Training,
    train: Callable[..., Outputs],
    tables: Mapping[str, pl.DataFrame],
    *,
    embedding: str,
    parameters: Mapping[str, Any],
) -> list[Part]:
    """Write the tables, of which one is ``examples``, and fit a head to it.

    ``train`` takes ``examples``, ``documents`` (a lazy table of all of them), ``embedding`` (the
    model's folder) and the parameters.
    """
    written = {name: training.write(name, table) for name, table in tables.items()}
    work = Work(
        train,
        tables={EXAMPLES: [written[EXAMPLES]]},
        scans={"documents": training.documents},
        parameters=parameters,
        causes=training.digests["embedding"],
        arguments={"embedding": Path(training.find(embedding))},
        by_bytes=False,
    )
    (parts,) = training.run([work])
    return [*parts, *written.values()]


def rate_with_head(rating: Rating, rate: Callable[..., Outputs], *, embedding: str) -> ByPart:
    """Put the head to each part of documents.

    ``rate`` takes ``documents``, ``model`` (the head's file) and ``embedding``.
    """
    return rating.run(
        [
            Work(
                rate,
                tables={"documents": [part]},
                files={MODEL: rating.model},
                causes=rating.digests,
                arguments={"embedding": Path(rating.find(embedding))},
                by_bytes=False,
            )
            for part in rating.documents
        ]
    )
