"""The body of an HTTP message without its codings (RFC 9110, section 8.4; RFC 9112, section 7).

Content codings ``gzip``, ``deflate`` (in zlib's frame, as the RFC says, and bare, as servers send
it), ``br`` (RFC 7932) and ``zstd`` (RFC 8878), and the transfer coding ``chunked``; several in a
row are undone from the last to the first. ``identity``, ``none``, names of character encodings and
``aws-chunked`` stand in headers without coding anything, and count as nothing.

Crawlers store bodies that they decoded under the headers that came with them. So where a coding
ought to begin and does not, a body that is text, or coded by what was applied before, is taken as
it is: text is told by its first kilobyte, which holds none of the control characters that
compressed data is full of.

A body that ends before its coding does is no whole page, and raises; what follows a complete gzip
or zstd body is ignored, as browsers do.
"""

import re
import zlib
from collections.abc import Callable
from typing import Any

from webencodings import lookup

VERSION = 1

_GZIP = b"\x1f\x8b"
_ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")
_CHUNK = re.compile(rb"[ \t]*([0-9a-fA-F]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_UTF16_TEXT = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
_LEAST_TEXT = 64
"""Bytes without a control character that are text, if no ``<`` says so: 64 bytes of compressed
data are free of them once in 1,400."""
_STEP = 64
"""Bytes unpacked at a time: four bytes of zstd may stand for 128 KiB, and what follows a short
stream is copied by no more than this."""
_ZSTD_WINDOW = 2**27
"""Bytes; RFC 9659 allows servers 8 MiB."""

_NO_CODING = {"", "identity", "none", "aws-chunked", "binary", "7bit", "8bit"}


class BodyError(ValueError):
    """An HTTP body that its codings do not give; the message says which and why."""


class UnknownCodingError(BodyError):
    """A coding that is not known here, such as ``compress``."""


class CutBodyError(BodyError):
    """A body that ends in the middle of a coding."""


class CorruptBodyError(BodyError):
    """A body that is not what its coding says."""


class LargeBodyError(BodyError):
    """A body that has more bytes than are allowed."""


def decoded_body(
    body: bytes, *, content_encoding: str | None, transfer_encoding: str | None, limit: int
) -> bytes:
    """The body without the codings that the two headers list, at most ``limit`` bytes of it.

    Raises UnknownCodingError, CutBodyError, CorruptBodyError or, where it is larger than ``limit``,
    LargeBodyError, after no more than that was unpacked. All are BodyErrors, and their messages
    name the coding.
    """
    codings = [*_codings(content_encoding), *_codings(transfer_encoding)]
    while codings:
        name = codings.pop()
        begins = _BEGINS.get(name)
        # What does not begin with the size of a chunk is not chunked, whatever else it is.
        left_out = name == "chunked" or codings or _is_without(body, codings)
        if begins is not None and not begins(body) and left_out:
            continue
        # What is coded once more may be a little larger than what it holds.
        most = limit + limit // 8 + 1024 if codings else limit
        try:
            body = _DECODERS[name](body, most)
        except (CutBodyError, CorruptBodyError):
            if begins is None and _is_without(body, codings):
                continue
            raise
    if len(body) > limit:
        raise LargeBodyError(f"the body has more than {limit} bytes")
    return body


def _codings(header: str | None) -> list[str]:
    """The codings of a header, in the order in which they were applied."""
    names = [name.strip(" \t\"'").lower() for name in (header or "").split(",")]
    names = [name.removeprefix("x-") for name in names if name not in _NO_CODING]
    names = [name for name in names if lookup(name) is None]
    for name in names:
        if name not in _DECODERS:
            raise UnknownCodingError(f"unknown content coding {name!r}")
    return names


def _is_without(body: bytes, before: list[str]) -> bool:
    """Whether a body was stored without its last coding: text, or as the one before left it."""
    if before and (begins := _BEGINS.get(before[-1])) and begins(body):
        return True
    if not body or body.startswith(_UTF16_TEXT):
        return True
    head = body[:1024]
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return not _CONTROL.search(head) and (text.startswith(b"<") or len(head) >= _LEAST_TEXT)


def _dechunked(body: bytes, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = at = 0
    while True:
        head = _CHUNK.match(body, at)
        if head is None:
            if b"\n" in body[at : at + 4096]:
                raise CorruptBodyError(f"chunked body is corrupt: no chunk begins at byte {at}")
            raise CutBodyError(f"chunked body ends in the middle: no chunk begins at byte {at}")
        length = int(head.group(1), 16)
        start, at = head.end(), head.end() + length
        if not length:  # trailers may follow
            return b"".join(pieces)
        size += length
        if at > len(body):
            raise CutBodyError(f"chunked body ends in the middle of the chunk at byte {start}")
        if size > limit:
            raise LargeBodyError(f"chunked body has more than {limit} bytes")
        pieces.append(body[start:at])
        end = _LINE_END.match(body, at)
        if end is None:
            if at + 1 >= len(body):
                raise CutBodyError("chunked body ends in the middle: its last chunk is missing")
            raise CorruptBodyError(f"chunked body is corrupt: the chunk at byte {start} runs on")
        at = end.end()


def _gunzipped(body: bytes, limit: int) -> bytes:
    output, at = bytearray(), 0
    while _BEGINS["gzip"](body[at : at + 2]):
        at = _unpack("gzip", zlib.decompressobj(31), body, at, output, limit)
        while body[at : at + 1] == b"\0":  # padding, as tapes have it
            at += 1
    if not at:
        raise CorruptBodyError("gzip body is corrupt: it does not begin as one")
    return bytes(output)


def _undeflated(body: bytes, limit: int) -> bytes:
    """In zlib's frame where the first two bytes say so, unless that is chance."""
    framed: BodyError | None = None
    if len(body) > 1 and body[0] & 0x8F == 0x08 and int.from_bytes(body[:2], "big") % 31 == 0:
        output = bytearray()
        try:
            _unpack("deflate", zlib.decompressobj(15), body, 0, output, limit)
        except (CutBodyError, CorruptBodyError) as error:
            framed = error
        else:
            return bytes(output)
    output = bytearray()
    try:
        end = _unpack("deflate", zlib.decompressobj(-15), body, 0, output, limit)
    except (CutBodyError, CorruptBodyError) as error:
        raise framed or error from error
    if end < len(body):
        raise framed or CorruptBodyError(f"deflate body is corrupt: it ends at byte {end}")
    return bytes(output)


def _unzstd(body: bytes, limit: int) -> bytes:
    from zstandard import ZstdDecompressor

    frames = ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    output, at = bytearray(), 0
    while _ZSTD.match(body, at):
        at = _unpack("zstd", frames.decompressobj(), body, at, output, limit)
    if not at:
        raise CorruptBodyError("zstd body is corrupt: it does not begin as one")
    return bytes(output)


def _unpack(name: str, stream: Any, body: bytes, at: int, output: bytearray, limit: int) -> int:
    """Unpack one stream that begins at byte ``at`` behind ``output``; returns where it ends."""
    from zstandard import ZstdError

    try:
        while at < len(body) and not stream.eof:
            output += stream.decompress(body[at : at + _STEP])
            at += _STEP
            if len(output) > limit:
                raise LargeBodyError(f"{name} body has more than {limit} bytes")
    except (zlib.error, ZstdError) as error:
        raise CorruptBodyError(f"{name} body is corrupt: {error}") from error
    if not stream.eof:
        raise CutBodyError(f"{name} body ends in the middle, after {len(output)} bytes")
    return min(at, len(body)) - len(stream.unused_data)


def _unbrotlied(body: bytes, limit: int) -> bytes:
    import brotli

    stream = brotli.Decompressor()
    output, rest = bytearray(), body
    try:
        while not stream.is_finished():
            block = stream.process(rest, output_buffer_limit=1 << 16)
            output += block
            if len(output) > limit:
                raise LargeBodyError(f"br body has more than {limit} bytes")
            if not block and not rest:
                raise CutBodyError(f"br body ends in the middle, after {len(output)} bytes")
            rest = b""
    except brotli.error as error:
        raise CorruptBodyError(f"br body is corrupt: {error}") from error
    return bytes(output)


_BEGINS: dict[str, Callable[[bytes], object]] = {
    "chunked": _CHUNK.match,
    "gzip": lambda body: body.startswith(_GZIP),
    "zstd": _ZSTD.match,
}
"""How a body of a coding begins, where that tells it apart."""

_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "chunked": _dechunked,
    "gzip": _gunzipped,
    "deflate": _undeflated,
    "br": _unbrotlied,
    "zstd": _unzstd,
}
