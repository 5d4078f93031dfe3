import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from midtrain_dagster.collection.content_coding import (
    BodyError,
    CorruptBodyError,
    CutBodyError,
    LargeBodyError,
    UnknownCodingError,
    decoded_body,
)

PAGE = (
    b"<!DOCTYPE html><html><body>" + b"<p>Sea otters keep a stone.</p>\n" * 60 + b"</body></html>"
)

ZSTD = zstandard.ZstdCompressor(write_checksum=True)


def bare(data: bytes) -> bytes:
    return zlib.compress(data, wbits=-15)


def chunked(data: bytes, size: int = 100, end: bytes = b"0\r\n\r\n") -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end


CODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "x-gzip": lambda data: gzip.compress(data, mtime=0),
    "deflate": zlib.compress,
    "Deflate": bare,
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "identity": lambda data: data,
}


def decoded(
    body: bytes, content: str | None, transfer: str | None = None, limit: int = 10**6
) -> bytes:
    return decoded_body(body, content_encoding=content, transfer_encoding=transfer, limit=limit)


@given(st.binary(max_size=2000), st.lists(st.sampled_from(list(CODE)), max_size=3), st.booleans())
@example(b"", ["gzip", "zstd"], True)
@example(b"<", ["deflate"], False)
@example(b"a\r\n", [], True)
def test_codings_are_undone_from_the_last_to_the_first(
    data: bytes, codings: list[str], in_chunks: bool
) -> None:
    body = data
    for name in codings:
        body = CODE[name](body)
    if in_chunks:
        body = chunked(body)
    transfer = "chunked" if in_chunks else None
    assert decoded(body, ", ".join(codings) or None, transfer) == data


@pytest.mark.parametrize(
    "header", ["GZIP", " x-gzip ", "identity,gzip", "gzip, none", "utf-8, gzip"]
)
def test_names_are_read_as_servers_write_them(header: str) -> None:
    assert decoded(gzip.compress(PAGE), header) == PAGE


@pytest.mark.parametrize("header", ["", "identity", "none", "UTF-8", "iso-8859-1", "aws-chunked"])
def test_what_codes_nothing_counts_as_nothing(header: str) -> None:
    assert decoded(PAGE, header) == PAGE


@pytest.mark.parametrize("name", ["compress", "x-compress", "snappy", "gzip;q=1", "pack200-gzip"])
def test_unknown_codings_are_named(name: str) -> None:
    for content, transfer in ((f"gzip, {name}", None), (None, f"{name}, chunked")):
        with pytest.raises(UnknownCodingError) as raised:
            decoded(PAGE, content, transfer)
        assert repr(name.removeprefix("x-")) in str(raised.value)


@pytest.mark.parametrize("name", ["gzip", "deflate", "Deflate", "br", "zstd"])
def test_half_a_body_is_no_body(name: str) -> None:
    body = CODE[name](PAGE)
    for length in range(4, len(body)):
        with pytest.raises(CutBodyError, match=f"{name.lower()} body ends in the middle"):
            decoded(body[:length], name)


def test_chunks_must_come_to_an_end() -> None:
    body = chunked(PAGE)
    for length in (50, 104, 105, 106, 110, len(body) - 5):
        with pytest.raises(CutBodyError, match="chunked body ends in the middle"):
            decoded(body[:length], None, "chunked")
    assert decoded(body[:-2], None, "chunked") == PAGE
    trailers = chunked(PAGE, end=b"0;x=y\r\nExpires: never\r\n\r\n")
    assert decoded(trailers, None, "chunked") == PAGE
    with pytest.raises(CutBodyError, match="gzip"):
        decoded(chunked(gzip.compress(PAGE)[:-9]), "gzip", "chunked")


