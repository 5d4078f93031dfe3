"""By what the runs of a recipe are found in the UI, and the recipe itself on its jobs' pages."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from midtrain_dagster.core.causes import digest
from midtrain_dagster.recipe import Recipe

RUN = "midtrain/run"
"""The tag of all Dagster runs that one `midtrain run`, or one run of the whole job, has started."""

RECIPE = "midtrain/recipe"
RECIPE_DIGEST = "midtrain/recipe_digest"

REPOSITORY = ".dagster/repository"
"""By this tag a job's page finds its runs. Dagster sets it on those that the UI launches."""

LOCATION = "__repository__@midtrain"
"""Its value: Dagster's name for the one repository of the code location in ``workspace.yaml``."""


def recipe_tags(recipe: Recipe) -> dict[str, str]:
    """The recipe's own tags, and which recipe in which state it is."""
    return {
        **recipe.tags,
        RECIPE: recipe.name,
        RECIPE_DIGEST: digest(recipe.text.encode())[:12],
    }


def recipe_metadata(recipe: Recipe) -> Mapping[str, Any]:
    """The recipe's text, as a job's page shows it."""
    return {"recipe": recipe_text(recipe)}


def recipe_text(recipe: Recipe) -> dg.MarkdownMetadataValue:
    """The document itself as a block of YAML; its fence is longer than any that stands in it."""
    fence = "```"
    while fence in recipe.text:
        fence += "`"
    return dg.MetadataValue.md(f"{fence}yaml\n{recipe.text.rstrip()}\n{fence}")
