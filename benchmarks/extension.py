"""Ways to extend a context, side by side: the tables in ``docs/extension-methods.md``.

    python -m benchmarks.extension

The recipe trains one small base that has learnt to look things up, goes on from it with each method
at two, four and eight times its window, and, as a control, in its own window for the same tokens.
Everything is measured by the recipe's own assets; only the tables are made here.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from resources.artifacts import ArtifactStoreResource, load_materialized

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "recipes" / "extension.yaml"
TABLES = ROOT / "docs" / "extension-methods.md"

BASE, CONTROL = "base", "short"
FOUND = 0.95
"""Of the needles, by likelihood rank: what a method has to reach at its length."""


class Run(NamedTuple):
    """A way to go on from the base, with the checkpoints of its seeds."""

    method: str
    factor: int
    checkpoints: tuple[str, ...]


class Figure(NamedTuple):
    """A figure over the seeds of a run: mean, and standard deviation if there are several."""

    mean: float
    spread: float | None
    at_chance: bool = False

    def __str__(self) -> str:
        spread = "" if self.spread is None else f" ± {self.spread:.2f}"
        return f"{self.mean:.2f}{spread}{' (chance)' if self.at_chance else ''}"


class Measured(NamedTuple):
    """What the recipe's assets have measured."""

    found: pl.DataFrame
    losses: pl.DataFrame
    positions: pl.DataFrame
    general: Sequence[str]
    window: int

    def needles(self, run: Run, task: str, length: int) -> Figure:
        """Rank accuracy, the mean over depths."""
        cells = self.found.filter(
            pl.col("checkpoint").is_in(run.checkpoints), task=task, length=length
        )
        items = pl.col("items") / pl.col("items").sum()
        means = cells.group_by("checkpoint").agg((pl.col("rank_accuracy") * items).sum())
        # As for one cell: within two standard errors of guessing, over all items together.
        number, chance = int(cells["items"].sum()), float(cells["chance"].to_list()[0])
        figure = _figure(means["rank_accuracy"])
        error = (chance * (1 - chance) / number) ** 0.5
        return figure._replace(at_chance=abs(figure.mean - chance) <= 2 * error)

    def short(self, run: Run) -> Figure:
        """Loss on the general domains in the base's window."""
        rows = self.losses.filter(
            pl.col("checkpoint").is_in(run.checkpoints), pl.col("domain").is_in(self.general)
        )
        return _figure(rows.group_by("checkpoint").agg(pl.col("loss").mean())["loss"])

    def beyond(self, run: Run, factor: int) -> Figure:
        """Loss of long documents from the base's window up to one so many times as long."""
        rows = self.positions.filter(
            pl.col("checkpoint").is_in(run.checkpoints),
            pl.col("position") >= self.window,
            pl.col("position") < self.window * factor,
        )
        weight = pl.col("tokens") / pl.col("tokens").sum()
        return _figure(
            rows.group_by("checkpoint").agg((pl.col("loss") * weight).sum().alias("loss"))["loss"]
        )


def _figure(values: pl.Series) -> Figure:
    known = values.to_numpy()
    return Figure(float(known.mean()), float(known.std(ddof=1)) if len(known) > 1 else None)


def runs(recipe: Recipe) -> dict[str, list[Run]]:
    """The runs by the factor behind their names; under ``""`` the base and the control."""
    stages: dict[str, list[str]] = {}
    for each in recipe.runs():
        stages.setdefault(each.stage_name, []).append(each.name)
    grouped: dict[str, list[Run]] = {}
    for name, checkpoints in stages.items():
        method, _, factor = name.rpartition("_")
        grouped.setdefault(factor if method else "", []).append(
            Run(method or name, int(factor) if method else 1, tuple(checkpoints))
        )
    return grouped


def rows(recipe: Recipe, measured: Measured, own: list[Run], factor: int) -> Iterator[list[str]]:
    """A row for the base, the control and each method at one factor."""
    settings = recipe.long_context
    assert settings is not None
    lengths = [length for length in settings.lengths if length <= measured.window * factor]
    head = [f"{task} at {length}" for task in settings.tasks for length in lengths]
    yield ["", *head, "loss, short", f"loss, {measured.window} to {measured.window * factor}"]
    for run in own:
        found = [
            str(measured.needles(run, task, length))
            for task in settings.tasks
            for length in lengths
        ]
        losses = (measured.short(run), measured.beyond(run, factor))
        yield [run.method, *found, *map(str, losses)]


def tables(recipe: Recipe, measured: Measured) -> str:
    """A table and a sentence for each factor, as Markdown."""
    grouped = runs(recipe)
    beside = [
        run._replace(method={BASE: "unextended", CONTROL: "control"}[run.method])
        for run in grouped.pop("")
    ]
    lines = []
    for name, methods in sorted(grouped.items(), key=lambda each: int(each[0])):
        factor = int(name)
        head, *body = rows(recipe, measured, [*beside, *methods], factor)
        lines += [f"## {factor} times the window: {measured.window * factor} tokens", ""]
        lines += [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
        lines += [f"| {' | '.join(cells)} |" for cells in body]
        lines += ["", _said(recipe, measured, methods, factor), ""]
    return "\n".join(lines)


def _said(recipe: Recipe, measured: Measured, methods: list[Run], factor: int) -> str:
    """Who finds the needle at the new length, and who reads it best."""
    settings = recipe.long_context
    assert settings is not None
    task, length = next(iter(settings.tasks)), measured.window * factor
    found = {run.method: measured.needles(run, task, length).mean for run in methods}
    there = [method for method, share in found.items() if share >= FOUND]
    losses = {run.method: measured.beyond(run, factor).mean for run in methods}
    best = min(losses, key=lambda method: losses[method])
    reached = f"`{'`, `'.join(there)}`" if there else "none"
    return (
        f"At least {FOUND:.0%} of `{task}` at {length} tokens: {reached}. "
        f"The least loss beyond {measured.window} tokens: `{best}`."
    )


def main() -> None:
    """Run the recipe, and write the tables."""
    subprocess.run([sys.executable, "-m", "midtrain", "run", str(RECIPE)], check=True)
    recipe = load_recipe(RECIPE)
    store = ArtifactStoreResource().store()
    losses = load_materialized(store, [RECIPE.stem, "held_out_losses"])
    measured = Measured(
        found=load_materialized(store, [RECIPE.stem, "long_context"]).read("found"),
        losses=losses.read("losses"),
        positions=losses.read("positions"),
        general=recipe.evaluation.general or (),
        window=min(run.stage.sequence_length for run in recipe.runs()),
    )
    text = TABLES.read_text(encoding="utf-8") if TABLES.exists() else ""
    said = re.split(r"^<!-- made by .*-->$", text, flags=re.MULTILINE)[0].rstrip()
    made = f"<!-- made by `python -m benchmarks.extension` -->\n\n{tables(recipe, measured)}"
    TABLES.write_text(f"{said}\n\n{made}".lstrip(), encoding="utf-8")
    print(TABLES)


if __name__ == "__main__":
    main()
