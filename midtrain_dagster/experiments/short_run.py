"""A short training, and what it is worth: the unit of work of every experiment.

An experiment asks what a mixture does to a model by training on it for a little while. Many such
runs are made side by side, so each is one unit of work on one thread: it is found by its causes, a
kill loses those in flight alone, and one that fails is a row with its reason and not the end of the
others. It trains by the same loop as a stage (``training.loop``), and what it trains is thrown away
once it is measured: figures are what an experiment keeps.

A run is a chain of phases, each from the end of the one before, measured after each: a decay alone,
or a decay and then the small supervised fine-tuning for whose sake one is often made. Two figures
are taken (``Measures``), both of which sink: the held-out loss of a domain, ``loss/DOMAIN``, and
the bits per byte of a benchmark's right answers, ``answers/BENCHMARK``, which move long before an
accuracy does.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.causes import Versions, versions_of
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.parts import Work
from midtrain_dagster.dataloader import plan
from midtrain_dagster.evaluation import held_out_loss
from midtrain_dagster.experiments import answers
from midtrain_dagster.experiments.groups import regrouped
from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer
from midtrain_dagster.tokens.splits import open_shards
from midtrain_dagster.training import loop
from midtrain_dagster.training.checkpoints.checkpoint import read_log
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.marks import knots_of, sentinels_of
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.step.failures import FailedStepError
from midtrain_dagster.training.versions import versions_of_stage

VERSION = 1
USES = (loop, plan, held_out_loss, answers)

LOSS, ANSWERS = "loss/", "answers/"
"""What the targets begin with that are a domain's loss, and a benchmark's answers."""

NATS, BITS = "nats a token", "bits a byte"
"""Their units."""

RUNS = pl.Schema(
    {"phase": pl.String, "tokens": pl.Int64, "parameters": pl.Int64, "failed": pl.String}
)
"""A row a phase that was begun: the tokens that it was to be trained on, the model's parameters
(null where none was read), and why it failed (null: it did not)."""

LOSSES = pl.Schema(
    {
        "phase": pl.String,
        "target": pl.String,
        "value": pl.Float64,
        "unit": pl.String,
        "tokens": pl.Int64,
    }
)
"""A row a phase and target; ``tokens`` are what it was measured on, of ``answers/`` items."""

STEPS = pl.Schema(
    {
        "phase": pl.String,
        "step": pl.Int64,
        "tokens": pl.Int64,
        "learning_rate": pl.Float64,
        "loss": pl.Float64,
    }
)
"""The log of each phase that ended: what laws of decay are fitted to."""


class Phase(FrozenModel):
    """One training of a run."""

    name: str
    """Of the phase. It seeds the order of the documents, beside the run's seed."""
    stage: Stage
    """What is trained. Its start is a name alone: the run says from what it goes on."""


class Measures(FrozenModel):
    """What is measured after each phase."""

    domains: tuple[str, ...]
    """Of held-out documents, whose losses are measured."""
    sequence_length: int
    """Tokens of the window in which they are read."""
    tokens_by_domain: int
    """Tokens of each that are scored at most."""
    benchmarks: tuple[str, ...] = ()
    """Whose right answers are scored."""
    items: int = 100
    """Of each benchmark, from the first."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of all that is measured."""
        return (
            *(f"{LOSS}{domain}" for domain in self.domains),
            *(f"{ANSWERS}{benchmark}" for benchmark in self.benchmarks),
        )


@dataclass(frozen=True)
class Ground:
    """What all runs of an experiment have in common: files of the store, and the vocabulary."""

    train: Sequence[Part]
    """The parts of the token shards' training split (``SPLIT``)."""
    held_out: Sequence[Part]
    """Those of its held-out split (``HELD_OUT``)."""
    tokenizer: Sequence[Part]
    vocabulary: "Vocabulary"
    items: Sequence[Part] = ()
    """Items of the benchmarks that are measured."""


class Vocabulary(FrozenModel):
    """What a run has to know of the tokenizer."""

    tokens: int
    dtype: str
    """Of the shards' files, as NumPy writes it."""
    padding: int
    opening: int = 0
    """Tokens with which every document begins."""


def work(
    ground: Ground,
    *,
    phases: Sequence[Phase],
    seed: int,
    measures: Measures,
    start: Sequence[Part] = (),
    model: ModelConfig | None = None,
    groups: Sequence[Part] = (),
) -> Work:
    """The unit of work of a run (:func:`run`): its causes are all that it is told here."""
    files = {"shards": ground.train, "held_out": ground.held_out, "tokenizer": ground.tokenizer}
    tables = {"items": ground.items, "groups": groups}
    return Work(
        run,
        tables={name: parts for name, parts in tables.items() if parts},
        files=files | ({"start": start} if start else {}),
        parameters={
            "phases": list(phases),
            "seed": seed,
            "measures": measures,
            "vocabulary": ground.vocabulary,
            **({} if model is None else {"model": model}),
        },
        versions=versions(phases),
        by_bytes=False,
    )


def versions(phases: Sequence[Phase]) -> Versions:
    """Those of training and measuring, and of what the phases' stages name."""
    found = dict(versions_of(sys.modules[__name__]))
    for phase in phases:
        found |= versions_of_stage(phase.stage)
    return found


