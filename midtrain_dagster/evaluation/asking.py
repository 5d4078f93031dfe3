"""What asks a checkpoint the items of a benchmark: one unit of work, made once by its causes.

A recipe's checkpoints come as parts of the store, a folder outside of it as a path with the digests
of its files. Both are asked by the same unit of work, and scores are found by what they are of.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.evaluation import benchmark as benchmarks
from midtrain_dagster.evaluation import harness, item_groups
from midtrain_dagster.evaluation.benchmark import Benchmark
from midtrain_dagster.evaluation.item_groups import group_key
from midtrain_dagster.evaluation.method import Method, versions

TABLES = ("items", "examples")
"""The tables of a benchmark that are asked; the second where its examples have files."""


def shots(benchmark: Benchmark) -> dict[str, Any]:
    """How worked examples stand before an item, where some do. As plain values: where the section
    stands in a recipe it is no cause of what is searched for, and here it is one."""
    if benchmark.examples is None:
        return {}
    return {"shots": benchmark.examples.model_dump(exclude={"paths"})}


def grouped(benchmark: Benchmark) -> dict[str, str]:
    """By what items belong together, where some do."""
    key = group_key(benchmark)
    return {} if key is None else {"group": key}


def versions_asked(benchmark: Benchmark, method: Method) -> dict[str, int]:
    """The versions of the method, and of what finds groups where there are some."""
    return versions(method) | (versions_of(item_groups) if grouped(benchmark) else {})


def scores_work(
    benchmark: Benchmark,
    method: Method,
    parts: Sequence[Part],
    read_with: Mapping[str, Any],
    **model: Any,
) -> Work:
    """A checkpoint's scores on a benchmark, whose ``parts`` are of the tables ``TABLES``.

    ``read_with`` are the window and what begins an item (``max_length``, ``bos`` of
    ``harness.evaluate``); ``model`` are the fields of the unit of work by which that gets its
    ``model``: ``files``, or ``arguments`` and ``causes``.
    """
    tables = {name: [part for part in parts if part.table == name] for name in TABLES}
    return Work(
        harness.evaluate,
        tables={name: found for name, found in tables.items() if found},
        parameters={
            "method": method,
            "cleaning": benchmark.cleaning,
            "prompt": benchmark.prompt,
            **shots(benchmark),
            **grouped(benchmark),
            **read_with,
        },
        versions=versions_of(harness) | versions_asked(benchmark, method),
        by_bytes=False,
        **model,
    )


def items_work(name: str, benchmark: Benchmark, folder: Path) -> Work:
    """The items of a benchmark outside of a recipe. Raises ``BenchmarkError`` for a missing
    file."""
    found = (benchmarks.benchmark_files, benchmarks.example_files)
    return Work(
        read,
        parameters={"name": name, "benchmark": benchmark},
        causes=[file.cause for files in found for file in files(name, benchmark, folder)],
        arguments={"folder": folder},
        versions=versions_of(benchmarks),
    )


def read(name: str, benchmark: Benchmark, folder: Path) -> dict[str, pl.DataFrame]:
    """The tables of a benchmark that are asked (``TABLES``)."""
    items = benchmarks.read_items(name, benchmark, folder)
    examples = benchmarks.read_examples(name, benchmark, folder)
    return {"items": items} if examples is None else {"items": items, "examples": examples}
