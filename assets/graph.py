"""What every asset of the graph has in common: its key, its causes, and what the UI shows of it.

Each recipe has its own graph under a key prefix of its name. An asset's ``code_version`` is its
method's version and a hash of its section of the recipe, so that Dagster's staleness is true.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.causes import canonical, cause
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.report.data import Check

IO_MANAGER = "artifact_io_manager"
Metadata = Mapping[str, dg.MetadataValue | str | int | float]


def benchmark_partitions(recipe: Recipe) -> dg.DynamicPartitionsDefinition:
    """The recipe's benchmarks, one key each: the one dynamic partition set of its graph."""
    return dg.DynamicPartitionsDefinition(name=f"{recipe.name}_benchmark")


def asset_arguments(
    recipe: Recipe,
    group: str,
    *,
    version: int,
    section: Any,
    kinds: Iterable[str],
    prefix: Iterable[str] = (),
    by_benchmark: bool = False,
) -> dict[str, Any]:
    """The arguments of ``@dg.asset`` that follow from the recipe."""
    return {
        "key_prefix": [recipe.name, *prefix],
        "group_name": group,
        "kinds": set(kinds),
        "code_version": f"{version}-{cause(canonical(section))[:12]}",
        "io_manager_key": IO_MANAGER,
        "partitions_def": benchmark_partitions(recipe) if by_benchmark else None,
    }


def inputs(recipe: Recipe, **names: str) -> dict[str, dg.AssetIn]:
    """The inputs of an asset: parameter name to the upstream's name (``/`` between its parts)."""
    return {
        parameter: dg.AssetIn(key=[recipe.name, *name.split("/")])
        for parameter, name in names.items()
    }


def fingerprints(**artifacts: Artifact | Mapping[str, Artifact]) -> dict[str, Any]:
    """The upstream causes of an artifact: name to fingerprint, or to key to fingerprint."""
    return {
        name: {key: each.fingerprint for key, each in sorted(artifact.items())}
        if isinstance(artifact, Mapping)
        else artifact.fingerprint
        for name, artifact in artifacts.items()
    }


def materialized(
    artifact: Artifact, table: str | None = None, **metadata: Any
) -> dg.Output[Artifact]:
    """An asset's output: the handle, its fingerprint as data version, and what the UI shows.

    ``table`` is the one whose rows count as the asset's rows.
    """
    parts = artifact.manifest.parts
    shown: dict[str, Any] = {
        "fingerprint": artifact.fingerprint,
        "parts": len(parts),
        "bytes": artifact.bytes,
        **{key: value for key, value in artifact.manifest.figures.items() if value is not None},
        **metadata,
    }
    if parts:
        folder = parts[0].path.rsplit("/", 1)[0]
        shown["uri"] = dg.MetadataValue.path(artifact.storage.uri(folder))
    if table:
        shown["dagster/row_count"] = artifact.rows(table)
    if artifact.tokens:
        shown["tokens"] = artifact.tokens
    return dg.Output(artifact, metadata=shown, data_version=dg.DataVersion(artifact.fingerprint))


def require_benchmarks(recipe: Recipe, given: Mapping[str, Artifact]) -> dict[str, Artifact]:
    """A fan-in's artifacts in the recipe's order of benchmarks.

    Raises :class:`KeyError`, naming the recipe's benchmarks that no artifact came for.
    """
    lacking = [name for name in recipe.benchmarks if name not in given]
    if lacking:
        raise KeyError(f"no artifact for the benchmarks {', '.join(lacking)}; run their partitions")
    return {name: given[name] for name in recipe.benchmarks}


def image(png: bytes) -> dg.MarkdownMetadataValue:
    """A plot as the UI shows it: a picture inside Markdown."""
    from base64 import b64encode

    return dg.MetadataValue.md(f"![plot](data:image/png;base64,{b64encode(png).decode()})")


def check_result(key: dg.AssetKey, check: Check) -> dg.AssetCheckResult:
    """A promise as Dagster shows it: a warning when it is not kept, never an error."""
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=check.name,
        passed=check.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=check.detail,
    )
