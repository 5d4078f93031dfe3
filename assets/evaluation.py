"""Evaluation: every checkpoint on held-out documents and on the benchmarks."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from assets import milestone_scores
from assets.build import Build, Built, artifact_asset, image, markdown_table
from assets.declaration import AFTER_PREFLIGHT, External, Input, PerPartition
from assets.estimate import SMALL_BYTES, reading_amount
from assets.leaks import NAME as LEAKS
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.display import numbers
from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation import asking, checkpoint_losses, harness
from midtrain_dagster.evaluation.benchmark import Benchmark
from midtrain_dagster.evaluation.items_asked import items_asked
from midtrain_dagster.evaluation.learning_curves import CURVE, PREFIX
from midtrain_dagster.evaluation.method import ACCURACY, Method
from midtrain_dagster.evaluation.report_comparison import comparison_rows
from midtrain_dagster.evaluation.report_section import runs, scores
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.artifact import Checkpoint

ITEMS, ITEM_TOKENS = 500, 200
"""Of a benchmark without a limit, and of an item with its choices, to foretell the time."""

HELD_OUT = ("held_out_tokens", "held_out_index")
"""The tables of the token shards that are kept from training."""


def evaluation_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The assets ``held_out_losses`` and ``evaluation``, the latter one partition a benchmark, and
    none where the recipe has no benchmark."""
    return [_held_out_losses(recipe), *([_evaluation(recipe)] if recipe.benchmarks else [])]


def shortest_window(recipe: Recipe) -> int:
    """The window, in tokens, in which all checkpoints can be compared."""
    return min(run.stage.sequence_length for run in recipe.runs())


def inputs_by_checkpoint(recipe: Recipe) -> dict[str, str]:
    """What each checkpoint that is evaluated is called among the inputs: the base, what every run
    ends with, and every soup."""
    return {name: _input(name) for name in recipe.checkpoints()}


def base_window(recipe: Recipe) -> int | None:
    """The shortest window, in tokens, if some stage has a longer one: beyond it, checkpoints are
    compared too."""
    shortest = shortest_window(recipe)
    longer = any(run.stage.sequence_length > shortest for run in recipe.runs())
    return shortest if longer else None


def _inputs(recipe: Recipe) -> dict[str, str | Input]:
    checkpoints = inputs_by_checkpoint(recipe).items()
    return {**AFTER_PREFLIGHT, **{key: f"checkpoint/{name}" for name, key in checkpoints}}


def _input(checkpoint: str) -> str:
    """The name of a checkpoint among the inputs. Two underscores, for names may hold one."""
    return f"checkpoint__{checkpoint.replace('/', '__')}"


def _held_out_tokens(recipe: Recipe) -> float:
    """Tokens that a checkpoint reads at most for the losses."""
    measured = recipe.measures
    by_domain = len(recipe.measured_domains) * measured.tokens_by_domain
    return by_domain + measured.documents * measured.length


def _benchmark_tokens(recipe: Recipe) -> float:
    """Tokens that a checkpoint reads of a benchmark of the recipe, about, on average."""
    asked = [each.evaluate for each in recipe.benchmarks.values() if each.evaluate]
    items = sum(method.limit or ITEMS for method in asked)
    return items * ITEM_TOKENS / max(1, len(asked))


def _held_out_losses(recipe: Recipe) -> dg.AssetsDefinition:
    parameters, on_the_way = losses_asked(recipe), milestone_scores.asked_milestones(recipe)

    @artifact_asset(
        recipe,
        "held_out_losses",
        group="evaluation",
        versions=versions_of(checkpoint_losses),
        section={
            **parameters,
            "checkpoints": recipe.checkpoints(),
            **milestone_scores.as_cause(recipe),
        },
        inputs={
            "tokenizer": "tokenizer",
            "token_shards": "token_shards",
            # The checks are of the clean part; which that is changes no loss.
            LEAKS: Input(LEAKS, cause=None),
            **_inputs(recipe),
        },
        rows="losses",
        amount=reading_amount(recipe, _held_out_tokens(recipe), len(on_the_way)),
        expected_bytes=SMALL_BYTES,
        metadata=_plots,
        kinds=("pytorch", "ray"),
        checked=True,
    )
    def held_out_losses(build: Build) -> Built:
        """Held-out loss by domain and by position in long documents, for every checkpoint, and for
        milestones where the recipe says `evaluation: {milestones: true}`."""
        dtype = Tokenizer(build["tokenizer"]).dtype
        held_out = [part for part in build["token_shards"].manifest.parts if part.table in HELD_OUT]
        names = recipe.checkpoints()
        files = {name: Checkpoint(build[_input(name)]).model_files for name in names}
        files |= {each.name: each.files(build[_input(each.run)]) for each in on_the_way}
        made = build.by_work(
            _losses_work(recipe, model, held_out, dtype, name) for name, model in files.items()
        )
        parts = [
            part if name in names else part.model_copy(update={"table": f"{PREFIX}{part.table}"})
            for name, of_checkpoint in zip(files, made, strict=True)
            for part in of_checkpoint
        ]
        if on_the_way:
            parts.append(build.write(CURVE, milestone_scores.points_table(recipe)))
        return parts

    return held_out_losses


