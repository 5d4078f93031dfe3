"""WARC: the main text of each HTML page of a crawl (ISO 28500, as Common Crawl writes it).

A page is a response, or a resource, as converters of folders and crawlers of other protocols write.
Requests, crawl metadata and revisits are no documents and are passed over. What is not HTML or not
200 is counted as a rejection, and so is what a block list refuses, before the cost of extraction.

The metadata's ``truncated`` says of a page that it is not whole: by the crawler's word, which is a
limit of ``length`` or ``time`` mostly, or ``disconnect`` where the body has fewer bytes than the
server announced.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, NamedTuple

from midtrain_dagster.collection import content_coding, http_response, warc_records
from midtrain_dagster.collection.block_list import BlockList
from midtrain_dagster.collection.content_coding import BodyError, LargeBodyError, decoded_body
from midtrain_dagster.collection.document_source import Reading
from midtrain_dagster.collection.file_source import plain_or_compressed
from midtrain_dagster.collection.http_response import (
    LONGEST_HEAD,
    looks_like_html,
    media_type,
    response_head,
)
from midtrain_dagster.collection.page_source import UrlSource
from midtrain_dagster.collection.readers import html
from midtrain_dagster.collection.readers.html import read_page
from midtrain_dagster.collection.record import TOLERATED, Reason, Record, Rejection
from midtrain_dagster.collection.warc_record import WarcRecord
from midtrain_dagster.core.source_file import SourceFile

VERSION = 3
USES = (html, warc_records, content_coding, http_response)

_HTML_TYPES = ("text/html", "application/xhtml+xml")
_KINDS = {"response", "resource"}


class WarcSource(UrlSource):
    """WARC files (plain, ``.gz`` or ``.zst``): the text of each HTML page, by Trafilatura."""

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
    longest = max_document_bytes + LONGEST_HEAD
    for record in warc_records.warc_records(file, _KINDS, longest):
        if isinstance(record, Rejection):
            yield record
            continue
        locator = f"{file.name}:{record.identifier}"
        refusal = (
            block_list.refusal(locator, record.url or None) if block_list is not None else None
        )
        yield refusal or _document(locator, record, max_document_bytes)


def _document(locator: str, record: WarcRecord, max_document_bytes: int) -> Record:
    found = (
        _response(record, max_document_bytes) if record.kind == "response" else _resource(record)
    )
    if isinstance(found, Rejection):
        return found._replace(locator=locator)
    if len(found.body) > max_document_bytes:
        return Rejection(locator, "too_large", f"{len(found.body)} bytes")
    kind, charset = media_type(found.content_type)
    if kind not in _HTML_TYPES and found.body and (kind or not looks_like_html(found.body)):
        return Rejection(locator, "not_html", f"content type {found.content_type!r}")
    said = {
        "url": record.url,
        "date": record.headers.get("warc-date"),
        "truncated": record.truncation or ("disconnect" if found.is_short else ""),
    }
    metadata = {name: value for name, value in said.items() if value}
    return read_page(locator, found.body, charset, metadata)


class _Content(NamedTuple):
    """What a record holds, without its codings."""

    body: bytes
    content_type: str
    is_short: bool = False
    """Whether it came with fewer bytes than were announced."""


def _resource(record: WarcRecord) -> _Content:
    return _Content(record.block, record.headers.get("content-type", ""))


def _response(record: WarcRecord, max_document_bytes: int) -> _Content | Rejection:
    """The body of a response, unless its head says that it is no page."""
    head = response_head(record.block)
    if head is None:
        return Rejection("", "not_html", "no HTTP headers")
    if head.status != "200":
        return Rejection("", "not_ok", f"status {head.status}")
    content_type = head.fields.get("content-type", "")
    kind, _ = media_type(content_type)
    if kind and kind not in _HTML_TYPES:
        return Rejection("", "not_html", f"content type {content_type!r}")
    coded = record.block[head.bytes :]
    length = head.fields.get("content-length", "")
    is_said = length.isdecimal() and "transfer-encoding" not in head.fields
    try:
        body = decoded_body(
            coded,
            content_encoding=head.fields.get("content-encoding"),
            transfer_encoding=head.fields.get("transfer-encoding"),
            limit=max_document_bytes,
        )
    except LargeBodyError as error:
        return Rejection("", "too_large", str(error))
    except BodyError as error:
        return Rejection("", "broken_stream", str(error))
    return _Content(body, content_type, is_said and int(length[:18]) > len(coded))
