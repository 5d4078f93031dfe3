"""What a proxy is worth: held-out loss by domain, and the bits per byte of right answers.

It is a unit of work apart from the training, so that held-out documents that change, or another
target, are measured on weights that are there. Both figures sink as a model gets better; answers
move long before an accuracy leaves chance (Schaeffer et al. 2023, arXiv 2304.15004).
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.parts import Work
from midtrain_dagster.evaluation import harness, held_out_loss
from midtrain_dagster.evaluation.config import EvaluationMethod
from midtrain_dagster.tokens.splits import open_shards

METHOD = TypeAdapter(EvaluationMethod).validate_python("answer_likelihood")
"""How answers are scored."""

VERSION = 1
USES = (held_out_loss, harness, sys.modules[type(METHOD).__module__])

LOSS, ANSWERS = "loss/", "answers/"
"""What the targets begin with that are a domain's loss, and a benchmark's answers."""

NATS, BITS = "nats a token", "bits a byte"
"""Their units."""

METRIC = "bits_per_byte"

MEASURED = pl.Schema(
    {"target": pl.String, "value": pl.Float64, "unit": pl.String, "tokens": pl.Int64}
)
"""A row a target; ``tokens`` (of answers: items) are what it was measured on. ``value`` is null
where there was nothing to measure on, NaN where the model gives no number."""


def work(
    model: Sequence[Part],
    *,
    held_out: Sequence[Part],
    dtype: str,
    window: int,
    domains: Mapping[str, int],
    tokenizer: Sequence[Part] = (),
    items: Sequence[Part] = (),
    limit: int = 0,
) -> Work:
    """The unit of work that measures a proxy: of each of the ``domains`` so many tokens, and of the
    benchmarks of ``items`` the first ``limit`` items. ``held_out`` hold these domains."""
    asked = {"limit": limit} if items else {}
    return Work(
        measure,
        tables={"items": items} if items else {},
        files={
            "model": model,
            **({"held_out": held_out} if held_out else {}),
            **({"tokenizer": tokenizer} if items else {}),
        },
        parameters={"dtype": dtype, "window": window, "domains": dict(domains), **asked},
    )


def measure(
    *,
    model: Path,
    dtype: str,
    window: int,
    domains: Mapping[str, int],
    held_out: Path | None = None,
    tokenizer: Path | None = None,
    items: pl.DataFrame | None = None,
    limit: int = 0,
) -> dict[str, pl.DataFrame]:
    """``measured`` (:data:`MEASURED`) of a model's folder, read in windows of ``window`` tokens."""
    rows = [] if held_out is None else list(_losses(model, held_out, dtype, window, domains))
    if items is not None and tokenizer is not None:
        with _together(model, tokenizer) as folder:
            for benchmark in items["benchmark"].unique().sort():
                rows.append(_answers(folder, items.filter(benchmark=benchmark), limit, window))
    return {"measured": pl.DataFrame(rows, MEASURED)}


def _losses(
    model: Path, held_out: Path, dtype: str, window: int, domains: Mapping[str, int]
) -> Iterator[dict[str, Any]]:
    from midtrain_dagster.models.load import load_to_evaluate

    opened, loaded = open_shards(held_out, dtype=dtype), load_to_evaluate(model)
    for domain, most in domains.items():
        loss, tokens = None, 0
        if domain in opened.domains:
            (row,) = held_out_loss.held_out_loss(
                loaded,
                opened,
                domains=[domain],
                sequence_length=window,
                max_tokens_per_domain=most,
            )["losses"].iter_rows(named=True)
            loss, tokens = row["loss"], row["tokens"]
        yield {"target": f"{LOSS}{domain}", "value": loss, "unit": NATS, "tokens": tokens}


def _answers(folder: Path, items: pl.DataFrame, limit: int, window: int) -> dict[str, Any]:
    """The bits per byte of right answers: an item with choices has its right one for an answer."""
    right = pl.col("choices").list.get(pl.col("gold"), null_on_oob=True)
    answered = items.with_columns(answer=pl.coalesce("answer", right)).filter(
        pl.col("question").is_not_null() & (pl.col("answer").fill_null("") != "")
    )
    value, count = None, 0
    if answered.height:
        method = METHOD.model_copy(update={"limit": limit})
        found = harness.evaluate(folder, answered, method=method, max_length=window)
        scored = found["scores"].filter(metric=METRIC)
        value, count = (scored["value"][0] if scored.height else None), int(found["runs"]["items"][0])
    return {
        "target": f"{ANSWERS}{items['benchmark'][0]}",
        "value": value,
        "unit": BITS,
        "tokens": count,
    }


@contextmanager
def _together(*folders: Path) -> Iterator[Path]:
    """One folder of the files of several: a model's and a tokenizer's."""
    with TemporaryDirectory(prefix="midtrain-proxy-") as together:
        for folder in folders:
            for file in folder.iterdir():
                (Path(together) / file.name).symlink_to(file.resolve())
        yield Path(together)


def no_number(measured: pl.DataFrame) -> str | None:
    """Why a proxy is left out that was trained and gives no number; None: it gives some."""
    wrong = [
        row["target"]
        for row in measured.iter_rows(named=True)
        if row["value"] is not None and not isfinite(row["value"])
    ]
    return f"no number: {', '.join(wrong)}" if wrong else None