def losses_asked(recipe: Recipe) -> dict[str, Any]:
    """What is measured on held-out documents."""
    settings = recipe.measures
    # A synthetic document quotes the one it was made from, which is trained on: its loss, held out
    # or not, would say little. So only domains of natural sources are measured, and of those that
    # are put together by a program the ones that somebody asks for.
    return {
        "domains": recipe.measured_domains,
        "sequence_length": shortest_window(recipe),
        "tokens_by_domain": settings.tokens_by_domain,
        "length": settings.length,
        "bucket": settings.bucket,
        "documents": settings.documents,
    }


def losses_work(
    recipe: Recipe, checkpoint: Artifact, held_out: Sequence[Part], dtype: str, name: str
) -> Work:
    """The held-out losses of the checkpoint called ``name``: asked once, whoever needs them."""
    return _losses_work(recipe, Checkpoint(checkpoint).model_files, held_out, dtype, name)


def _losses_work(
    recipe: Recipe, model: Sequence[Part], held_out: Sequence[Part], dtype: str, name: str
) -> Work:
    return Work(
        checkpoint_losses.measure,
        files={"model": model, "shards": held_out},
        parameters={**losses_asked(recipe), "checkpoint": name, "dtype": dtype},
        by_bytes=False,
    )


def _plots(artifact: Artifact) -> dict[str, dg.MarkdownMetadataValue]:
    from midtrain_dagster.display.style import figure_png
    from midtrain_dagster.evaluation.report_plots import losses_by_domain, positions

    plots = {"losses": ("by_domain", losses_by_domain), "positions": ("by_position", positions)}
    return {
        name: image(figure_png(plot(table)))
        for found, (name, plot) in plots.items()
        if (table := artifact.read(found)).height
    }


def _evaluation(recipe: Recipe) -> dg.AssetsDefinition:
    names, on_the_way = recipe.checkpoints(), milestone_scores.asked_milestones(recipe)
    sections = {
        name: {
            **how_asked(each),
            "checkpoints": names,
            **milestone_scores.as_cause(recipe),
            **read_with(recipe),
        }
        for name, each in recipe.benchmarks.items()
    }

    @artifact_asset(
        recipe,
        "evaluation",
        group="evaluation",
        versions=versions_of(harness),
        section=PerPartition(sections),
        external=_judges(recipe),
        inputs={"benchmark_items": "benchmark_items", **_inputs(recipe)},
        rows="scores",
        amount=reading_amount(recipe, _benchmark_tokens(recipe), len(on_the_way)),
        expected_bytes=SMALL_BYTES,
        metadata=_scores,
        kinds=("pytorch", "ray"),
        by_benchmark=True,
    )
    def evaluation(build: Build) -> Built:
        """A benchmark's scores with standard errors for every checkpoint, by lm-evaluation-harness.

        A score within two standard errors of guessing is marked *at chance*. Where the recipe says
        `evaluation: {milestones: true}`, milestones are asked too, for learning curves. This page
        shows the partition that was made last; all benchmarks stand in one table on the asset
        `report`.
        """
        benchmark = recipe.benchmarks[build.partition]
        if benchmark.evaluate is None:
            return []
        items = build["benchmark_items"].rows("items")
        files = {name: Checkpoint(build[_input(name)]).model_files for name in names}
        files |= {each.name: each.files(build[_input(each.run)]) for each in on_the_way}
        made = build.by_work(
            _scores_work(recipe, benchmark, benchmark.evaluate, build["benchmark_items"], each)
            for each in files.values()
        )
        parts = [
            part.model_copy(update={"label": name, "table": f"{prefix}{part.table}"})
            for name, of_checkpoint in zip(files, made, strict=True)
            for prefix in ("" if name in names else PREFIX,)
            for part in of_checkpoint
        ]
        if on_the_way:
            parts.append(build.write(CURVE, milestone_scores.points_table(recipe)))
        return parts, {"benchmark_items": items}

    return evaluation


