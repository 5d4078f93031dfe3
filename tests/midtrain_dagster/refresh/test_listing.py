"""A listing tells new, changed and gone files apart; one that failed is no empty one."""

import os
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from midtrain_dagster.collection.source import Source
from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.refresh.listing import Listing, difference, listed, write_listing


def source(*paths: str) -> Source:
    fields = {"reader": "text", "domain": "web", "kind": "prose", "paths": list(paths)}
    return TypeAdapter(Source).validate_python(fields)


def look(folder: Path) -> Listing:
    (found,) = listed({"notes": source("notes")}, folder)
    return found


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.txt").write_text(f"{name} is a letter")
    return folder


def test_files_are_told_as_new_changed_and_gone(
    notes: Path, tmp_path: Path, store: ArtifactStore
) -> None:
    before = look(tmp_path)
    assert difference(store.storage, "r", before, None) == "notes: 3 files"
    write_listing(store.storage, "r", before)
    assert look(tmp_path) == before
    (notes / "a.txt").unlink()
    (notes / "b.txt").write_text("b is a sign!")  # as long as it was
    (notes / "d.txt").write_text("new")
    after = look(tmp_path)
    assert after.digest != before.digest
    said = difference(store.storage, "r", after, before.digest)
    assert said == "notes: 1 new, 1 changed, 1 gone"
    write_listing(store.storage, "r", after)
    assert len(store.storage.list("listings")) == 1


def test_file_that_is_only_written_again_is_a_change(notes: Path, tmp_path: Path) -> None:
    before = look(tmp_path)
    status = (notes / "a.txt").stat()
    os.utime(notes / "a.txt", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert look(tmp_path).digest != before.digest


def test_what_cannot_be_listed_is_unknown(notes: Path, tmp_path: Path) -> None:
    notes.rename(tmp_path / "elsewhere")
    gone = look(tmp_path)
    assert gone.files == () and gone.fault.count("\n") == 0
    assert "notes does not exist" in gone.fault and "'notes'" in gone.fault


def test_listing_of_an_object_store(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="watched")
    client.put_object(Bucket="watched", Key="in/a.txt", Body=b"one")
    sources = {"there": source("s3://watched/in"), "away": source("s3://no-such-bucket/in")}
    there, away = listed(sources, ".")
    assert [(file.name, file.bytes) for file in there.files] == [("a.txt", 3)]
    assert there.files[0].stamp.isdigit()
    assert "no bucket" in away.fault
    client.put_object(Bucket="watched", Key="in/a.txt", Body=b"three")
    again, _ = listed(sources, ".")
    assert again.digest != there.digest
