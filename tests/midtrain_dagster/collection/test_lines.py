import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.collection.lines import Lines, file_lines
from midtrain_dagster.collection.record import Rejection
from midtrain_dagster.core.source_file import SourceFile

PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
TEXTS = [f"document {number}, and {number * number} of it" for number in range(100)]
LINES = [json.dumps({"text": text}).encode() + b"\n" for text in TEXTS]


def with_a_bad_third(members: list[bytes], suffix: str) -> bytes:
    packed = [PACKED[suffix](member) for member in members]
    middle = len(packed[2]) // 2
    packed[2] = packed[2][:middle] + bytes([packed[2][middle] ^ 16]) + packed[2][middle + 1 :]
    return b"".join(packed)


@pytest.mark.parametrize("suffix", PACKED)
def test_a_damaged_member_costs_its_lines(
    tmp_path: Path, collect: Callable[..., Any], suffix: str
) -> None:
    members = [b"".join(LINES[first : first + 10]) for first in range(0, 100, 10)]
    name = f"a.jsonl{suffix}"
    (tmp_path / name).write_bytes(with_a_bad_third(members, suffix))
    collected = collect(reader="json_lines", paths=[name])
    assert collected.documents["text"].to_list() == TEXTS[:20] + TEXTS[30:]
    (detail,) = collected.rejections["detail"]
    assert collected.rejections["reason"].item() == "damaged_data"
    assert detail.startswith("about 10 lines in ")


@pytest.mark.parametrize("suffix", PACKED)
def test_halves_of_two_lines_never_become_one(
    tmp_path: Path, collect: Callable[..., Any], suffix: str
) -> None:
    data = b"".join(LINES)
    for size in range(len(data) // 10, len(data) // 10 + 40, 3):
        members = [data[start : start + size] for start in range(0, len(data), size)]
        name = f"a.jsonl{suffix}"
        (tmp_path / name).write_bytes(with_a_bad_third(members, suffix))
        collected = collect(reader="json_lines", paths=[name])
        whole_before = data[: 2 * size].count(b"\n")
        behind = data[3 * size - 1 :].split(b"\n", 1)[1].count(b"\n")
        assert collected.documents["text"].to_list() == TEXTS[:whole_before] + TEXTS[-behind:]
        assert set(collected.rejections["reason"]) <= {"damaged_data", "broken_stream"}


def test_lines_of_a_file_of_one_damaged_member_are_marked(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    packed = gzip.compress(b"".join(LINES))
    (tmp_path / "a.jsonl.gz").write_bytes(packed[:-8] + b"\0\0\0\0" + packed[-4:])
    collected = collect(reader="json_lines", paths=["a.jsonl.gz"])
    assert collected.documents["text"].to_list() == TEXTS
    assert all(
        "checksum" in json.loads(row)["unverified"] for row in collected.documents["metadata"]
    )
    assert collected.reasons == {"a.jsonl.gz": "broken_stream"}


@given(
    data=st.lists(st.sampled_from([b"\n", b"a", b"\r", b"line of it"]), max_size=60).map(b"".join),
    longest=st.integers(1, 30),
)
def test_lines_are_those_of_readline(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, longest: int
) -> None:
    path = tmp_path_factory.mktemp("lines") / "a"
    path.write_bytes(data)
    file = SourceFile(name="a", uri=str(path), bytes=len(data), digest="")
    lines: list[bytes] = []
    starts: list[int] = []
    for found in file_lines(file, None, longest):
        if isinstance(found, Rejection):
            lines.append(b"")
            starts.append(int(found.detail.rpartition(" ")[2]))
            assert found.locator == f"a:{len(lines)}"
        else:
            assert isinstance(found, Lines)
            assert found.number == len(lines) + 1
            starts.append(found.start)
            starts += [
                found.start + sum(map(len, found.lines[:n])) for n in range(1, len(found.lines))
            ]
            lines += found.lines
    expected = data.splitlines(keepends=True) if b"\r" not in data else data.split(b"\n")
    if b"\r" in data:
        expected = [each + b"\n" for each in expected[:-1]] + [expected[-1]] * bool(expected[-1])
    assert lines == [each if len(each) <= longest else b"" for each in expected]
    assert starts == [sum(map(len, expected[:n])) for n in range(len(expected))]
