"""Ten records, the third damaged in one way or another: nine remain, and one is told."""

import base64
import gzip
import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from midtrain_dagster.collection.record import Rejection
from midtrain_dagster.collection.warc_record import WarcRecord
from midtrain_dagster.collection.warc_records import warc_records
from midtrain_dagster.core.source_file import SourceFile

LONGEST = 100_000
WORDS = ("otter", "stone", "kelp", "ocean", "favourite", "river", "mussels", "back", "float")


def text(number: int) -> bytes:
    drawn = random.Random(number).choices(WORDS, k=120 + 40 * number)
    return f"Document {number}: {' '.join(drawn)}".encode()


def record(
    number: int,
    length: str | None = None,
    version: str = "WARC/1.0",
    block: bytes | None = None,
    digest: bool = True,
    end: bytes = b"\r\n\r\n",
) -> bytes:
    block = text(number) if block is None else block
    sha1 = base64.b32encode(hashlib.sha1(block, usedforsecurity=False).digest()).decode()
    lines = [
        version,
        "WARC-Type: conversion",
        f"WARC-Record-ID: <urn:{number}>",
        *([f"WARC-Block-Digest: sha1:{sha1}"] if digest else []),
        f"Content-Length: {len(block) if length is None else length}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + end


def gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def alone(data: bytes) -> bytes:
    return data


# How a record is packed, how all of them are, and the file's name.
LAYOUTS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes], str]] = {
    "plain": (alone, alone, "a.warc"),
    "gz": (gz, alone, "a.warc.gz"),
    "zst": (zst, alone, "a.warc.zst"),
    "zst without checksums": (zstandard.compress, alone, "a.warc.zst"),
    "one member": (alone, gz, "a.warc.gz"),
    "one frame": (alone, zst, "a.warc.zst"),
}
LENGTH = len(text(3))
DAMAGED = {
    **{
        f"{change:+} bytes": record(3, str(LENGTH + change))
        for change in (1, 2, 4, 5, 10, 700, 3000, 10**5, 10**9, 10**15, -1, -2, -4, -5, -200)
    },
    **{
        f"length {said!r}": record(3, said)
        for said in ("", "-5", "abc", "12x", "1e3", "\u0663", "0")
    },
    **{
        f"version {said!r}": record(3, version=said)
        for said in ("", "WARX/1.0", "WARC/9.9", "WARC1.0", "\x00\x01")
    },
    "half": record(3)[: len(record(3)) // 2],
    "half a header": record(3)[:40],
    "noise": random.Random(5).randbytes(len(record(3))),
}


def read(folder: Path, name: str, data: bytes) -> tuple[list[bytes], list[Rejection]]:
    path = folder / name
    path.write_bytes(data)
    file = SourceFile(name=name, uri=str(path), bytes=len(data), digest="")
    found = list(warc_records(file, {"conversion"}, LONGEST))
    blocks = [each.block for each in found if isinstance(each, WarcRecord)]
    return blocks, [each for each in found if isinstance(each, Rejection)]


def of_ten(layout: str, third: bytes) -> tuple[str, bytes]:
    """A file's name, and ten records of which the third is another."""
    pack, whole, name = LAYOUTS[layout]
    records = [pack(third if number == 3 else record(number)) for number in range(1, 11)]
    return name, whole(b"".join(records))


NINE = [text(number) for number in range(1, 11) if number != 3]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_damaged_record_costs_itself(tmp_path: Path, layout: str) -> None:
    for what, third in DAMAGED.items():
        blocks, rejections = read(tmp_path, *of_ten(layout, third))
        assert blocks == NINE, what
        assert sum(each.records for each in rejections) == 1, what


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("before", [b"\r\n", b"\n\n", bytes(700)])
def test_blanks_and_padding_lose_nothing(tmp_path: Path, layout: str, before: bytes) -> None:
    pack, whole, name = LAYOUTS[layout]
    ten = [record(number) for number in range(1, 11)]
    for data in (
        before + whole(b"".join(map(pack, ten))),
        whole(pack(before) + b"".join(map(pack, ten))),
        whole(b"".join(pack(before + each) for each in ten)),
        whole(pack(b"") + b"".join(map(pack, ten)) + before),
    ):
        assert read(tmp_path, name, data) == ([text(number) for number in range(1, 11)], [])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_stands_between_records_costs_none(tmp_path: Path, layout: str) -> None:
    blocks, (told,) = read(tmp_path, *of_ten(layout, b"garbage\x00\xff" + record(3)))
    assert blocks == [text(number) for number in range(1, 11)]
    assert told.reason == "damaged_data"


@pytest.mark.parametrize("layout", ["plain", "gz", "zst", "zst without checksums", "one member"])
def test_flipped_bits_are_noticed(tmp_path: Path, layout: str) -> None:
    name, data = of_ten(layout, record(3))
    pack, *_ = LAYOUTS[layout]
    start = len(b"".join(pack(record(number)) for number in (1, 2)))
    inside = range(start + 40, start + len(pack(record(3))) - 8)
    if layout == "one member":
        inside = range(len(data) // 3, len(data) - 8)
    for place in random.Random(7).sample(list(inside), 60):
        flipped = data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]
        blocks, rejections = read(tmp_path, name, flipped)
        assert set(blocks) <= {text(number) for number in range(1, 11)}
        assert rejections or len(blocks) == 10
        if layout != "one member":
            assert [block for block in blocks if block != text(3)] == NINE


def test_of_a_member_with_all_records_those_are_kept_whose_digest_holds(tmp_path: Path) -> None:
    name, data = of_ten("one member", record(3))
    wrong_sum = data[:-8] + b"\0\0\0\0" + data[-4:]
    assert len(read(tmp_path, name, wrong_sum)[0]) == 10
    without = gz(b"".join(record(number, digest=False) for number in range(1, 11)))
    blocks, rejections = read(tmp_path, name, without[:-8] + b"\0\0\0\0" + without[-4:])
    assert not blocks
    assert [each.locator for each in rejections] == [
        *(f"a.warc.gz:urn:{number}" for number in range(1, 11)),
        "a.warc.gz",
    ]


def test_digests_that_never_hold_are_not_believed(tmp_path: Path) -> None:
    ten = [record(number).replace(b"sha1:", b"sha1:AAAA") for number in range(1, 11)]
    assert read(tmp_path, "a.warc", b"".join(ten)) == (
        [text(number) for number in range(1, 11)],
        [],
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_inside_of_a_record_stays_inside(tmp_path: Path, layout: str) -> None:
    inner = b"".join(record(number) for number in range(20, 30))
    for payload in (inner, gz(inner), b"\r\n\r\n" + record(20) * 3):
        blocks, rejections = read(tmp_path, *of_ten(layout, record(3, block=payload)))
        assert blocks == [payload if n == 3 else text(n) for n in range(1, 11)]
        assert not rejections


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_record_that_is_too_large_is_passed(tmp_path: Path, layout: str) -> None:
    for size in (LONGEST + 1, 5 * LONGEST):
        blocks, (told,) = read(tmp_path, *of_ten(layout, record(3, block=b"x" * size)))
        assert blocks == NINE
        assert told.reason == "too_large"
        assert told.locator.endswith(":urn:3")


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n", b"\n", b"", b"\r\n\r\n\r\n"])
def test_files_whose_records_all_end_in_another_way_are_read(tmp_path: Path, end: bytes) -> None:
    data = b"".join(record(number, end=end) for number in range(1, 11))
    assert read(tmp_path, "a.warc", data) == ([text(number) for number in range(1, 11)], [])


def test_several_lost_members_are_about_as_many_records(tmp_path: Path) -> None:
    packed = [gz(record(number % 4)) for number in range(40)]
    lost = bytes(b ^ 0x55 for b in b"".join(packed[10:20]))
    blocks, (told,) = read(tmp_path, "a.warc.gz", b"".join([*packed[:10], lost, *packed[20:]]))
    assert len(blocks) == 30
    assert told.records in range(8, 13)
    assert told.detail.startswith(f"about {told.records} records in {len(lost)} bytes")


def test_what_is_packed_in_another_way_than_its_name_says_is_read(tmp_path: Path) -> None:
    ten = [record(number) for number in range(1, 11)]
    for name, data in (("a.warc", b"".join(map(gz, ten))), ("a.warc.gz", b"".join(ten))):
        assert read(tmp_path, name, data)[0] == [text(number) for number in range(1, 11)]


def test_a_header_goes_on_in_lines_that_are_indented(tmp_path: Path) -> None:
    folded = record(1).replace(b"WARC-Record-ID: ", b"warc-record-id:\r\n\t ")
    path = tmp_path / "a.warc"
    path.write_bytes(folded)
    file = SourceFile(name="a.warc", uri=str(path), bytes=len(folded), digest="")
    (found,) = warc_records(file, {"conversion"}, LONGEST)
    assert isinstance(found, WarcRecord)
    assert found.identifier == "urn:1"
