"""One way to open whatever a path or URI names."""

import time
from pathlib import Path

import pytest
from pyarrow.fs import FileType, LocalFileSystem, S3FileSystem

from midtrain_dagster.core.filesystem import AccessError, filesystem_of, looked_at


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


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("https://example.com/a", "URLs are not read; fetch it first (`curl --location"),
        ("foo://a/b", "foo:// is not read; a folder, a file, s3://, gs://, az://"),
        ("az://a/b", "no storage account is named: set AZURE_STORAGE_ACCOUNT_NAME"),
    ],
)
def test_what_is_not_read_says_what_to_do(
    uri: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(AccessError) as raised:
        filesystem_of(uri)
    assert words in str(raised.value)


def test_a_look_is_told_in_one_line_where_the_store_fails_or_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    def fail(*_: object) -> None:
        raise OSError("When asking: AWS Error: during HeadBucket operation: not today\nmore")

    with pytest.raises(AccessError, match=r"^s3://a/b: not today: set AWS_ACCESS_KEY_ID [^\n]*$"):
        looked_at("s3://a/b", fail)
    with pytest.raises(AccessError, match=r"^s3://a/b: no answer within 0.05 s: set AWS_ACC"):
        looked_at("s3://a/b", lambda *_: time.sleep(1), seconds=0.05)


def test_a_look_gives_what_it_sees(tmp_path: Path) -> None:
    assert looked_at(str(tmp_path), lambda _, path: path) == str(tmp_path)
    with pytest.raises(OSError, match="not today"):
        looked_at(str(tmp_path), lambda *_: (_ for _ in ()).throw(OSError("not today")))
