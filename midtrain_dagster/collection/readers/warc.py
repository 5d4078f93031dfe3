"""WARC: the main text of each HTML response of a crawl (ISO 28500, as Common Crawl writes it).

Requests, crawl metadata and revisits are no documents and are passed over. Responses that are not
HTML or not 200 are counted as rejections, and so are those that a block list refuses, before the
cost of extraction.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

from midtrain_dagster.collection.block_list import BlockList
from midtrain_dagster.collection.document_source import Reading
from midtrain_dagster.collection.page_source import UrlSource
from midtrain_dagster.collection.readers import html
from midtrain_dagster.collection.readers.html import read_page
from midtrain_dagster.collection.record import TOLERATED, Reason, Record, Rejection
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.core.stream import BrokenStream, open_stream

VERSION = 1
USES = (html,)

_HTML_TYPES = ("text/html", "application/xhtml+xml")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)


class WarcSource(UrlSource):
    """WARC files (plain or ``.gz``): the text of each HTML response, by Trafilatura."""

    suffixes = (".warc", ".warc.gz")
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
            yield from _responses(file, reading.max_document_bytes, block_list)


def _responses(
    file: SourceFile, max_document_bytes: int, block_list: BlockList | None
) -> Iterator[Record]:
    from warcio.archiveiterator import WARCIterator
    from warcio.exceptions import ArchiveLoadFailed

    last = "the start"
    with open_stream(file) as stream:
        try:
            # One block a read: filling a larger one would lose what comes before a break in it.
            blocks = SimpleNamespace(read=stream.read1)
            for record in WARCIterator(blocks, no_record_parse=True):
                name = (record.rec_headers.get_header("WARC-Record-ID") or "").strip("<>")
                if record.rec_type == "response":
                    locator = f"{file.name}:{name}"
                    yield _read_response(record, locator, max_document_bytes, block_list)
                last = name
        except (BrokenStream, ArchiveLoadFailed) as error:
            yield Rejection(file.name, "broken_stream", f"after {last}: {error}")


def _read_response(
    record: Any, locator: str, max_document_bytes: int, block_list: BlockList | None
) -> Record:
    url = record.rec_headers.get_header("WARC-Target-URI")
    if block_list is not None and (refusal := block_list.refusal(locator, url)):
        return refusal
    headers = _html_headers(record, locator)
    if isinstance(headers, Rejection):
        return headers
    record.http_headers = headers
    try:
        page = _read_up_to(record.content_stream(), max_document_bytes + 1)
    except zlib.error as error:
        return Rejection(locator, "broken_stream", f"corrupt content encoding: {error}")
    if len(page) > max_document_bytes:
        return Rejection(locator, "too_large", f"more than {max_document_bytes} bytes")
    while record.raw_stream.read(1 << 16):
        pass  # what may follow a page that ends before its record does
    if record.raw_stream.limit > 0:
        detail = f"the record ends {record.raw_stream.limit} bytes too early"
        return Rejection(locator, "broken_stream", detail)
    charset = _CHARSET.search(headers.get_header("Content-Type"))
    metadata = {
        "url": url,
        "date": record.rec_headers.get_header("WARC-Date"),
    }
    return read_page(locator, page, charset.group(1) if charset else None, metadata)


def _read_up_to(stream: Any, limit: int) -> bytes:
    data = bytearray()
    while len(data) < limit and (block := stream.read(limit - len(data))):
        data += block
    return bytes(data)


def _html_headers(record: Any, locator: str) -> Any:
    """The HTTP headers of a good HTML response, or why it is none."""
    from warcio.statusandheaders import StatusAndHeadersParser

    if record.length is None:
        return Rejection(locator, "broken_stream", "the record has no Content-Length")
    # Parsed here, because warcio's own parsing fails at a record without a URI.
    parser = StatusAndHeadersParser(["HTTP/1.0", "HTTP/1.1"], verify=False)
    try:
        headers = parser.parse(record.raw_stream)
    except EOFError:
        return Rejection(locator, "not_html", "no HTTP headers")
    if headers.get_statuscode() != "200":
        return Rejection(locator, "not_ok", f"status {headers.get_statuscode()}")
    content_type = headers.get_header("Content-Type") or ""
    if content_type.partition(";")[0].strip().lower() not in _HTML_TYPES:
        return Rejection(locator, "not_html", f"content type {content_type!r}")
    return headers
