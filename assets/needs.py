"""What of a store the recipes on it need: what assets point to, and what a plan would find."""

from collections.abc import Sequence

import dagster as dg

from assets.plan import Planner
from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.refresh.record import compared
from resources.artifacts import POINTERS, pointed_to


def current_artifacts(
    store: ArtifactStore, recipe: Recipe, assets: Sequence[dg.AssetsDefinition]
) -> set[tuple[str, str]]:
    """Method and fingerprint of each artifact that is current: of the recipe those of the assets
    that it has, and those that its next run would find; of other recipes all that they point to.
    """
    found = {
        (step.artifact.manifest.method, step.artifact.fingerprint)
        for step in Planner(store, assets).plan().having("reuse")
    }
    known = {"/".join(spec.key.path) for each in assets for spec in each.specs}
    for path in store.storage.list(POINTERS):
        asset = path.removeprefix(f"{POINTERS}/").rpartition("/")[0]
        if not asset.startswith(f"{recipe.name}/") or asset in known:
            found.add(pointed_to(store.storage, path))
    return found | compared(store.storage)
