"""Does synthesis pay? What each family does to held-out loss: the tables of docs/synthesis-pays.md.

    python -m benchmarks.synthesis recipes/synthesis.yaml [--seeds 1 2 3] [--share 0.2]

One base is annealed for the same tokens on natural text alone and, once a family, with a share of
that family's documents in place of as much natural text of every domain. All are stages of one
recipe, which extends the one that is given: documents, shards and base are found in the store where
that has been run, and the product does the rest. A family is told by its domains, so no domain may
be of two families.

The effect is a difference of means over seeds, which order the data anew; it shows something where
a confidence interval of 95% leaves out zero. What a family cost is the seconds of its methods when
their documents were made, on all cores of this machine, so only a store in which nothing was
answered before tells it.
"""

import argparse
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import yaml

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.machine import usable_cores
from midtrain_dagster.core.making import making_of
from midtrain_dagster.display.numbers import MISSING
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.synthesis.assembly import Assembly
from midtrain_dagster.training.artifact import Checkpoint
from resources.artifacts import ArtifactStoreResource, load_materialized

DOCS = Path(__file__).parents[1] / "docs" / "synthesis-pays.md"
NAME, FILE = "synthesis_pays", "synthesis_pays.yaml"
WITHOUT = "without"
MAX_EPOCHS = 1000.0
"""A family is small here, and is read over and over; the table says how often."""

T95 = {2: 4.303, 4: 2.776, 6: 2.447, 8: 2.306}
"""Student's t at 97.5%, by degrees of freedom; beyond them about 2.2."""


class Unsuitable(SystemExit):
    """A recipe of which this cannot be asked; the message says what to change."""


class Family(NamedTuple):
    """A family of synthesis in a recipe."""

    methods: list[str]
    domains: list[str]


class Effect(NamedTuple):
    """A difference of mean losses, with that of single runs around it."""

    mean: float
    deviation: float
    half: float
    """Half the confidence interval of 95%."""

    @property
    def shows(self) -> str:
        """Whether so few seeds show anything."""
        if abs(self.mean) <= self.half:
            return "nothing"
        return "better" if self.mean < 0 else "worse"


def families(recipe: Recipe) -> dict[str, Family]:
    """The families of a recipe, by name, with the domains that its annealing reads: others may
    hold no document. Raises Unsuitable where families share a domain."""
    found: dict[str, Family] = {}
    of_domain: dict[str, str] = {}
    _, read = annealing(recipe)
    for name, method in recipe.synthesis.items():
        if isinstance(method, Assembly):
            continue
        other = of_domain.setdefault(method.domain, method.FAMILY)
        if other != method.FAMILY or method.domain in recipe.view.natural:
            raise Unsuitable(
                f"{recipe.file}: synthesis.{name}.domain: {method.domain!r} is fed by {other} or "
                f"sources too, so what {method.FAMILY} does cannot be told: name another domain"
            )
        if method.domain not in read:
            continue
        family = found.setdefault(method.FAMILY, Family([], []))
        family.methods.append(name)
        if method.domain not in family.domains:
            family.domains.append(method.domain)
    if not found:
        raise Unsuitable(
            f"{recipe.file}: synthesis: there is no method whose documents the annealing reads"
        )
    return dict(sorted(found.items()))


def annealing(recipe: Recipe) -> tuple[str, dict[str, Any]]:
    """The first stage that starts from a checkpoint, and the shares of its domains."""
    stages: dict[str, Any] = yaml.safe_load(recipe.text)["stages"]
    name = next(name for name, stage in stages.items() if stage["start"] != "random")
    return name, stages[name]["mixture"].get("domains", {})


