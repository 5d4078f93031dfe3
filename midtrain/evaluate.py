"""``midtrain evaluate``: a Hugging Face folder asked benchmarks, outside of any recipe."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from midtrain.count import count
from midtrain.exit_codes import UNUSABLE
from midtrain.places import settle
from midtrain_dagster.collection.default_data import FOLDER

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

    from midtrain_dagster.core.storage import Storage
    from midtrain_dagster.evaluation.benchmark import Benchmark

EXAMPLE = """\
examples:
  midtrain evaluate ./model --benchmarks gsm8k,humaneval --limit 50
  midtrain evaluate ./model --benchmarks arc_easy=arc.jsonl,mmlu=mmlu/test.parquet

docs/benchmarks.md lists the presets, and what each of them reads. What was asked once is found in
the store (MIDTRAIN_ROOT) afterwards, as long as model, items and method are the same."""

COUNTS = {
    "items": "items",
    "cut_questions": "cut",
    "left_out": "left out",
    "never_ended": "never ended",
}
"""The counts of ``harness.RUNS``, and what they are called in the table."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    evaluate = commands.add_parser(
        "evaluate",
        help="ask a Hugging Face folder benchmarks, without a recipe",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    evaluate.add_argument("checkpoint", type=Path, help="a Hugging Face folder")
    evaluate.add_argument(
        "--benchmarks", required=True, metavar="A,B=PATH", help="presets, or preset=path of items"
    )
    evaluate.add_argument(
        "--data",
        type=Path,
        default=FOLDER,
        metavar="FOLDER",
        help="where presets without a path are looked for; default: what was fetched",
    )
    evaluate.add_argument("--limit", type=count, metavar="N", help="the first N items of each")
    evaluate.add_argument("--json", action="store_true", help="print JSON in place of a table")
    evaluate.set_defaults(command=run)


def run(options: argparse.Namespace, console: Console) -> int:
    """Evaluate; the exit code."""
    from midtrain_dagster.evaluation.at_hand import named_benchmarks
    from midtrain_dagster.evaluation.input_problems import benchmark_problems
    from midtrain_dagster.training.checkpoints.checkpoint import CheckpointError
    from resources.artifacts import ArtifactStoreResource, remember_digests

    names = [name.strip() for name in options.benchmarks.split(",") if name.strip()]
    if not names:
        console.print("--benchmarks names none: say presets, or preset=path of items", style="red")
        return UNUSABLE
    benchmarks = named_benchmarks(names, options.data, limit=options.limit)
    unusable = False
    for name, benchmark in benchmarks.items():
        for finding in benchmark_problems(name, benchmark, Path.cwd())[1]:
            unusable |= finding.stops
            style = "red" if finding.stops else "yellow"
            if finding.stops or not options.json:
                console.print(f"{name}: {finding.reason}", style=style, markup=False)
    if unusable:
        return UNUSABLE
    settle()
    storage = ArtifactStoreResource().storage()
    remember_digests(storage)
    try:
        model = _model(options.checkpoint)
        made = _asked(storage, benchmarks, model)
    except (OSError, ValueError, CheckpointError) as error:
        console.print(" ".join(str(error).split()), style="red", markup=False)
        return UNUSABLE
    if options.json:
        console.print(json.dumps(as_json(**made), indent=1, allow_nan=False), markup=False)
    else:
        from midtrain_dagster.report.terminal import print_whole

        print_whole(as_table(**made), console)
    return 0


def _model(folder: Path) -> dict[str, Mapping[str, Any]]:
    """How a unit of work gets the folder: as a path, with the digests of its files as causes.

    Raises ``OSError`` or ``ValueError`` for a folder of which no model, or no tokenizer, can be
    loaded, before any item is asked.
    """
    from midtrain_dagster.core.known_digests import known_digest
    from midtrain_dagster.models.load import load_config
    from midtrain_dagster.tokens.load_tokenizer import load_tokenizer
    from midtrain_dagster.training.artifact import is_of_model
    from midtrain_dagster.training.transition.given import checkpoint_files

    if not (folder / "config.json").is_file():
        lacks = "it has no config.json" if folder.is_dir() else "there is no such folder"
        raise FileNotFoundError(f"{folder} is no Hugging Face folder: {lacks}")
    files = {name: path for name, path in checkpoint_files(folder).items() if is_of_model(name)}
    if not any(name.endswith(".safetensors") for name in files):
        raise FileNotFoundError(f"{folder} has no weights: there is no model.safetensors")
    load_config(folder)
    load_tokenizer(folder)
    digests = {name: known_digest(path) for name, path in files.items()}
    return {"arguments": {"model": folder.absolute()}, "causes": {"model": digests}}


def _asked(
    storage: "Storage", benchmarks: "Mapping[str, Benchmark]", model: Mapping[str, Any]
) -> dict[str, "pl.DataFrame"]:
    """Scores and runs of all benchmarks: found, or made in this process, where the folder is."""
    import polars as pl

    from midtrain_dagster.core.artifacts import ArtifactStore
    from midtrain_dagster.core.execution import InProcess
    from midtrain_dagster.core.parts import make_parts, read_table
    from midtrain_dagster.evaluation.asking import items_work, scores_work

    store = ArtifactStore(storage)
    here = Path.cwd()
    items = make_parts(
        store,
        InProcess(),
        [items_work(name, benchmark, here) for name, benchmark in benchmarks.items()],
    )
    works = [
        scores_work(benchmark, benchmark.evaluate, parts, {"max_length": None}, **model)
        for benchmark, parts in zip(benchmarks.values(), items, strict=True)
        if benchmark.evaluate is not None
    ]
    parts = [part for made in make_parts(store, InProcess(), works) for part in made]
    return {
        table: pl.concat([read_table(storage, part) for part in parts if part.table == table])
        for table in ("scores", "runs")
    }


def as_table(scores: "pl.DataFrame", runs: "pl.DataFrame") -> "Table":
    """A row a metric, ``SCORES`` beside the counts of ``RUNS``; accuracies in per cent."""
    from rich.table import Table

    from midtrain_dagster.display import numbers
    from midtrain_dagster.evaluation.method import ACCURACY

    table = Table(box=None, pad_edge=False)
    for name in ("benchmark", "metric"):
        table.add_column(name, no_wrap=True)
    for name in ("value", "stderr", "chance", "", *COUNTS.values()):
        table.add_column(name, justify="right", no_wrap=True)
    counts = {run["benchmark"]: run for run in runs.iter_rows(named=True)}
    unscored = runs.join(scores, on="benchmark", how="anti").select("benchmark")
    for row in [*scores.iter_rows(named=True), *unscored.iter_rows(named=True)]:
        written = numbers.accuracy if row.get("unit") == ACCURACY else numbers.loss
        table.add_row(
            row["benchmark"],
            row.get("metric") or "no item fits the model",
            *(written(row.get(name)) for name in ("value", "stderr", "chance")),
            "at chance" if row.get("at_chance") else "",
            *(numbers.count(counts[row["benchmark"]][name]) for name in COUNTS),
        )
    return table


def as_json(scores: "pl.DataFrame", runs: "pl.DataFrame") -> list[dict[str, Any]]:
    """A benchmark each: what was run, and its scores; what is no number (of a broken model) is
    null."""
    import polars.selectors as cs

    scores = scores.with_columns(cs.float().fill_nan(None))
    return [
        {**run, "scores": scores.filter(benchmark=run["benchmark"]).drop("benchmark").to_dicts()}
        for run in runs.iter_rows(named=True)
    ]
