"""How two runs differ: field by field of their recipes, and measure by measure of their results."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import yaml

from midtrain_dagster.display.words import is_main, spoken
from midtrain_dagster.evaluation.headline import Headline, Measurements

if TYPE_CHECKING:
    from rich.table import Table

NONE = "(not said)"

LISTED = 12
"""Assets that are named; of more it is said how many there are."""


def recipe_differences(one: str, other: str) -> list[str]:
    """Each field that two recipes say differently: ``FIELD: ONE → OTHER``, in the order of the
    first; comments and the order of fields are no difference."""
    before, after = (dict(_fields(yaml.safe_load(text))) for text in (one, other))
    return [
        f"{field}: {before.get(field, NONE)} → {after.get(field, NONE)}"
        for field in dict.fromkeys((*before, *after))
        if before.get(field) != after.get(field)
    ]


def _fields(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every value that holds no others, by the way to it."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _fields(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        for number, inner in enumerate(value):
            yield from _fields(inner, f"{place}[{number}]")
    else:
        yield place, yaml.safe_dump(value, default_flow_style=True, width=10_000).split("\n")[0]


def artifact_differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Which assets are the same artifact in both runs, by their fingerprints, in a few lines."""
    same = [name for name in one if one[name] == other.get(name)]
    changed = [name for name in one if name in other and one[name] != other[name]]
    lines = [f"{len(same)} the same"]
    for what, names in (
        ("differ", changed),
        ("in A only", [name for name in one if name not in other]),
        ("in B only", [name for name in other if name not in one]),
    ):
        if names:
            more = f", and {len(names) - LISTED} more" if len(names) > LISTED else ""
            lines.append(f"{len(names)} {what}: {', '.join(names[:LISTED])}{more}")
    return lines


def result_tables(one: Measurements, other: Measurements) -> "Iterator[Table]":
    """A table a checkpoint that both runs have, the base last: what A measured, what B did."""
    both = [name for name in one.checkpoints if name in other.checkpoints and is_main(name)]
    rows = {(row.label, row.unit): row for row in other.rows}
    for name in reversed(both):
        yield _table(name, [(row, rows.get((row.label, row.unit))) for row in one.rows])


def _table(name: str, pairs: list[tuple[Headline, Headline | None]]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(title=spoken(name), title_justify="left", box=None, pad_edge=False)
    table.add_column("measure", no_wrap=True)
    for head in ("A", "B", "B minus A"):
        table.add_column(head, justify="right", no_wrap=True)
    for first, second in pairs:
        if second is None or name not in first.values or name not in second.values:
            continue
        values = {"A": first.values[name], "B": second.values[name]}
        both = Headline(
            first.label, first.role, first.unit, first.higher_is_better, values, first.items
        )
        style = {True: "green", False: "red", None: ""}[both.better("B", "A")]
        change = Text(both.written_change("B", "A"), style=style)
        same = first.items == second.items
        items = [first.figure, first.items, *([] if same else [second.items])]
        label = Text.assemble(first.label, ("\n" + ", ".join(filter(None, items)), "dim"))
        table.add_row(
            label if any(items) else first.label, both.written("A"), both.written("B"), change
        )
    return table
