from collections.abc import Mapping, Sequence

import polars as pl
import pyarrow as pa
import pytest

from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, MissingArtifactError, Part
from midtrain_dagster.core.in_place import InPlace
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.core.reference import Reference, digest_of
from midtrain_dagster.core.schema import DOCUMENTS


class Builder:
    """Builds a small artifact and counts how often it had to."""

    def __init__(self, store: ArtifactStore, rows: int = 3) -> None:
        self.store, self.rows, self.calls = store, rows, 0

    def __call__(self, fingerprint: str) -> tuple[Sequence[Part], Mapping[str, int]]:
        self.calls += 1
        table = pl.DataFrame({"n": list(range(self.rows))})
        part = write_output(self.store.storage, f"parts/test/{fingerprint}", "numbers", table)
        return [part], {"rows": self.rows}


def make(store: ArtifactStore, builder: Builder, section: object = None) -> Artifact:
    return store.make("test", {"test": 1}, section, {"upstream": "abc"}, builder)


def test_an_artifact_is_made_once(store: ArtifactStore) -> None:
    builder = Builder(store)
    first, second = make(store, builder), make(store, builder)
    assert builder.calls == 1
    assert first == second
    assert second.read("numbers")["n"].to_list() == [0, 1, 2]
    assert second.rows("numbers") == 3


def test_section_version_and_upstream_are_causes(store: ArtifactStore) -> None:
    builder = Builder(store)
    prints = {
        store.make("test", {"test": version}, section, {"upstream": upstream}, builder).fingerprint
        for version in (1, 2)
        for section in ("a", "b")
        for upstream in ("x", "y")
    }
    assert len(prints) == builder.calls == 8


def test_versions_of_two_branches_never_meet_in_one_fingerprint(store: ArtifactStore) -> None:
    """As a sum, {a: 2, b: 1} and {a: 1, b: 2} would be the same artifact."""
    builder = Builder(store)
    for versions in ({"a": 2, "b": 1}, {"a": 1, "b": 2}):
        store.make("test", versions, None, {}, builder)
    assert builder.calls == 2


def test_without_its_manifest_an_artifact_is_not_there(store: ArtifactStore) -> None:
    builder = Builder(store)

    def dies(fingerprint: str) -> tuple[Sequence[Part], Mapping[str, int]]:
        builder(fingerprint)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.make("test", {"test": 1}, None, {"upstream": "abc"}, dies)
    make(store, builder)
    assert builder.calls == 2


def test_an_artifact_that_lost_a_part_is_made_again(store: ArtifactStore) -> None:
    builder = Builder(store)
    artifact = make(store, builder)
    (part,) = artifact.parts("numbers")
    store.storage.write(part.path, b"cut")
    assert make(store, builder).read("numbers").height == 3
    assert builder.calls == 2


def test_an_artifact_whose_text_is_lost_is_made_again(store: ArtifactStore, tmp_path) -> None:
    source = tmp_path / "a.parquet"
    table = pl.DataFrame({name: ["one", "two"] for name in DOCUMENTS}, schema=DOCUMENTS)
    table.write_parquet(source)
    calls = []

    def build(fingerprint: str) -> tuple[Sequence[Part], Mapping[str, int]]:
        calls.append(fingerprint)
        texts = table["text"].to_arrow().cast(pa.large_string())
        reference = Reference(
            uri=str(source),
            bytes=source.stat().st_size,
            column="text",
            start=0,
            rows=2,
            digest=digest_of(texts),
        )
        output = InPlace(table, (reference,))
        return [write_output(store.storage, f"parts/test/{fingerprint}", "documents", output)], {}

    artifact = store.make("test", {"test": 1}, None, {}, build)
    assert artifact.read("documents").equals(table)
    assert artifact.scan("documents").select("text").collect()["text"].to_list() == ["one", "two"]
    source.rename(tmp_path / "b.parquet")
    with pytest.raises(MissingArtifactError, match=r"a\.parquet is gone .* restore the file"):
        artifact.scan("documents")
    assert store.find("test", artifact.fingerprint) is None
    source = tmp_path / "b.parquet"
    again = store.make("test", {"test": 1}, None, {}, build)
    assert len(calls) == 2
    assert again.fingerprint == artifact.fingerprint
    assert again.read("documents").equals(table)


def test_the_store_can_move(store: ArtifactStore, tmp_path) -> None:
    import shutil

    from midtrain_dagster.core.storage import Storage

    builder = Builder(store)
    before = make(store, builder)
    shutil.move(store.storage.root, tmp_path / "elsewhere")
    moved = ArtifactStore(Storage(root=str(tmp_path / "elsewhere")))
    after = make(moved, builder)
    assert builder.calls == 1
    assert after.fingerprint == before.fingerprint
    assert after.read("numbers").height == 3


def test_no_such_table(store: ArtifactStore) -> None:
    with pytest.raises(KeyError, match="letters"):
        make(store, Builder(store)).parts("letters")
