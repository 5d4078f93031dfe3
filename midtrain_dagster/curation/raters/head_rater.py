"""What raters by a regression head share: training on examples, and rating part for part."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.parts import Outputs, Work
from midtrain_dagster.curation.raters.method import MODEL, ByPart, Rating, Training

EXAMPLES = "examples"
"""The table that a head is fitted to: labels, or judged pairs."""


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
            )
            for part in rating.documents
        ]
    )
