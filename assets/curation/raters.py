"""Raters: models of quality, trained in the graph from sources, labels or judged pairs.

What a rater is trained on and how is the method's affair (`raters.method`); this module knows none
by name.
"""

from typing import Any

import dagster as dg
import polars as pl

from assets.build import Build, Built, artifact_asset
from assets.declaration import Given, Input
from midtrain_dagster.core import progress
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.parts import read_table
from midtrain_dagster.curation.raters.method import METRICS, Method, Training, versions
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.recipe import Recipe
from resources.generator import retries


def rater_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """An asset ``rater/NAME`` for each rater that is trained, once, and used on every document."""
    return [
        _rater(recipe, name, rater) for name, rater in recipe.raters.items() if rater.is_trained
    ]


def _rater(recipe: Recipe, name: str, rater: Method) -> dg.AssetsDefinition:
    def learnt_from(documents: Given) -> Any:
        assert isinstance(documents, Artifact)
        return rater.training_cause(documents)

    @artifact_asset(
        recipe,
        f"rater/{name}",
        group="curation",
        versions=versions(rater),
        method="rater",
        section=rater,
        inputs={"documents": Input("documents", cause=learnt_from)},
        external=lambda _: rater.training_digests(recipe.path),
        metadata=_metrics,
        kinds=rater.KINDS,
        description=type(rater).__doc__,
        retry=retries(rater.judge_generator) if rater.judge_generator else None,
    )
    def trained(build: Build) -> Built:
        def ask(request: Request, prompts: list[str]) -> list[str]:
            return _ask(recipe, build, name, request, prompts)

        return rater.train_model(
            Training(
                documents=build["documents"].parts("documents"),
                digests=build.external,
                find=recipe.path,
                run=build.by_work,
                read=lambda part: read_table(build.store.storage, part),
                write=build.write,
                ask=ask,
            )
        )

    return trained


def _ask(
    recipe: Recipe, build: Build, name: str, request: Request, prompts: list[str]
) -> list[str]:
    """The text generator's completions, in the order of the prompts."""

    def on_prompt(done: int, total: int) -> None:
        progress.report(f"rater/{name}", done, total, "prompts")

    asked = pl.DataFrame({"prompt": prompts})
    folder = request.generator.folder(recipe.path)
    completed = build.text_generator.complete(asked, request, folder, on_prompt)
    return completed["completion"].to_list()


def _metrics(artifact: Artifact) -> dict[str, Any]:
    """The figures worth showing; one that could not be measured is left out."""
    metrics = artifact.read(METRICS).drop_nulls("value")
    return dict(metrics.select("name", "value").iter_rows())