@pytest.mark.parametrize(
    ("body", "content", "transfer", "message"),
    [
        (gzip.compress(PAGE)[:-6] + b"otters", "gzip", None, "gzip body is corrupt"),
        (zlib.compress(PAGE)[:-4] + b"seal", "deflate", None, "deflate body is corrupt"),
        (bare(PAGE) + b"!", "deflate", None, "deflate body is corrupt: it ends at"),
        (b"\x02" + brotli.compress(PAGE), "br", None, "br body is corrupt"),
        (ZSTD.compress(PAGE)[:-4] + b"seal", "zstd", None, "zstd body is corrupt"),
        (bytes(range(200)), "gzip", None, "gzip body is corrupt: it does not begin"),
        (bytes(range(200)), "zstd", None, "zstd body is corrupt: it does not begin"),
        (b"5\r\notters\r\n0\r\n\r\n", None, "chunked", "chunk at byte 3 runs on"),
        (b"6\r\notters\r\nseals\r\n", None, "chunked", "no chunk begins at byte 11"),
    ],
)
def test_corrupt_bodies_say_what_is_wrong(
    body: bytes, content: str | None, transfer: str | None, message: str
) -> None:
    with pytest.raises(CorruptBodyError) as raised:
        decoded(body, content, transfer)
    assert message in str(raised.value)


@pytest.mark.parametrize("content", [None, "gzip", "br", "deflate", "zstd", "gzip, br", "br, zstd"])
@pytest.mark.parametrize(
    "page",
    [PAGE, b"\xef\xbb\xbf\n" + PAGE, PAGE.decode().encode("utf-16"), b"<p>", b"Otters. " * 99, b""],
)
def test_bodies_that_the_crawler_decoded_are_read_as_they_are(
    content: str | None, page: bytes
) -> None:
    assert decoded(page, content, "chunked") == page
    assert decoded(page, content) == page
    if content and page:  # or decoded but for the first coding
        inner = content.split(",")[0]
        assert decoded(CODE[inner](page), content, "chunked") == page


def test_members_and_frames_follow_one_another() -> None:
    first, second = b"otters ", b"seals"
    skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    assert decoded(gzip.compress(first) + b"\0\0" + gzip.compress(second), "gzip") == first + second
    assert decoded(gzip.compress(first) + b"<!-- cached -->", "gzip") == first
    frames = skippable + zstandard.compress(first) + skippable + zstandard.compress(second)
    assert decoded(frames, "zstd") == first + second


@pytest.mark.parametrize("name", list(CODE))
def test_no_more_is_unpacked_than_asked_for(name: str) -> None:
    body = CODE[name](bytes(10**7) + b"<")
    tracemalloc.start()
    with pytest.raises(LargeBodyError, match="has more than 1000 bytes"):
        decoded(body, name, limit=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**7
    assert len(decoded(CODE[name](PAGE), name, limit=len(PAGE))) == len(PAGE)
    with pytest.raises(LargeBodyError):
        decoded(CODE[name](PAGE), name, limit=len(PAGE) - 1)


def test_a_bomb_in_a_bomb_does_not_go_off() -> None:
    body = gzip.compress(gzip.compress(bytes(10**7)) * 9)
    with pytest.raises(LargeBodyError, match="gzip body has more than"):
        decoded(body, "gzip, gzip", limit=1000)


@given(
    st.sampled_from(list(CODE)),
    st.booleans(),
    st.integers(0, 400),
    st.binary(max_size=8),
    st.sampled_from(["flip", "cut", "splice"]),
)
def test_damaged_bodies_are_told_and_never_end_the_run(
    name: str, in_chunks: bool, at: int, bytes_: bytes, damage: str
) -> None:
    body = CODE[name](PAGE[:300])
    body = chunked(body, 40) if in_chunks else body
    at = min(at, len(body))
    rest = {"flip": body[at + len(bytes_) :], "cut": b"", "splice": body[at:]}[damage]
    try:
        result = decoded(body[:at] + bytes_ + rest, name, "chunked" if in_chunks else None, 10**4)
    except BodyError as error:
        assert str(error)
    else:
        assert len(result) <= 10**4
