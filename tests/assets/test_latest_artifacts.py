from pathlib import Path

import dagster as dg

from assets.latest_artifacts import latest_artifacts
from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.parts import write_output
from resources.artifacts import ArtifactIOManager, ArtifactStoreResource

BENCHMARKS = dg.DynamicPartitionsDefinition(name="small_benchmark")


def asset(name: str, partitions_def: dg.PartitionsDefinition | None = None) -> dg.AssetsDefinition:
    *prefix, last = name.split("/")
    path = ["small", *prefix]

    @dg.asset(name=last, key_prefix=path, partitions_def=partitions_def, io_manager_key="artifacts")
    def made(context: dg.AssetExecutionContext):
        key = context.partition_key if context.has_partition_key else None
        store = ArtifactStoreResource(root=context.run.tags["root"], endpoint=None, region=None)

        def build(fingerprint: str):
            return [write_output(store.storage(), f"parts/{fingerprint}", "bytes", b"made")], {}

        return store.store().make(last, {last: 1}, key, {}, build)

    return made


def test_latest_artifacts_are_found_and_what_is_missing_is_named(tmp_path: Path) -> None:
    assets = [asset("documents"), asset("synthesis/qa/signals"), asset("scan", BENCHMARKS)]
    artifacts = ArtifactStoreResource(root=str(tmp_path), endpoint=None, region=None)
    instance = dg.DagsterInstance.ephemeral()
    instance.add_dynamic_partitions("small_benchmark", ["a", "b"])

    def look() -> tuple[set[str], list[str], list[str]]:
        found, missing = latest_artifacts(ArtifactStore(artifacts.storage()), assets, ["a", "b"])
        scans = found["scan"]
        assert isinstance(scans, dict)
        return set(found), sorted(scans), missing

    everything = ["documents", "synthesis/qa/signals", "scan [a]", "scan [b]"]
    assert look() == ({"scan"}, [], everything)
    for each, key in ((assets[0], None), (assets[2], "b")):
        dg.materialize(
            [each],
            partition_key=key,
            instance=instance,
            resources={"artifacts": ArtifactIOManager(artifacts=artifacts)},
            tags={"root": str(tmp_path)},
        )
    assert look() == ({"documents", "scan"}, ["b"], ["synthesis/qa/signals", "scan [a]"])
