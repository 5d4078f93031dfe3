"""What a proxy is worth, measured on weights that are there (``short_run.measure``).

It is a unit of work apart from the training, so that held-out documents that change, or another
target, cost no proxy.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.evaluation import held_out_loss
from midtrain_dagster.experiments import answers, short_run
from midtrain_dagster.experiments.short_run import NATS, Measures, Vocabulary

VERSION = 1
USES = (held_out_loss,)

MEASURED = pl.Schema(
    {"target": pl.String, "value": pl.Float64, "unit": pl.String, "tokens": pl.Int64}
)
"""A row a target; ``tokens`` (of answers: items) are what it was measured on. ``value`` is null
where there was nothing to measure on, NaN where the model gives no number."""


def work(
    model: Sequence[Part],
    measures: Measures,
    vocabulary: Vocabulary,
    *,
    held_out: Sequence[Part],
    tokenizer: Sequence[Part],
    items: Sequence[Part] = (),
) -> Work:
    """The unit of work that measures a proxy. ``held_out`` hold the domains that are measured;
    ``items`` are those of the benchmarks."""
    asks = bool(measures.benchmarks)
    files = {"model": model, "held_out": held_out, **({"tokenizer": tokenizer} if asks else {})}
    return Work(
        measure,
        tables={"items": items} if asks else {},
        files={name: parts for name, parts in files.items() if parts},
        parameters={"measures": measures, "vocabulary": vocabulary},
        versions=versions_of(sys.modules[__name__], *([answers] if asks else [])),
        by_bytes=False,
    )


def measure(
    *,
    model: Path,
    measures: Measures,
    vocabulary: Vocabulary,
    held_out: Path | None = None,
    tokenizer: Path | None = None,
    items: pl.DataFrame | None = None,
) -> dict[str, pl.DataFrame]:
    """``measured`` (:data:`MEASURED`) of a model's folder: what ``measures`` asks, in its order."""
    with (
        TemporaryDirectory(prefix="midtrain-proxy-") as empty,
        _together(model, tokenizer) as all_of,
    ):
        rows, _ = short_run.measure(all_of, measures, vocabulary, held_out or Path(empty), items)
    found = {row["target"]: row for row in rows}
    # A domain without a held-out document has no row; here it has one that says so.
    lacking = {"value": None, "unit": NATS, "tokens": 0}
    every = [{"target": each, **found.get(each, lacking)} for each in measures.targets]
    return {"measured": pl.DataFrame(every, MEASURED)}


@contextmanager
def _together(model: Path, tokenizer: Path | None) -> Iterator[Path]:
    """The folder of a model, or one of its files and a tokenizer's."""
    if tokenizer is None:
        yield model
        return
    with TemporaryDirectory(prefix="midtrain-proxy-") as folder:
        for file in (*model.iterdir(), *tokenizer.iterdir()):
            (Path(folder) / file.name).symlink_to(file.resolve())
        yield Path(folder)


def no_number(measured: pl.DataFrame) -> str | None:
    """Why a proxy is left out that was trained and gives no number; None: it gives some."""
    wrong = [
        row["target"]
        for row in measured.iter_rows(named=True)
        if row["value"] is not None and not isfinite(row["value"])
    ]
    return f"no number: {', '.join(wrong)}" if wrong else None
