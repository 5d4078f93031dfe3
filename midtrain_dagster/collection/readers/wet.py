"""WET: the text that Common Crawl has extracted itself, a ``conversion`` record each page.

It is plain text with the boilerplate of the page left in: CCNet and the Pile's successors start
from it, FineWeb measured that extraction from WARC is better (Penedo et al. 2024, section 3.1).
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Literal

from midtrain_dagster.collection.page_source import UrlSource
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.core.stream import BrokenStream, open_stream

VERSION = 2

_HEADERS = {
    "url": "WARC-Target-URI",
    "date": "WARC-Date",
    "languages": "WARC-Identified-Content-Language",
}
"""By their names in the metadata. ``languages`` is CLD2's guess: ISO 639-3, joined by commas."""


class WetSource(UrlSource):
    """WET files (plain or ``.gz``): the text that Common Crawl has extracted itself."""

    suffixes = (".wet", ".wet.gz")

    reader: Literal["wet"]

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The documents of one file; the locator is ``FILE:RECORD`` with the WARC record id."""
        from warcio.archiveiterator import WARCIterator
        from warcio.exceptions import ArchiveLoadFailed

        last = "the start"
        with open_stream(file) as stream:
            try:
                # One block a read, as in warc.py: what comes before a break is not lost.
                blocks = SimpleNamespace(read=stream.read1)
                for record in WARCIterator(blocks, no_record_parse=True):
                    name = (record.rec_headers.get_header("WARC-Record-ID") or "").strip("<>")
                    if record.rec_type == "conversion":
                        yield _read_conversion(record, f"{file.name}:{name}", max_document_bytes)
                    last = name
            except (BrokenStream, ArchiveLoadFailed) as error:
                yield Rejection(file.name, "broken_stream", f"after {last}: {error}")


def _read_conversion(record: Any, locator: str, max_document_bytes: int) -> Record:
    if record.length is None:
        return Rejection(locator, "broken_stream", "the record has no Content-Length")
    if record.length > max_document_bytes:
        return Rejection(locator, "too_large", f"{record.length} bytes")
    data = bytearray()
    while block := record.raw_stream.read(1 << 16):
        data += block
    if record.raw_stream.limit > 0:
        detail = f"the record ends {record.raw_stream.limit} bytes too early"
        return Rejection(locator, "broken_stream", detail)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        detail = f"invalid UTF-8 at byte {error.start}: {error.reason}"
        return Rejection(locator, "invalid_encoding", detail)
    headers = {name: record.rec_headers.get_header(header) for name, header in _HEADERS.items()}
    metadata = {name: value for name, value in headers.items() if value}
    return Document(locator, repaired(text), "web_page", metadata)
