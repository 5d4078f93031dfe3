"""Experiments that a recipe asks for: swarms of proxies, from which mixtures are found."""

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
import polars as pl

from assets.build import Build, Built, artifact_asset, image, markdown_table
from assets.declaration import Given, Input
from assets.estimate import search_amount, search_bytes
from assets.training import POOL
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.display import numbers
from midtrain_dagster.experiments import report_section
from midtrain_dagster.experiments.search import swarm
from midtrain_dagster.experiments.search.problems import measured_losses
from midtrain_dagster.experiments.search.settings import MixtureSearch
from midtrain_dagster.experiments.search.tables import Swarm
from midtrain_dagster.laws.mixing.constraints import ConflictError
from midtrain_dagster.mixture.method import Method, available
from midtrain_dagster.mixture.problems import without_room
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.artifact import Checkpoint
from midtrain_dagster.training.stage import RANDOM
from resources.terminal import LOST, TOLD

ITEMS = "benchmark_items"


def experiment_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """An asset ``swarm/NAME`` for each of the recipe's searches."""
    return [_swarm(recipe, name, search) for name, search in recipe.mixture_search.items()]


def _swarm(recipe: Recipe, name: str, search: MixtureSearch) -> dg.AssetsDefinition:
    losses = measured_losses(search, recipe.view)
    repeated = _repeated(recipe, search)
    start, asked = search.proxy.start, search.targets.answers
    seed = recipe.seed if search.seed is None else search.seed
    inputs: dict[str, str | Input] = {"tokenizer": "tokenizer", "token_shards": "token_shards"}
    if start != RANDOM:
        inputs["start"] = f"checkpoint/{start}"
    if asked:
        inputs[ITEMS] = Input(ITEMS, cause=lambda given: _fingerprints(given, asked))
    counted: dict[str, swarm.Counts] = {}

    @artifact_asset(
        recipe,
        f"swarm/{name}",
        group="experiments",
        method="swarm",
        versions=swarm.versions(search),
        section={
            "search": search,
            "seed": seed,
            "losses": losses,
            "repeated": repeated,
            "scale": recipe.scale,
        },
        inputs=inputs,
        rows="proxies",
        metadata=_metadata,
        beside=lambda build, _: _saved(counted.pop(build.fingerprint, None)),
        kinds=("pytorch", "ray"),
        pool=POOL,
        amount=search_amount(recipe, search),
        expected_bytes=search_bytes(recipe, search),
    )
    def proxies(build: Build) -> Built:
        """A swarm of small models, each trained on a mixture of its own and measured.

        Laws are fitted to its tables, and mixtures proposed. What a change of the corpus does not
        touch is found again: a proxy reads the domains of its own mixture alone.
        """
        _require_room(recipe, name, build["token_shards"])
        given = swarm.Given(
            shards=build["token_shards"],
            tokenizer=Tokenizer(build["tokenizer"]),
            seed=seed,
            losses=losses,
            scale=recipe.scale,
            repeated=repeated,
            start=Checkpoint(build["start"]).files if start != RANDOM else (),
            items=_items(build, asked),
        )
        made = swarm.make(search, given, build.by_work)
        counted[build.fingerprint] = made.counts
        table = made.tables["proxies"]
        failed = table["failed"].is_not_null().sum()
        parts = [build.write(each, rows) for each, rows in made.tables.items()]
        return parts, {
            "proxies": table.height,
            "failed": int(failed),
            "tokens_trained": int(table["tokens"].sum()),
        }

    return proxies


def _require_room(recipe: Recipe, name: str, shards: Artifact) -> None:
    """Raises ``ConflictError`` where no mixture can be proposed from the search, however it goes:
    the tokens that there are do not allow it."""
    tokens = dict(available(shards.scan("train_index"), ()).iter_rows())
    own = {mixture: each for mixture, each in recipe.mixtures.items() if _reads(each, name)}
    if found := [f"{mixture}: {why}" for mixture, why in without_room(own, recipe.view, tokens)]:
        raise ConflictError("nothing is trained: " + "; ".join(found))


def _reads(mixture: Method, search: str) -> bool:
    return f"swarm/{search}" in mixture.reads.values()


def _repeated(recipe: Recipe, search: MixtureSearch) -> int | None:
    """The tokens of the run whose rate of repetition proxies have, at the recipe's scale."""
    repeat = search.repeat
    if repeat is None or repeat.stage is None:
        return None if repeat is None else repeat.tokens
    return next(run.stage.tokens for run in recipe.runs() if run.name == repeat.stage)


def _fingerprints(given: Given, asked: Iterable[str]) -> Any:
    """Of the benchmarks that are asked: others are no cause."""
    if isinstance(given, Artifact):
        raise TypeError(f"{ITEMS} is partitioned by benchmark")
    return {each: given[each].fingerprint for each in sorted(asked)}


def _items(build: Build, asked: Iterable[str]) -> list[Part]:
    return [part for each in sorted(asked) for part in build.partitions(ITEMS)[each].parts("items")]


def _saved(counts: swarm.Counts | None) -> dict[str, Any]:
    """What was trained and measured, and what was there from before."""
    if counts is None:
        return {}
    told = (
        f"{counts.trained} proxies trained, {counts.trained_before} found; "
        f"{counts.measured} measured, {counts.measured_before} found"
    )
    return {**vars(counts), TOLD: told}


def _metadata(artifact: Artifact) -> Mapping[str, Any]:
    """The losses by target, by mixture too, the stability, and what failed, in the terminal too."""
    from midtrain_dagster.display.style import figure_png

    found = Swarm(artifact)
    heads, rows = report_section.loss_rows(found)
    # The page is narrow: the report has the last column, the mixture of the best, too.
    shown: dict[str, Any] = {"losses": _table(heads[:-1], (row[:-1] for row in rows))}
    drawing = report_section.figure(found, {})
    if drawing is not None:
        shown["losses_by_mixture"] = image(figure_png(drawing))
    stability = artifact.read("stability")
    if stability.height:
        shown["stability"] = _table(*report_section.stability_rows(stability))
    failed = artifact.read("proxies").filter(pl.col("failed").is_not_null())
    if failed.height:
        lines = [f"proxy {row['proxy']}: {row['failed']}" for row in failed.iter_rows(named=True)]
        total = numbers.count(artifact.rows("proxies"))
        shown[LOST] = "\n".join([f"{failed.height} of {total} proxies failed", *lines[:3]])
    return shown


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> dg.MarkdownMetadataValue:
    names = [head.removeprefix("#") for head in heads]
    right = [head.removeprefix("#") for head in heads if head.startswith("#")]
    return markdown_table(names, rows, numbers=right)
