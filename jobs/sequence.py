"""The sequence of jobs that makes a recipe's whole graph.

Assets with different partitions cannot share a run, so a graph with a partition set is a fixed
sequence of runs: as much as can be made without partitions, then each benchmark, then on. The
sequence follows from the graph; nobody keeps it by hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.build import benchmark_partitions
from jobs.names import job_names
from jobs.tags import recipe_metadata, recipe_tags
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.recipe import Recipe
from resources.artifacts import asset_name


class UnknownAssetError(ValueError):
    """An asset that the recipe's graph does not have."""


@dataclass(frozen=True)
class Phase:
    """One job of the sequence: what it makes, and whether it runs once for each benchmark."""

    job_name: str
    keys: tuple[dg.AssetKey, ...]
    by_benchmark: bool
    job: Any


def phases(recipe: Recipe, assets: Sequence[dg.AssetsDefinition]) -> list[Phase]:
    """The recipe's jobs in order: as few runs as the graph's partitions allow."""
    specs = {spec.key: spec for each in assets for spec in each.specs}
    runs = min((_runs(specs, first) for first in (False, True)), key=len)
    names = job_names([(by_benchmark, [specs[key] for key in keys]) for by_benchmark, keys in runs])
    result: list[Phase] = []
    for name, (by_benchmark, keys) in zip(names, runs, strict=True):
        made = ", ".join(f"`{asset_name(key)}`" for key in keys)
        each = " Each benchmark is a partition." if by_benchmark else ""
        job = dg.define_asset_job(
            f"{recipe.name}_{name}",
            selection=dg.AssetSelection.assets(*keys),
            partitions_def=benchmark_partitions(recipe) if by_benchmark else None,
            description=(
                f"Step {len(result) + 1} of {len(runs)} of the job `{recipe.name}`, which makes "
                f"all, as `midtrain run` does. Makes {made}.{each}"
            ),
            tags=recipe_tags(recipe),
            metadata=recipe_metadata(recipe),
        )
        result.append(Phase(job.name, tuple(keys), by_benchmark, job))
    return result


def ancestry(assets: Sequence[dg.AssetsDefinition], name: str) -> frozenset[dg.AssetKey]:
    """The asset of that name (below the recipe) and all that it is made from.

    Raises :class:`UnknownAssetError`, naming the assets there are.
    """
    specs = {spec.key: spec for each in assets for spec in each.specs}
    named = {asset_name(key): key for key in specs}
    if name not in named:
        listed, meant = ", ".join(named), did_you_mean(name, named)
        raise UnknownAssetError(f"no asset {name!r} in this recipe; there are {listed}{meant}")
    wanted: set[dg.AssetKey] = set()
    waiting = [named[name]]
    while waiting:
        key = waiting.pop()
        if key not in wanted:
            wanted.add(key)
            waiting += [dep.asset_key for dep in specs[key].deps if dep.asset_key in specs]
    return frozenset(wanted)


def _runs(
    specs: dict[dg.AssetKey, dg.AssetSpec], by_benchmark: bool
) -> list[tuple[bool, list[dg.AssetKey]]]:
    """Each run takes all that its partitioning allows; ``by_benchmark`` says how the first is."""
    done: set[dg.AssetKey] = set()
    runs: list[tuple[bool, list[dg.AssetKey]]] = []
    while len(done) < len(specs):
        taken = _reachable(specs, done, by_benchmark)
        if taken:
            runs.append((by_benchmark, taken))
            done.update(taken)
        by_benchmark = not by_benchmark
    return runs


def _reachable(
    specs: dict[dg.AssetKey, dg.AssetSpec], done: set[dg.AssetKey], by_benchmark: bool
) -> list[dg.AssetKey]:
    """Assets of one partitioning that can be made from what is done, in topological order."""
    taken: list[dg.AssetKey] = []
    while True:
        known = done | set(taken)
        ready = [
            key
            for key, spec in specs.items()
            if key not in known
            and (spec.partitions_def is not None) == by_benchmark
            and all(dep.asset_key in known for dep in spec.deps if dep.asset_key in specs)
        ]
        if not ready:
            return taken
        taken.extend(ready)
