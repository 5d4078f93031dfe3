"""Artifacts between assets of real Dagster runs, on a folder and on an S3 server."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, MissingArtifactError, Part
from midtrain_dagster.core.parts import write_output
from resources.artifacts import (
    KEYS,
    ArtifactIOManager,
    ArtifactStoreResource,
    asset_name,
    load_materialized,
    pointer_path,
    require_key,
)

LETTERS = dg.DynamicPartitionsDefinition(name="letters")


def make(store: ArtifactStore, numbers: Sequence[int]) -> Artifact:
    def build(fingerprint_: str) -> tuple[list[Part], dict[str, int]]:
        table = pl.DataFrame({"n": list(numbers)})
        return [write_output(store.storage, f"parts/test/{fingerprint_}", "numbers", table)], {}

    return store.make("test", {"test": 1}, list(numbers), {}, build)


@dg.asset(io_manager_key="io", key_prefix="r")
def one(artifacts: ArtifactStoreResource) -> Artifact:
    return make(artifacts.store(), [1, 2, 3])


@dg.asset(io_manager_key="io", key_prefix="r", partitions_def=LETTERS)
def each(context: dg.AssetExecutionContext, artifacts: ArtifactStoreResource) -> Artifact:
    return make(artifacts.store(), [ord(context.partition_key)])


@dg.asset(partitions_def=LETTERS, ins={"each": dg.AssetIn(["r", "each"])}, key_prefix="r")
def beside(context: dg.AssetExecutionContext, each: Artifact) -> None:
    assert each.read("numbers")["n"].to_list() == [ord(context.partition_key)]


@dg.asset(ins={"one": dg.AssetIn(["r", "one"])}, key_prefix="r")
def plain(context: dg.AssetExecutionContext, one: Artifact) -> None:
    context.log.info(f"plain got {one.read('numbers')['n'].to_list()}")


KNOWN = {KEYS: ["b", "a"]}


@dg.asset(ins={"each": dg.AssetIn(["r", "each"], metadata=KNOWN)}, key_prefix="r")
def fan_in_of_known(each: dict[str, Artifact]) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"keys": ",".join(each)})


@dg.asset(
    ins={"each": dg.AssetIn(["r", "each"], metadata=KNOWN)}, key_prefix="r", partitions_def=LETTERS
)
def beside_known(each: Artifact) -> None: ...


@dg.asset(ins={"each": dg.AssetIn(["r", "each"])}, key_prefix="r")
def fan_in(each: dict[str, Artifact]) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"keys": ",".join(sorted(each))})


@pytest.fixture(params=["folder", "s3"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStoreResource:
    if request.param == "folder":
        return ArtifactStoreResource(root=str(tmp_path / "store"), endpoint=None, region=None)
    endpoint = request.getfixturevalue("s3_endpoint")
    root = f"s3://midtrain/{tmp_path.name}"
    return ArtifactStoreResource(root=root, endpoint=endpoint, region="us-east-1")


@pytest.fixture
def instance(tmp_path: Path):
    with dg.DagsterInstance.ephemeral(str(tmp_path)) as made:
        yield made


def materialize(
    artifacts: ArtifactStoreResource,
    instance: dg.DagsterInstance,
    *assets: dg.AssetsDefinition,
    **options: object,
) -> dg.ExecuteInProcessResult:
    """Run some of the assets, the others being upstream but not made."""
    every = [one, each, beside, plain, fan_in, fan_in_of_known, beside_known]
    return dg.materialize(
        every,
        selection=list(assets),
        instance=instance,
        resources={"artifacts": artifacts, "io": ArtifactIOManager(artifacts=artifacts)},
        **options,  # type: ignore[arg-type]
    )


def register(instance: dg.DagsterInstance, *keys: str) -> None:
    instance.add_dynamic_partitions("letters", list(keys))


def test_io_manager_hands_an_artifact_over_as_a_handle(artifacts, instance) -> None:
    materialize(artifacts, instance, one)
    assert materialize(artifacts, instance, plain).success
    loaded = load_materialized(artifacts.store(), ["r", "one"])
    assert loaded.read("numbers")["n"].to_list() == [1, 2, 3]


def test_io_manager_gives_a_partition_its_own_and_a_fan_in_all(artifacts, instance) -> None:
    register(instance, "a", "b")
    for key in ("a", "b"):
        materialize(artifacts, instance, each, beside, partition_key=key)
    result = materialize(artifacts, instance, fan_in)
    (event,) = result.asset_materializations_for_node("r__fan_in")
    assert event.metadata["keys"].value == "a,b"


def test_io_manager_names_what_was_never_made(artifacts, instance) -> None:
    with pytest.raises(MissingArtifactError, match="r/one has not been materialised"):
        materialize(artifacts, instance, plain)


def test_io_manager_names_asset_and_key_that_a_fan_in_lacks(artifacts, instance) -> None:
    register(instance, "a", "b")
    materialize(artifacts, instance, each, partition_key="a")
    with pytest.raises(MissingArtifactError, match=r"r/each \[b\] has not been materialised"):
        materialize(artifacts, instance, fan_in)


def test_io_manager_gives_a_fan_in_its_recipe_s_keys_whoever_added_others(
    artifacts, instance
) -> None:
    """A partition that was added in the UI and never made would make the fan-in fail for ever."""
    register(instance, "a", "b", "of a stranger")
    for key in ("a", "b"):
        materialize(artifacts, instance, each, partition_key=key)
    result = materialize(artifacts, instance, fan_in_of_known)
    (event,) = result.asset_materializations_for_node("r__fan_in_of_known")
    assert event.metadata["keys"].value == "b,a"


def test_partition_that_the_recipe_lacks_says_what_to_add_to_it(artifacts, instance) -> None:
    register(instance, "of_a_stranger")
    with pytest.raises(dg.Failure, match=r"benchmarks:\n  of_a_stranger:\n    paths: \[") as told:
        materialize(artifacts, instance, beside_known, partition_key="of_a_stranger")
    assert not told.value.allow_retries
    require_key("a", ["a"])


def test_io_manager_refuses_a_fan_in_over_no_keys(artifacts, instance) -> None:
    with pytest.raises(MissingArtifactError, match="r/each has no partition at all"):
        materialize(artifacts, instance, fan_in)


def test_io_manager_refuses_an_artifact_that_lost_a_part(artifacts, instance) -> None:
    materialize(artifacts, instance, one)
    store = artifacts.store()
    (part,) = load_materialized(store, ["r", "one"]).parts("numbers")
    store.storage.write(part.path, b"cut")
    with pytest.raises(MissingArtifactError, match="r/one: the store lacks its manifest or a part"):
        materialize(artifacts, instance, plain)


def test_io_manager_refuses_to_point_at_what_was_never_written(artifacts, instance) -> None:
    @dg.asset(io_manager_key="io", key_prefix="r")
    def liar() -> Artifact:
        artifact = make(artifacts.store(), [1])
        (part,) = artifact.parts("numbers")
        artifacts.storage().write(part.path, b"")
        return artifact

    with pytest.raises(MissingArtifactError, match="never written"):
        dg.materialize(
            [liar], instance=instance, resources={"io": ArtifactIOManager(artifacts=artifacts)}
        )
    assert artifacts.storage().size(pointer_path(["r", "liar"], None)) is None


def test_store_of_a_relative_root_is_one_folder_wherever_a_process_stands(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    storage = ArtifactStoreResource(root="store", endpoint=None, region=None).storage()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    storage.write("x", b"1")
    assert (tmp_path / "store" / "x").read_bytes() == b"1"


def test_store_lies_where_the_environment_says(monkeypatch) -> None:
    monkeypatch.setenv("MIDTRAIN_ROOT", "s3://bucket/prefix")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    storage = ArtifactStoreResource().storage()
    assert storage.root == "s3://bucket/prefix"
    assert (storage.endpoint, storage.region) == ("http://127.0.0.1:9000", "eu-west-1")


def test_asset_names_are_as_a_person_reads_them() -> None:
    key = dg.AssetKey(["tiny", "checkpoint", "annealed", "control"])
    assert asset_name(key) == "checkpoint/annealed/control"
    assert pointer_path(["tiny", "documents"], None) == "materialized/tiny/documents/_.json"