def run(
    *,
    phases: Sequence[Phase],
    seed: int,
    measures: Measures,
    vocabulary: Vocabulary,
    shards: Path,
    held_out: Path,
    tokenizer: Path,
    start: Path | None = None,
    model: ModelConfig | None = None,
    items: pl.DataFrame | None = None,
    groups: pl.DataFrame | None = None,
) -> dict[str, pl.DataFrame]:
    """Train the phases one after the other, and measure after each.

    ``shards`` and ``held_out`` are folders of token shards (``tokens.splits.shard_files``), of
    whole parts: those that hold the domains that are trained on and measured are enough, for the
    order of a domain's documents does not depend on other domains. ``start`` is a Hugging Face
    folder, or ``model`` that of random weights. ``items`` are those of all benchmarks that are
    measured. ``groups`` (``group`` by ``id``) puts documents into domains of their own.

    Returns ``runs`` (:data:`RUNS`), ``losses`` (:data:`LOSSES`) and ``steps`` (:data:`STEPS`). A
    phase whose training fails, or whose measures are no numbers, has its reason in ``runs``, no
    losses, and no phase after it. What would fail alike for every run is raised, as ``loop.train``
    does.
    """
    rows: list[dict[str, Any]] = []
    losses, steps = [LOSSES.to_frame()], [STEPS.to_frame()]
    with TemporaryDirectory(prefix="short-run-") as temporary:
        folder = Path(temporary)
        files = regrouped(shards, groups, folder / "shards")
        for phase in phases:
            job = job_of(phase, seed, vocabulary, files, tokenizer, start, model)
            row = {"phase": phase.name, "tokens": job.stage.batches.tokens}
            try:
                start = loop.train(job, output=folder / phase.name)
            except FailedStepError as error:
                rows.append(row | {"failed": str(error)})
                break
            log = pl.DataFrame(read_log(start), infer_schema_length=None)
            found, parameters = measure(start, measures, vocabulary, held_out, items)
            wrong = [each["target"] for each in found if not isfinite(each["value"])]
            failed = f"no number: {', '.join(wrong)}" if wrong else None
            rows.append(row | {"parameters": parameters, "failed": failed})
            if wrong:
                break
            name = pl.lit(phase.name).alias("phase")
            losses.append(pl.DataFrame(found, LOSSES).select(name, pl.exclude("phase")))
            steps.append(log.select(name, *list(STEPS)[1:]).cast(STEPS))
    return {
        "runs": pl.DataFrame(rows, RUNS),
        "losses": pl.concat(losses),
        "steps": pl.concat(steps),
    }


def measure(
    model: Path,
    measures: Measures,
    vocabulary: Vocabulary,
    held_out: Path,
    items: pl.DataFrame | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """What ``measures`` asks of a Hugging Face folder: a row a target (:data:`LOSSES` without its
    phase), and the model's parameters. A value that could not be measured is NaN."""
    from midtrain_dagster.models.load import load_to_evaluate

    loaded = load_to_evaluate(model)
    rows = list(_held_out(loaded, measures, vocabulary, held_out))
    for benchmark in measures.benchmarks:
        assert items is not None, "items of the benchmarks that are measured"
        value, count = answers.bits_per_byte(
            model, items.filter(benchmark=benchmark), measures.items, measures.sequence_length
        )
        rows.append(_row(f"{ANSWERS}{benchmark}", value, BITS, count))
    return rows, sum(parameter.numel() for parameter in loaded.parameters())


def _held_out(
    loaded: Any, measures: Measures, vocabulary: Vocabulary, held_out: Path
) -> Iterator[dict[str, Any]]:
    """The losses by domain; of one without a held-out document there is none (the recipe's
    experiments ask before they begin)."""
    opened = open_shards(held_out, dtype=vocabulary.dtype)
    found = held_out_loss.held_out_loss(
        loaded,
        opened,
        domains=[domain for domain in measures.domains if domain in opened.domains],
        sequence_length=measures.sequence_length,
        max_tokens_per_domain=measures.tokens_by_domain,
    )["losses"]
    for row in found.iter_rows(named=True):
        yield _row(f"{LOSS}{row['domain']}", row["loss"], NATS, row["tokens"])


def _row(target: str, value: float | None, unit: str, measured_on: int) -> dict[str, Any]:
    return {
        "target": target,
        "value": float("nan") if value is None else value,
        "unit": unit,
        "tokens": measured_on,
    }


def one_step(tokens: int, batch_tokens: int) -> str:
    """The reason against a run of ``tokens`` that are no more than a step: no rate falls in it."""
    return (
        f"its {tokens:,} tokens are a single step of {batch_tokens:,}, in which no rate rises or "
        "falls: give it more tokens, or a smaller batch_tokens"
    )


def job_of(
    phase: Phase,
    seed: int,
    vocabulary: Vocabulary,
    files: Sequence[tuple[Path, Path, Path | None]],
    tokenizer: Path | None,
    start: Path | None,
    model: ModelConfig | None = None,
) -> Job:
    """What the loop trains. Only its end is written: a run that is cut begins anew. A stage that
    puts no tokens of its own between those of documents needs no ``tokenizer``."""
    stage = phase.stage
    loaded = None if tokenizer is None else load_tokenizer(tokenizer)
    return Job(
        name=phase.name,
        stage=stage.model_copy(update={"checkpoint_every": stage.steps}),
        seed=seed,
        shards=tuple((tokens, index) for tokens, index, _ in files),
        targets=tuple(targets for _, _, targets in files),
        token_dtype=vocabulary.dtype,
        padding=vocabulary.padding,
        knots=None if loaded is None else knots_of(stage, loaded),
        sentinels=None if loaded is None else sentinels_of(stage, loaded, vocabulary.opening),
        vocabulary=vocabulary.tokens,
        start=start,
        model=model if start is None else None,
        tokenizer=tokenizer,
    )
