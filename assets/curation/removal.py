"""The gates of removal: no source may lose more of its documents than its ceiling allows.

Steps only ever remove more, so the first that shows too much removed stops the run, before raters,
benchmarks and duplicates cost anything.
"""

from typing import Literal

import polars as pl

from assets.attributes import AttributeGroup
from assets.build import Build
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.curation.eligibility import judged_by
from midtrain_dagster.curation.removal import (
    check_removal,
    examples_of,
    reasons_so_far,
    removal_by_source,
)
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import field_in_file


def check_removal_ceilings(
    recipe: Recipe,
    documents: Artifact,
    counted: pl.DataFrame,
    decided: pl.LazyFrame,
    *,
    so_far: bool = False,
) -> None:
    """Raise if a source loses more than its ceiling, listing all of those.

    ``counted`` are its documents by reason (``removal.REASONS``), ``decided`` says of each document
    (id, reason) why it goes; texts of ``documents`` are read only where a source is over.

    Raises :class:`midtrain_dagster.curation.removal.RemovalCeilingError`.
    """
    policy, removal = recipe.curation, removal_by_source(counted)
    check_removal(
        removal,
        {source: policy.ceiling_of(source) for source in removal["source"]},
        examples=examples_of(documents.scan("documents"), decided),
        place=lambda location: field_in_file(recipe, location),
        so_far=so_far,
    )


def check_removal_so_far(recipe: Recipe, documents: Artifact, judged: pl.LazyFrame) -> None:
    """The same where documents are ``judged`` (id, source, reason or null) by some steps only."""
    check_removal_ceilings(recipe, documents, reasons_so_far(judged), judged, so_far=True)


def check_removal_by(
    use: AttributeGroup, build: Build, step: Literal["language", "signals"], table: Artifact
) -> None:
    """The same of what one attribute alone says against the documents."""
    documents = build["documents"]
    judged = judged_by(
        step, documents.scan("documents"), table.scan(step), policy=use.recipe.curation
    )
    check_removal_so_far(use.recipe, documents, judged)