def read_with(recipe: Recipe) -> dict[str, Any]:
    """The window in which items are asked, and what begins them where that is said."""
    bos = recipe.tokenizer.bos
    begun = {} if bos == "as_tokenizer" else {"bos": bos}
    return {"max_length": shortest_window(recipe), **begun}


def scores_work(
    recipe: Recipe, benchmark: Benchmark, method: Method, items: Artifact, checkpoint: Artifact
) -> Work:
    """A checkpoint's scores on a benchmark: asked once, whoever needs them."""
    return _scores_work(recipe, benchmark, method, items, Checkpoint(checkpoint).model_files)


def _scores_work(
    recipe: Recipe, benchmark: Benchmark, method: Method, items: Artifact, model: Sequence[Part]
) -> Work:
    return asking.scores_work(
        benchmark,
        method,
        items.manifest.parts,
        read_with(recipe),
        files={"model": model},
        **_judge(recipe, method),
    )


def _judge(recipe: Recipe, method: Method) -> dict[str, Any]:
    """The model that rates what is written, where one does: where it lies, and as a cause."""
    if method.judged_by is None:
        return {}
    generator = method.judged_by.generator
    return {
        "arguments": {"judge": generator.folder(recipe.path)},
        "causes": [generator.identity(recipe.path)],
    }


def _judges(recipe: Recipe) -> PerPartition | None:
    """Looks up the digests of the models that rate, for the benchmarks that have one."""
    asked = {
        name: each.evaluate.judged_by for name, each in recipe.benchmarks.items() if each.evaluate
    }

    def digests(request: Request) -> External:
        return lambda _: request.generator.identity(recipe.path)

    judging = {name: digests(request) for name, request in asked.items() if request}
    return PerPartition(dict.fromkeys(recipe.benchmarks) | judging) if judging else None


def how_asked(benchmark: Benchmark) -> dict[str, Any]:
    """How a benchmark is asked, as a cause: method with its versions, cleaning, prompt."""
    method = benchmark.evaluate
    if method is None:
        return {"method": None}
    return {
        "method": method,
        "versions": asking.versions_asked(benchmark, method),
        "cleaning": benchmark.cleaning,
        "prompt": benchmark.prompt,
        **asking.shots(benchmark),
        **asking.grouped(benchmark),
    }


def _scores(artifact: Artifact) -> Mapping[str, dg.MarkdownMetadataValue]:
    table, asked = scores([artifact]), runs([artifact])
    if table.is_empty():
        return {}
    return {"scores": scores_table(table, items_asked(asked))}


def scores_table(scores: pl.DataFrame, asked: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Every score, and beside it how many of its benchmark's items it is of, as the UI shows it.

    Items beyond the limit have a column where it is known how many items there are in all.
    """
    counts = {"scored": "items scored", "too_long": "too long", "beyond_limit": "beyond the limit"}
    if asked["beyond_limit"].null_count():
        del counts["beyond_limit"]
    items = {(row["checkpoint"], row["benchmark"]): row for row in asked.iter_rows(named=True)}
    rows = []
    for row in scores.iter_rows(named=True):
        of = items[row["checkpoint"], row["benchmark"]]
        written = numbers.accuracy if row["unit"] == ACCURACY else numbers.loss
        error = "" if row["stderr"] is None else f" ± {written(2 * row['stderr'])}"
        rows.append(
            (
                row["benchmark"],
                row["metric"],
                of["prompt"],
                spoken(row["checkpoint"]),
                f"{written(row['value'])}{error}",
                "at chance" if row["at_chance"] else "",
                *(numbers.count(of[name]) for name in counts),
            )
        )
    head = ("benchmark", "metric", "prompt", "checkpoint", "value ± 2 s.e.", "", *counts.values())
    return markdown_table(head, rows, numbers=counts.values())


def differences_table(compared: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Every pair of checkpoints that is compared, as the UI shows it."""
    head = ["checkpoint", "against", "benchmark", "metric", "difference", "95 %", "p (Holm)", ""]
    right = ["difference", "95 %", "p (Holm)", "items"]
    return markdown_table([*head, "items"], comparison_rows(compared), numbers=right)
