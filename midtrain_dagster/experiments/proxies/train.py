"""One proxy trained: a unit of work on one thread, by the same loop as a stage.

It is found by its causes: the shards of the domains that it reads, the mixture, the model or the
files of its start, the seed. Its weights are kept, so that another target is measured without it
being trained anew (``proxies.measure``); for a million parameters these are four megabytes.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.experiments.short_run import Phase, Vocabulary, job_of
from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.tokens.splits import shard_files
from midtrain_dagster.training import loop
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.step.failures import FailedStepError
from midtrain_dagster.training.versions import versions_of_stage

VERSION = 1
USES = (loop,)

NAME = "proxy"
"""What every proxy's stage is called: it seeds the order of the documents, the same for all, so
that proxies differ by their mixtures alone."""

MODEL = ("config.json", "model.safetensors")
"""The files of a proxy that are kept."""

OUTCOME = pl.Schema({"tokens": pl.Int64, "parameters": pl.Int64, "failed": pl.String})
"""One row: the tokens that it was to be trained on, the model's parameters (null where it failed),
and why it failed (null: it did not)."""

LONGEST = 300
"""Characters of a reason that are kept: it ends with the documents of a step."""


def work(
    shards: Sequence[Part],
    stage: Stage,
    *,
    seed: int,
    vocabulary: Vocabulary,
    model: ModelConfig | None,
    start: Sequence[Part] = (),
) -> Work:
    """The unit of work that trains a proxy. ``shards`` hold the domains of its mixture; it starts
    from the files of ``start``, or from random weights of ``model``."""
    return Work(
        train,
        files={"shards": shards, **({"start": start} if start else {})},
        parameters={
            "stage": stage,
            "seed": seed,
            "vocabulary": vocabulary,
            **({} if model is None else {"model": model}),
        },
        versions={**versions_of(sys.modules[__name__]), **versions_of_stage(stage)},
        by_bytes=False,
    )


def train(
    *,
    stage: Stage,
    seed: int,
    vocabulary: Vocabulary,
    shards: Path,
    start: Path | None = None,
    model: ModelConfig | None = None,
) -> dict[str, Any]:
    """Train a proxy; returns the files of its model (``MODEL``) and ``outcome`` (:data:`OUTCOME`).

    Of one whose loss is no number there are no files, and the reason. What would fail alike for
    every proxy is raised, as ``loop.train`` does.
    """
    files_of = [(each.tokens, each.index, each.targets) for each in shard_files(shards)]
    job = job_of(Phase(name=NAME, stage=stage), seed, vocabulary, files_of, None, start, model)
    outcome: dict[str, Any] = {"tokens": stage.batches.tokens, "parameters": None, "failed": None}
    files: dict[str, bytes] = {}
    with TemporaryDirectory(prefix="midtrain-proxy-") as folder:
        try:
            trained = loop.train(job, output=Path(folder))
        except FailedStepError as error:
            outcome["failed"] = str(error)[:LONGEST]
        else:
            files = {name: (trained / name).read_bytes() for name in MODEL}
            outcome["parameters"] = _parameters(trained / MODEL[1])
    return {**files, "outcome": pl.DataFrame([outcome], OUTCOME)}


def _parameters(weights: Path) -> int:
    """The numbers in a file of weights; a tied output layer is stored once."""
    from safetensors import safe_open

    with safe_open(weights, framework="np") as opened:
        names = list(opened.keys())
        sizes = (opened.get_slice(name).get_shape() for name in names)
        return sum(_product(shape) for shape in sizes)


def _product(shape: Sequence[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product
