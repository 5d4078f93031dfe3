"""The group of curation assets: what is learnt of documents, and the decision on each.

It is made by a factory: for the collected documents, and with the prefix ``synthesis/NAME`` for the
documents of each synthesis method, which pass the same tests.
"""

import dagster as dg

from assets.attributes import AttributeGroup
from assets.curation.attributes import (
    c4_edits_asset,
    language_asset,
    personal_data_asset,
    signals_asset,
)
from assets.curation.decisions import curated_documents_asset, eligibility_asset, sample_asset
from assets.curation.distributions import distributions_asset
from assets.curation.duplicates import duplicate_assets
from assets.curation.ratings import ratings_asset
from assets.curation.repeated_text import repeated_text_asset
from midtrain_dagster.recipe import Recipe


def curation_assets(
    recipe: Recipe, *, documents: str, prefix: tuple[str, ...]
) -> list[dg.AssetsDefinition]:
    """Attributes, eligibility, duplicates, and the decision table.

    Args:
        documents: the asset of the documents, as a path below the recipe.
        prefix: of the assets' keys, below the recipe's.
    """
    use = AttributeGroup(recipe, documents, prefix)
    assets = [
        signals_asset(use),
        *duplicate_assets(use),
        eligibility_asset(use),
    ]
    if recipe.judges_language:
        assets.append(language_asset(use))
    if recipe.raters:
        assets.append(ratings_asset(use))
    if recipe.personal_data:
        assets.append(personal_data_asset(use, recipe.personal_data))
    if recipe.curation.cutting:
        assets.append(c4_edits_asset(use, recipe.curation.cutting))
    if recipe.repeated_text:
        assets.append(repeated_text_asset(use, recipe.repeated_text))
    if recipe.sampling:
        assets.append(sample_asset(use, recipe.sampling))
    return [*assets, curated_documents_asset(use), distributions_asset(use)]
