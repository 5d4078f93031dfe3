"""One way to open whatever a path or URI names."""

from pathlib import Path

import pytest
from pyarrow.fs import FileType, LocalFileSystem, S3FileSystem

from midtrain_dagster.core.filesystem import filesystem_of


@pytest.mark.parametrize("form", ["{}", "file://{}", "{}/"])
def test_filesystem_of_a_folder(tmp_path: Path, form: str) -> None:
    files, path = filesystem_of(form.format(tmp_path))
    assert isinstance(files, LocalFileSystem)
    assert path == str(tmp_path)


def test_filesystem_of_a_relative_path_is_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert filesystem_of(Path("a"))[1] == str(tmp_path / "a")


def test_filesystem_of_a_bucket_by_option_and_by_environment(
    s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = "s3://midtrain/some/folder"
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    files, path = filesystem_of(uri, endpoint=s3_endpoint, region="us-east-1")
    assert isinstance(files, S3FileSystem)
    assert path == "midtrain/some/folder"
    with files.open_output_stream(f"{path}/file") as stream:
        stream.write(b"otters")
    assert filesystem_of(uri, endpoint=s3_endpoint, region="us-east-1")[0] is files
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    found, path = filesystem_of(f"{uri}/file")
    assert found.get_file_info(path).type == FileType.File
