"""Ratings: every rater's judgement of every document, and the combinations of several."""

from pathlib import Path
from typing import Any

import dagster as dg

from assets.attributes import AttributeGroup
from assets.curation.raters import is_trained
from assets.graph import fingerprints, inputs, materialized
from assets.models import folder_digests
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import file_digest
from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation.raters import (
    combination,
    embedding_rater,
    fasttext_rater,
    pairwise_rater,
    ratings,
)
from midtrain_dagster.curation.raters.config import (
    CombinationRater,
    EmbeddingRater,
    FastTextRater,
    RaterConfig,
    scales,
)
from midtrain_dagster.recipe import Recipe
from resources.artifacts import ArtifactBuilder

VERSION = (
    ratings.VERSION
    + combination.VERSION
    + fasttext_rater.VERSION
    + embedding_rater.VERSION
    + pairwise_rater.VERSION
)
ByPart = list[list[Part]]
"""Of each part of documents, the parts that one method made of it."""


def ratings_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``ratings``."""
    recipe = use.recipe
    trained = [name for name, rater in recipe.raters.items() if is_trained(rater)]
    combined = _combinations(recipe)
    section = {
        "raters": {name: _asked(rater) for name, rater in recipe.raters.items()},
        "combined": combined,
    }

    @dg.asset(
        name="ratings",
        **use.arguments(VERSION, section),
        ins=inputs(
            recipe,
            documents=use.documents,
            **{f"{name}_rater": f"{name}_rater" for name in trained},
            # A percentile is one of bytes, and the signals know how many a document has.
            **({"signals": use.name("signals")} if combined else {}),
        ),
    )
    def ratings_table(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        documents: Artifact,
        **others: Artifact,
    ) -> dg.Output[Artifact]:
        """What each rater says of each document, a column a rater."""
        raters = {name: each for name, each in others.items() if name != "signals"}
        given = {name: _given(recipe, rater) for name, rater in recipe.raters.items()}

        def build(_: str) -> tuple[list[Part], dict[str, int]]:
            rated: dict[str, ByPart] = {
                name: workshop.parts(
                    context,
                    [
                        _rating(recipe, name, part, raters, given[name])
                        for part in documents.parts("documents")
                    ],
                )
                for name in recipe.raters
                if name not in combined
            }
            if combined:
                rated |= _combine(context, workshop, combined, rated, others["signals"])
            table = workshop.parts(context, _gathering(rated))
            return [part for made in table for part in made], {}

        upstream = {**fingerprints(documents=documents, **raters), "given": given}
        artifact = workshop.store.make("ratings", VERSION, section, upstream, build)
        return materialized(artifact, "ratings")

    return ratings_table


def _combinations(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """The parameters of `combination.combine` for each combination."""
    return {
        name: {
            "scales": scales(rater, recipe.raters),
            **rater.model_dump(include={"take", "weights", "bins"}),
        }
        for name, rater in recipe.raters.items()
        if isinstance(rater, CombinationRater)
    }


def _asked(rater: RaterConfig) -> dict[str, Any]:
    """What of a rater's section says how it rates; the rest is in the model that it trained."""
    if isinstance(rater, FastTextRater):
        return {"method": rater.method, "label": rater.label, "text": rater.text}
    return {"method": rater.method}


def _given(recipe: Recipe, rater: RaterConfig) -> Any:
    """The digests of models that come from outside the graph."""
    if isinstance(rater, FastTextRater):
        return None if rater.given is None else file_digest(Path(recipe.path(rater.given)))
    if isinstance(rater, CombinationRater):
        return None
    return folder_digests(Path(recipe.path(rater.embedding)))


def _rating(recipe: Recipe, name: str, part: Part, raters: dict[str, Artifact], given: Any) -> Work:
    """One rater's unit of work on one part of documents."""
    rater = recipe.raters[name]
    files = {"model": raters[f"{name}_rater"].parts("model")} if is_trained(rater) else {}
    tables = {"documents": [part]}
    if isinstance(rater, FastTextRater):
        return Work(
            "ratings_fasttext",
            fasttext_rater.VERSION,
            fasttext_rater.rate,
            tables=tables,
            files=files,
            parameters={"label": rater.label, "text": rater.text},
            causes=given,
            arguments={} if files else {"model": Path(recipe.path(rater.given or ""))},
        )
    if isinstance(rater, CombinationRater):
        raise TypeError(f"{name} is a combination, which rates no document by itself")
    module = embedding_rater if isinstance(rater, EmbeddingRater) else pairwise_rater
    return Work(
        f"ratings_{rater.method}",
        module.VERSION,
        module.rate,
        tables=tables,
        files=files,
        causes=given,
        arguments={"embedding": Path(recipe.path(rater.embedding))},
    )


def _gathering(rated: dict[str, ByPart]) -> list[Work]:
    """Each part's ratings by several raters as one table."""
    return [
        Work("ratings", ratings.VERSION, ratings.gather, tables=dict(zip(rated, each, strict=True)))
        for each in zip(*rated.values(), strict=True)
    ]


def _combine(
    context: dg.AssetExecutionContext,
    workshop: ArtifactBuilder,
    combined: dict[str, dict[str, Any]],
    rated: dict[str, ByPart],
    signals: Artifact,
) -> dict[str, ByPart]:
    """Every combination on every part: histograms, their sum, and then the percentiles."""
    table = workshop.parts(context, _gathering(rated))
    every = {name: scale for each in combined.values() for name, scale in each["scales"].items()}
    version = combination.VERSION
    histograms = [
        Work(
            "rating_histogram",
            version,
            combination.summarise,
            tables={"ratings": made, "sizes": [sizes]},
            parameters={"scales": every},
        )
        for made, sizes in zip(table, signals.parts("signals"), strict=True)
    ]
    counted = [part for made in workshop.parts(context, histograms) for part in made]
    summed = Work("rating_quantiles", version, combination.quantiles, tables={"histogram": counted})
    (quantiles,) = workshop.parts(context, [summed])
    return {
        name: workshop.parts(
            context,
            [
                Work(
                    "ratings_combination",
                    version,
                    combination.combine,
                    tables={"ratings": made, "quantiles": quantiles},
                    parameters=parameters,
                )
                for made in table
            ],
        )
        for name, parameters in combined.items()
    }