def variant(recipe: Recipe, seeds: Sequence[int], share: float) -> dict[str, Any]:
    """The document of a recipe that anneals the base without and with each family.

    The annealing is the recipe's first stage that starts from a checkpoint. Raises Unsuitable for
    one whose shares change, or are found in the graph.
    """
    stages: dict[str, Any] = yaml.safe_load(recipe.text)["stages"]
    annealed, shares = annealing(recipe)
    natural = {each: of for each, of in shares.items() if each not in recipe.view.generated}
    if not natural or not all(isinstance(each, int | float) for each in natural.values()):
        raise Unsuitable(
            f"{recipe.file}: stages.{annealed}.mixture.domains: shares of natural text have to be "
            "plain numbers here"
        )
    whole = sum(natural.values())
    stage = {name: each for name, each in stages[annealed].items() if name != "control"}
    stage["inherit"] = stage.get("inherit", {}) | {"rng": {"reset": "one seed of several"}}
    stage["seeds"] = list(seeds)

    def mixed(synthetic: Sequence[str]) -> dict[str, Any]:
        part = share if synthetic else 0.0
        domains = {each: (1 - part) * of / whole for each, of in natural.items()}
        domains |= {each: part / len(synthetic) for each in synthetic}
        return stage | {"mixture": {"domains": domains, "max_epochs": MAX_EPOCHS}}

    needed = {stage["start"]}
    while more := {stages[each]["start"] for each in needed & set(stages)} - needed:
        needed |= more
    gone = dict.fromkeys(name for name in stages if name not in needed)
    every = {name: mixed(family.domains) for name, family in families(recipe).items()}
    return {
        "extends": [Path(recipe.file).name],
        "name": NAME,
        "description": "The same base annealed without and with each family of synthesis",
        "stages": gone | {WITHOUT: mixed(())} | every,
        "soups": dict.fromkeys(recipe.soups),
        "evaluation": {
            "general": list(recipe.measures.general),
            "targets": list(recipe.measures.targets),
        },
    }


def run(path: Path, seeds: Sequence[int], share: float) -> None:
    """Make the losses of all variants; their recipe lies beside the one given while it is run."""
    document = variant(load_recipe(path), seeds, share)
    beside = path.with_name(FILE)
    beside.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    try:
        command = [sys.executable, "-m", "midtrain", "run", str(beside)]
        subprocess.run(command, check=True)
    finally:
        beside.unlink()


def artifact(*name: str) -> Artifact:
    """What the recipe of the variants has made."""
    return load_materialized(ArtifactStoreResource().store(), [NAME, *name])


def run_names(stage: str, seeds: Sequence[int]) -> list[str]:
    """The checkpoints of a stage, one a seed."""
    return [stage, *(f"{stage}/seed_{seed}" for seed in seeds[1:])]


def losses(measured: pl.DataFrame, runs: Sequence[str], domains: Sequence[str]) -> np.ndarray:
    """The mean loss over domains of each run."""
    means = [
        measured.filter(pl.col("checkpoint") == each, pl.col("domain").is_in(list(domains)))[
            "loss"
        ].mean()
        for each in runs
    ]
    return np.array(means, np.float64)


def effect(with_it: np.ndarray, without: np.ndarray) -> Effect:
    """The difference of two groups of runs of like size, by a pooled t-test."""
    size = len(with_it)
    deviation = math.sqrt(float(with_it.var(ddof=1) + without.var(ddof=1)))
    half = T95.get(2 * (size - 1), 2.2) * deviation / math.sqrt(size)
    return Effect(float(with_it.mean() - without.mean()), deviation, half)


def cpu_hours(methods: Sequence[str]) -> float:
    """What making the documents of methods took, on all cores."""
    makings = [making_of(artifact("synthesis", each, "documents")) for each in methods]
    return sum(each.seconds for each in makings if each) * usable_cores() / 3600


