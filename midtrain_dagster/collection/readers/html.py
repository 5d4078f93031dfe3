"""HTML: the main text of a page, one document a file (``.gz`` and ``.zst`` are unpacked).

Extraction is Trafilatura's (Barbaresi, ACL 2021), favouring precision as FineWeb does (Penedo et
al. 2024, section 3.1): it loses some text of short pages and keeps little boilerplate. Metadata
extraction stays off, because it guesses dates with the help of today's; so does its deduplication,
which FineWeb uses, because it remembers the pages that the process saw before.

A page with blocks of code is taken as Markdown, so that they keep their lines and stand between
fences; any other as plain text.

The encoding is what the byte order mark, the HTTP header, the page's ``meta`` element or its XML
declaration says, else UTF-8, and it is decoded strictly: a page with one wrong byte is rejected,
not guessed at.
"""

import codecs
import re
from collections.abc import Iterator
from typing import Literal

from midtrain_dagster.collection.file_source import plain_or_compressed
from midtrain_dagster.collection.page_source import PageSource
from midtrain_dagster.collection.readers.whole_file import read_whole
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.core.source_file import SourceFile

VERSION = 3

_DECLARED = re.compile(
    rb"""(?:<meta[^>]{0,200}?charset|<\?xml[^>]{0,100}?encoding)\s*=\s*["']?\s*([\w.:-]+)""",
    re.IGNORECASE,
)
_PREFORMATTED = re.compile(r"<pre[\s>]", re.IGNORECASE)
_FENCE = "```\n"
_PERMALINKS = "//a[contains(@class, 'headerlink')]"
"""The pilcrow behind each heading of a page made by Sphinx or MkDocs."""
# The WHATWG encoding standard: browsers read these labels as windows-1252.
_WINDOWS_1252 = {"iso-8859-1", "iso8859-1", "latin1", "latin-1", "ascii", "us-ascii"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class HtmlSource(PageSource):
    """HTML files, plain or compressed, one document a file: its text, by Trafilatura."""

    suffixes = plain_or_compressed(".html", ".htm", ".xhtml")

    reader: Literal["html"]

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The text of one file; the locator is ``FILE``."""
        page = read_whole(file, max_document_bytes)
        yield page if isinstance(page, Rejection) else read_page(file.name, page, None, {})


def read_page(
    locator: str, page: bytes, charset: str | None, metadata: dict[str, str]
) -> Document | Rejection:
    """The text of one page; ``charset`` is what the HTTP header declares, if anything."""
    encoding = _encoding(page, charset)
    try:
        markup = page.decode(encoding)
    except UnicodeDecodeError as error:
        detail = f"invalid {encoding} at byte {error.start}: {error.reason}"
        return Rejection(locator, "invalid_encoding", detail)
    except LookupError:
        return Rejection(locator, "invalid_encoding", f"unknown encoding {encoding!r}")
    if not markup.strip():
        return Rejection(locator, "empty", f"{len(page)} bytes")
    markup = repaired(markup)
    # Twice the time, for the pages that hold some code.
    code = _extracted(markup, "markdown") if _PREFORMATTED.search(markup) else None
    if code and _FENCE in code:
        return Document(locator, repaired(code), "markdown", metadata)
    text = _extracted(markup, "txt")
    if not text:
        return Rejection(locator, "no_text", f"no main text in {len(page)} bytes of HTML")
    return Document(locator, repaired(text), "web_page", metadata)


def _extracted(markup: str, output: str) -> str | None:
    """The main text of a page, if Trafilatura finds one."""
    import trafilatura

    text: str | None = trafilatura.extract(
        markup,
        output_format=output,
        favor_precision=True,
        include_comments=False,
        prune_xpath=_PERMALINKS,
    )
    return text


def _encoding(page: bytes, charset: str | None) -> str:
    for mark, encoding in _MARKS:
        if page.startswith(mark):
            return encoding
    if charset is None:
        declared = _DECLARED.search(page[:4096])
        charset = declared.group(1).decode("ascii") if declared else "utf-8"
    charset = charset.lower()
    return "cp1252" if charset in _WINDOWS_1252 else charset
