"""The head of an HTTP response, as leniently as browsers read it.

RFC 9112 for status line and fields; the Fetch standard of the WHATWG ("extract a MIME type") for a
``Content-Type`` that stands there several times; its MIME Sniffing standard (section 7.1) for a
page without one.
"""

import re
from typing import NamedTuple

from midtrain_dagster.collection.encoding import header_charset

VERSION = 1

LONGEST_HEAD = 1 << 18
"""Bytes of a head that are looked at."""

_STATUS = re.compile(rb"(?:HTTP\S*|ICY)[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_FOLDED = re.compile(r"\r?\n[ \t]+")
_LISTS = {"content-encoding", "transfer-encoding", "content-type"}
_NEXT_TYPE = re.compile(r",(?=[^,;=]*/)")
_TYPE_END = re.compile(r"[\s;,(]")
_HTML_BEGINS = re.compile(
    rb"(?:\xef\xbb\xbf)?[\t\n\f\r ]*<(?:(?:!doctype html|html|head|script|iframe|h1|div|font|table|"
    rb"a|style|title|b|body|br|p)[ >]|!--)",
    re.IGNORECASE,
)


class ResponseHead(NamedTuple):
    """Status and fields of a response."""

    status: str
    fields: dict[str, str]
    """By their names in lower case; those that are lists joined by commas, of others the first."""
    bytes: int
    """Where the body begins."""


def response_head(message: bytes) -> ResponseHead | None:
    """The head of a response, behind those of status 1xx, if there is one."""
    start = 0
    while status := _STATUS.match(message, start):
        end = _HEAD_END.search(message, start, start + LONGEST_HEAD)
        if end is None:
            return None
        if not status.group(1).startswith(b"1"):
            fields = _fields(message[start : end.start()].decode("latin-1"))
            return ResponseHead(status.group(1).decode(), fields, end.end())
        start = end.end()
    return None


def media_type(content_type: str) -> tuple[str, str | None]:
    """Type and charset of a ``Content-Type``: of several the last type, which keeps the charset
    that it had before. The type is empty where there is none."""
    types = [
        (_TYPE_END.split(piece.strip(), maxsplit=1)[0].lower(), header_charset(piece))
        for piece in _NEXT_TYPE.split(content_type)
    ]
    types = [each for each in types if "/" in each[0] and each[0] != "*/*"]
    if not types:
        return "", header_charset(content_type)
    last, _ = types[-1]
    return last, next((label for name, label in reversed(types) if label and name == last), None)


def looks_like_html(body: bytes) -> bool:
    """Whether browsers take a body for HTML that no header says what it is."""
    return _HTML_BEGINS.match(body) is not None


def _fields(head: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in _FOLDED.sub(" ", head).split("\n")[1:]:
        name, colon, value = line.partition(":")
        key, value = name.strip().lower(), value.strip()
        if colon and key in _LISTS and key in fields:
            fields[key] += f", {value}"
        elif colon:
            fields.setdefault(key, value)
    return fields