def family_row(
    name: str, family: Family, measured: pl.DataFrame, recipe: Recipe, seeds: Sequence[int]
) -> str:
    """A line of the first table."""
    index = (
        artifact("token_shards").scan("train_index").filter(pl.col("domain").is_in(family.domains))
    )
    documents, unique = index.select(pl.len(), pl.col("length").sum()).collect().row(0)
    fed = Checkpoint(artifact("checkpoint", name)).mixture
    read = int(fed.filter(pl.col("domain").is_in(family.domains))["tokens"].sum())
    hours, runs, others = (
        cpu_hours(family.methods),
        run_names(name, seeds),
        run_names(WITHOUT, seeds),
    )
    on_targets, on_general = (
        effect(losses(measured, runs, domains), losses(measured, others, domains))
        for domains in (recipe.measures.targets, recipe.measures.general)
    )
    cells = [
        f"{len(family.methods)}",
        f"{documents:,}",
        f"{unique:,}",
        f"{read / max(unique, 1):.1f}",
        f"{hours:.3f}",
        f"{on_targets.mean:+.3f} ± {on_targets.deviation:.3f}",
        f"{on_targets.mean / (read / 1e6):+.2f}",
        f"{on_targets.mean / hours:+.2f}" if hours else MISSING,
        on_targets.shows,
        f"{on_general.mean:+.3f} ± {on_general.deviation:.3f}",
        on_general.shows,
    ]
    return f"| {name} | {' | '.join(cells)} |"


def losses_table(
    measured: pl.DataFrame, names: Sequence[str], domains: Sequence[str], seeds: Sequence[int]
) -> str:
    """Mean and deviation of the loss on each domain, a line a variant."""
    lines = [f"| annealed | {' | '.join(domains)} |", "|---|" + "---:|" * len(domains)]
    for name in names:
        found = [losses(measured, run_names(name, seeds), [domain]) for domain in domains]
        cells = [f"{each.mean():.3f} ± {each.std(ddof=1):.3f}" for each in found]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


HEAD = (
    "| family | methods | documents | their tokens | times read | CPU-hours | targets "
    "| per million tokens read | per CPU-hour | shows | general text | shows |\n"
    "|---|" + "---:|" * 8 + "---|---:|---|"
)


def page(path: Path, seeds: Sequence[int], share: float) -> str:
    """The document, of what is in the store."""
    recipe = load_recipe(path)
    measured = artifact("held_out_losses").read("losses")
    every = families(recipe)
    rows = [family_row(name, each, measured, recipe, seeds) for name, each in every.items()]
    targets, general = recipe.measures.targets, recipe.measures.general
    tokens = int(Checkpoint(artifact("checkpoint", WITHOUT)).log["tokens"][-1])
    said = " ".join(map(str, seeds))
    return "\n".join(
        [
            "# Does synthesis pay?",
            "",
            f"Made by `python -m benchmarks.synthesis {path} --seeds {said} --share {share:g}`.",
            f"The base of that recipe is annealed for {tokens:,} tokens, on natural text alone and",
            f"with {share:.0%} of one family's documents in place of natural text of every domain,",
            f"over {len(seeds)} seeds, which order the data anew. An effect is a difference of",
            "held-out loss from the annealing without any, in nats per token: mean ± deviation of",
            f"a difference of two runs; less is better. Targets are {', '.join(targets)}, general",
            f"text is {', '.join(general)}, all of them natural documents. Where the interval of",
            "95% around a mean has zero in it, the family shows *nothing* here.",
            "",
            HEAD,
            *rows,
            "",
            "CPU-hours are the seconds in which a family's documents were made last, times the",
            f"{usable_cores()} cores. Answers that were in the store from before cost nothing",
            "there. The losses themselves:",
            "",
            losses_table(measured, [WITHOUT, *every], [*targets, *general], seeds),
            "",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all variants and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--share", type=float, default=0.2)
    options = parser.parse_args(arguments)
    if len(options.seeds) < 2:
        parser.error("--seeds: a spread needs two seeds or more")
    run(options.recipe, options.seeds, options.share)
    DOCS.write_text(page(options.recipe, options.seeds, options.share), encoding="utf-8")
    print(DOCS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
