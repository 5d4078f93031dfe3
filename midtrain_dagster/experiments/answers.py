"""Bits per byte of a benchmark's right answers, whatever the way in which it is asked.

A small model's accuracy stays at chance while the likelihood of the right answer moves already
(Schaeffer et al. 2023, arXiv 2304.15004), so experiments on small models are judged by it, as olmix
and RegMix judge theirs. An item with choices has its right choice for an answer.
"""

import sys
from pathlib import Path

import polars as pl
from pydantic import TypeAdapter

from midtrain_dagster.evaluation import harness
from midtrain_dagster.evaluation.config import EvaluationMethod

METHOD = TypeAdapter(EvaluationMethod).validate_python("answer_likelihood")
"""How answers are scored."""

VERSION = 1
USES = (harness, sys.modules[type(METHOD).__module__])

METRIC = "bits_per_byte"


def answerable(items: pl.DataFrame) -> pl.DataFrame:
    """The items (benchmark, item, question, choices, gold, answer) that have a right answer, each
    with it as ``answer``."""
    right = pl.col("choices").list.get(pl.col("gold"), null_on_oob=True)
    return items.with_columns(answer=pl.coalesce("answer", right)).filter(
        pl.col("question").is_not_null() & (pl.col("answer").fill_null("") != "")
    )


def bits_per_byte(
    model: Path, items: pl.DataFrame, limit: int, window: int
) -> tuple[float | None, int]:
    """The bits per byte of the right answers to the first ``limit`` items of one benchmark, and
    how many of them fit into the ``window`` (tokens); None where none does."""
    method = METHOD.model_copy(update={"limit": limit})
    found = harness.evaluate(model, answerable(items), method=method, max_length=window)
    value = found["scores"].filter(metric=METRIC)
    count = int(found["runs"]["items"][0])
    return (float(value["value"][0]), count) if value.height else (None, 0)
