"""What a recipe's graph has made so far, by name; and what it has not."""

from collections.abc import Iterable, Mapping

import dagster as dg

from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, MissingArtifactError
from resources.artifacts import asset_name, load_materialized

Made = dict[str, Artifact | Mapping[str, Artifact]]


def made_so_far(
    store: ArtifactStore, assets: Iterable[dg.AssetsDefinition], benchmarks: Iterable[str]
) -> tuple[Made, list[str]]:
    """The artifacts that were materialised, and the names of the assets that were not.

    An asset that is partitioned by benchmark is a mapping of those of its partitions that there
    are; the others are named with it, as ``contamination [gsm8k]``.
    """
    made: Made = {}
    missing: list[str] = []
    for spec in (spec for each in assets for spec in each.specs):
        name, keys = asset_name(spec.key), list(benchmarks) if spec.partitions_def else [None]
        found: dict[str | None, Artifact] = {}
        for key in keys:
            try:
                found[key] = load_materialized(store, spec.key.path, key)
            except MissingArtifactError:
                missing.append(f"{name} [{key}]" if key else name)
        if spec.partitions_def:
            made[name] = {key: each for key, each in found.items() if key is not None}
        elif None in found:
            made[name] = found[None]
    return made, missing
