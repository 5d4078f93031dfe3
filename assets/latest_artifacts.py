"""The artifacts that a recipe's graph has at present, by name; and the assets that have none."""

from collections.abc import Iterable, Mapping

import dagster as dg

from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, MissingArtifactError
from resources.artifacts import asset_name, load_materialized

Latest = dict[str, Artifact | Mapping[str, Artifact]]


def latest_artifacts(
    store: ArtifactStore, assets: Iterable[dg.AssetsDefinition], benchmarks: Iterable[str]
) -> tuple[Latest, list[str]]:
    """The artifacts that were materialised last, and the names of the assets that never were.

    An asset that is partitioned by benchmark is a mapping of those of its partitions that there
    are; the others are named with it, as ``contamination [gsm8k]``.
    """
    latest: Latest = {}
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
            latest[name] = {key: each for key, each in found.items() if key is not None}
        elif None in found:
            latest[name] = found[None]
    return latest, missing
