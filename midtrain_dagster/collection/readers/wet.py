"""WET: the text that Common Crawl has extracted itself, a ``conversion`` record each page.

It is plain text with the boilerplate of the page left in: CCNet and the Pile's successors start
from it, FineWeb measured that extraction from WARC is better (Penedo et al. 2024, section 3.1).
"""

from collections.abc import Iterator
from typing import Literal

from midtrain_dagster.collection import warc_records
from midtrain_dagster.collection.file_source import plain_or_compressed
from midtrain_dagster.collection.page_source import UrlSource
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.collection.warc_record import WarcRecord
from midtrain_dagster.core.source_file import SourceFile

VERSION = 4
USES = (warc_records,)


class WetSource(UrlSource):
    """WET files (plain, ``.gz`` or ``.zst``): the text that Common Crawl has extracted itself."""

    suffixes = plain_or_compressed(".wet")

    reader: Literal["wet"]

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The documents of one file; the locator is ``FILE:RECORD`` with the WARC record id."""
        for found in warc_records.warc_records(file, {"conversion"}, max_document_bytes):
            yield found if isinstance(found, Rejection) else _document(file.name, found)


def _document(name: str, record: WarcRecord) -> Record:
    locator = f"{name}:{record.identifier}"
    try:
        text = record.block.decode()
    except UnicodeDecodeError as error:
        detail = f"invalid UTF-8 at byte {error.start}: {error.reason}"
        return Rejection(locator, "invalid_encoding", detail)
    said = {
        "url": record.url,
        "date": record.headers.get("warc-date"),
        # CLD2's guess: ISO 639-3, joined by commas.
        "languages": record.headers.get("warc-identified-content-language"),
        "truncated": record.truncation,
    }
    metadata = {name: value for name, value in said.items() if value}
    return Document(locator, repaired(text), "web_page", metadata)
