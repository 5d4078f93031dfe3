"""WARC: the main text of each HTML response of a crawl (ISO 28500, as Common Crawl writes it).

Requests, crawl metadata and revisits are no documents and are passed over. Responses that are not
HTML or not 200 are counted as rejections, and so are those that a block list refuses, before the
cost of extraction.
"""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from midtrain_dagster.collection import content_coding, warc_records
from midtrain_dagster.collection.block_list import BlockList
from midtrain_dagster.collection.content_coding import BodyError, LargeBodyError, decoded_body
from midtrain_dagster.collection.document_source import Reading
from midtrain_dagster.collection.encoding import header_charset
from midtrain_dagster.collection.file_source import plain_or_compressed
from midtrain_dagster.collection.page_source import UrlSource
from midtrain_dagster.collection.readers import html
from midtrain_dagster.collection.readers.html import read_page
from midtrain_dagster.collection.record import TOLERATED, Reason, Record, Rejection
from midtrain_dagster.collection.warc_records import WarcRecord
from midtrain_dagster.core.source_file import SourceFile

VERSION = 2
USES = (html, warc_records, content_coding)

_HTML_TYPES = ("text/html", "application/xhtml+xml")
_STATUS = re.compile(rb"HTTP/\S*[ \t]+(\d{3})(?!\d)")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_FOLDED = re.compile(r"\r?\n[ \t]+")
_HEAD_BYTES = 1 << 18
"""That HTTP headers may take beside a page."""


class WarcSource(UrlSource):
    """WARC files (plain, ``.gz`` or ``.zst``): the text of each HTML response, by Trafilatura."""

    suffixes = plain_or_compressed(".warc")
    # A crawl has pages without any main text: forms, players, what a script would have filled in.
    tolerated: ClassVar[frozenset[Reason]] = TOLERATED | {"empty", "no_text"}

    reader: Literal["warc"]

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The documents of one file; the locator is ``FILE:RECORD`` with the WARC record id."""
        return _responses(file, max_document_bytes, None)

    def found(self, files: Sequence[SourceFile], reading: Reading) -> Iterator[Record]:
        """The documents of all files; what a block list refuses is not extracted first."""
        block_list = self.block_list(reading)
        for file in files:
            records = _responses(file, reading.max_document_bytes, block_list)
            yield from self.guarded(file, records)


def _responses(
    file: SourceFile, max_document_bytes: int, block_list: BlockList | None
) -> Iterator[Record]:
    longest = max_document_bytes + _HEAD_BYTES
    for record in warc_records.warc_records(file, "response", longest):
        if isinstance(record, Rejection):
            yield record
            continue
        locator = f"{file.name}:{record.identifier}"
        url = record.headers.get("warc-target-uri")
        refusal = block_list.refusal(locator, url) if block_list is not None else None
        yield refusal or _document(locator, record, max_document_bytes)


def _document(locator: str, record: WarcRecord, max_document_bytes: int) -> Record:
    status = _STATUS.match(record.block)
    head = _HEAD_END.search(record.block, 0, _HEAD_BYTES)
    if status is None or head is None:
        return Rejection(locator, "not_html", "no HTTP headers")
    if status.group(1) != b"200":
        return Rejection(locator, "not_ok", f"status {status.group(1).decode()}")
    headers = _http_headers(record.block[: head.start()])
    content_type = headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() not in _HTML_TYPES:
        return Rejection(locator, "not_html", f"content type {content_type!r}")
    try:
        page = decoded_body(
            record.block[head.end() :],
            content_encoding=headers.get("content-encoding"),
            transfer_encoding=headers.get("transfer-encoding"),
            limit=max_document_bytes,
        )
    except LargeBodyError as error:
        return Rejection(locator, "too_large", str(error))
    except BodyError as error:
        return Rejection(locator, "broken_stream", str(error))
    named = {"url": "warc-target-uri", "date": "warc-date"}
    metadata = {name: record.headers[key] for name, key in named.items() if key in record.headers}
    return read_page(locator, page, header_charset(content_type), metadata)


def _http_headers(head: bytes) -> dict[str, str]:
    """The fields by their names in lower case; those that stand there several times as one list."""
    fields: dict[str, str] = {}
    for line in _FOLDED.sub(" ", head.decode("latin-1")).split("\n")[1:]:
        name, colon, value = line.partition(":")
        key, value = name.strip().lower(), value.strip()
        if colon and key in ("content-encoding", "transfer-encoding") and key in fields:
            fields[key] += f", {value}"
        elif colon:
            fields.setdefault(key, value)
    return fields
