"""HTML: the main text of a page, one document a file (``.gz`` and ``.zst`` are unpacked).

Which part is main text depends on the kind of page (``page/extraction.py``). Formulas, superscripts
and subscripts stay in it (``page/mathematics.py``); the metadata's ``lost_formulas`` says how many
formulas it lacks.

A page with blocks of code is taken as Markdown, so that they keep their lines and stand between
fences; any other as plain text.

Bytes become markup as in browsers, but strictly (``encoding.py``): a page with one wrong byte is
rejected, not guessed at.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal

from midtrain_dagster.collection import encoding
from midtrain_dagster.collection.encoding import EncodingError, decoded_page
from midtrain_dagster.collection.file_source import plain_or_compressed
from midtrain_dagster.collection.page import extraction, formulas, mathematics, mathml
from midtrain_dagster.collection.page.extraction import main_text
from midtrain_dagster.collection.page.mathematics import PageMathematics
from midtrain_dagster.collection.page_source import PageSource
from midtrain_dagster.collection.readers.whole_file import read_whole
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.core.source_file import SourceFile

VERSION = 4
USES = (encoding, extraction, mathematics, formulas, mathml)

_PREFORMATTED = re.compile(r"<pre[\s>]", re.IGNORECASE)
_FENCE = "```\n"


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
    from trafilatura import load_html

    try:
        markup = decoded_page(page, charset)
    except EncodingError as error:
        return Rejection(locator, "invalid_encoding", str(error))
    if not markup.strip():
        return Rejection(locator, "empty", f"{len(page)} bytes")
    markup = repaired(markup)
    tree = load_html(markup)
    if tree is None:
        return Rejection(locator, "no_text", f"{len(page)} bytes are no HTML")
    aside = PageMathematics(markup)
    aside.put_aside(tree)
    # Twice the time, for the pages that hold some code.
    code = main_text(tree, "markdown") if _PREFORMATTED.search(markup) else None
    is_code = code is not None and _FENCE in code
    text = code if is_code else main_text(tree, "txt")
    if not text:
        return Rejection(locator, "no_text", f"no main text in {len(page)} bytes of HTML")
    text, lost = aside.put_back(text)
    found: dict[str, Any] = {**metadata, "lost_formulas": lost} if lost else {**metadata}
    return Document(locator, repaired(text), "markdown" if is_code else "web_page", found)
