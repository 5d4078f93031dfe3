"""Which items of a benchmark belong together: they ask about one passage, or fill one template.

Such items are right and wrong together, so errors are clustered by their group (Miller, arXiv
2411.00640, section 2.2). A benchmark says what they share (``group``); else it is the passage,
where there is one; else each item is a group of its own.
"""

import json

import polars as pl

from midtrain_dagster.core.schema import PASSAGE
from midtrain_dagster.evaluation.benchmark import Benchmark
from midtrain_dagster.evaluation.item_row import looked_up
from midtrain_dagster.evaluation.method import ROW

VERSION = 1


def group_key(benchmark: Benchmark) -> str | None:
    """The key of items' rows under which those of a group have the same; none: there are no
    groups."""
    return benchmark.group or (PASSAGE if benchmark.passage else None)


def item_groups(items: pl.DataFrame, key: str) -> pl.DataFrame:
    """The items (``benchmark.ITEMS``) with their group, as ``comparison.GROUPS``; an item that has
    nothing under the key is a group of its own."""
    shared = [looked_up(json.loads(row), key) for row in items[ROW]]
    named = [
        f"item {item}" if value is None else f"group {json.dumps(value, sort_keys=True)}"
        for item, value in zip(items["item"], shared, strict=True)
    ]
    return items.select("benchmark", "item", pl.Series("group", named, dtype=pl.String))
