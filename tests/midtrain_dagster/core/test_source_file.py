from hashlib import blake2b
from pathlib import Path

import pytest

from midtrain_dagster.core.source_file import SourceFile, local_file


def test_a_local_file_is_known_by_its_content(tmp_path: Path) -> None:
    data = b"otters\n" * 1000
    (tmp_path / "a.txt").write_bytes(data)
    file = local_file("a.txt", tmp_path / "a.txt")
    assert file.cause == {
        "name": "a.txt",
        "bytes": len(data),
        "digest": blake2b(data, digest_size=16).hexdigest(),
    }
    with file.open() as handle:
        assert handle.read() == data
    file.raise_if_storage_fails()


def test_a_file_that_is_gone_stops_the_run(tmp_path: Path) -> None:
    file = SourceFile(name="a", uri=str(tmp_path / "a"), bytes=1, digest="")
    with pytest.raises(FileNotFoundError, match="a"):
        file.raise_if_storage_fails()
