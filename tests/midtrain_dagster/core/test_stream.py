import gzip
import io
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.source_file import local_file
from midtrain_dagster.core.stream import BrokenStream, open_stream

LINES = b"".join(b"line %d of some text\n" % number for number in range(5000))


def compressed(suffix: str, data: bytes) -> bytes:
    return gzip.compress(data) if suffix == "gz" else zstandard.compress(data)


def lines_before_break(path: Path) -> tuple[list[bytes], str]:
    lines: list[bytes] = []
    with open_stream(local_file(path.name, path)) as stream:
        try:
            while line := stream.readline():
                lines.append(line)
        except BrokenStream as error:
            return lines, str(error)
    return lines, ""


@pytest.mark.parametrize("suffix", ["gz", "zst", "txt"])
def test_whole(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(LINES if suffix == "txt" else compressed(suffix, LINES))
    assert lines_before_break(path) == (LINES.splitlines(keepends=True), "")


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_nothing_compressed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    for data in (b"", compressed(suffix, b"")):
        path.write_bytes(data)
        assert lines_before_break(path) == ([], "")


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_truncated_keeps_what_came_before(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    data = compressed(suffix, LINES) + compressed(suffix, LINES)
    path.write_bytes(data[:-5])
    lines, error = lines_before_break(path)
    assert "ends in the middle" in error
    assert len(lines) >= 5000
    assert b"".join(lines) == (LINES + LINES)[: sum(map(len, lines))]


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_corrupt(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(compressed(suffix, LINES) + b"this is no member")
    lines, error = lines_before_break(path)
    assert "corrupt" in error
    assert b"".join(lines) == LINES


def test_gzip_padding(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(LINES) + bytes(100_000))
    assert lines_before_break(path) == (LINES.splitlines(keepends=True), "")


@settings(max_examples=25, deadline=None)
@given(
    members=st.lists(st.binary(max_size=40_000), max_size=4),
    suffix=st.sampled_from(["gz", "zst"]),
    size=st.integers(1, 50_000),
)
def test_any_members_any_read_size(
    tmp_path_factory: pytest.TempPathFactory, members: list[bytes], suffix: str, size: int
) -> None:
    path = tmp_path_factory.mktemp("stream") / f"a.{suffix}"
    path.write_bytes(b"".join(compressed(suffix, member) for member in members))
    sink = io.BytesIO()
    with open_stream(local_file(path.name, path)) as stream:
        while block := stream.read(size):
            sink.write(block)
    assert sink.getvalue() == b"".join(members)
