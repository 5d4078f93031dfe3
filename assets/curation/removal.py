"""The gate of removal: no source may lose more of its documents than its ceiling allows."""

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.curation.removal import check_removal, examples_of, removal_by_source
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
