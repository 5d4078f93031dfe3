"""PDF: the text layer of a file, one document a file, by PDFium.

A PDF says where glyphs stand, not what a paragraph is; PDFium puts them into lines in the order in
which the file draws them. Words parted at a line's end are joined. Lines that fill the measure and
end in no stop are joined to paragraphs; tables and displayed formulas come out as they fall, which
is the limit of this method. Scanned pages have no text layer, and optical character recognition is
not done here: such a file is rejected as ``no_text``.

Where the source says ``boilerplate``, a file's own pages are compared with one another: running
heads and page numbers go before the pages are joined.
"""

import re
from collections.abc import Iterator
from statistics import quantiles
from types import ModuleType
from typing import Any, Literal

from pydantic import Field

from midtrain_dagster.collection import boilerplate, pdf_file
from midtrain_dagster.collection.boilerplate import Boilerplate, without_recurring_lines
from midtrain_dagster.collection.file_source import FileSource
from midtrain_dagster.collection.readers.line_end import line_end
from midtrain_dagster.collection.record import Document, Record, Rejection
from midtrain_dagster.core.source_file import SourceFile

VERSION = 3

# PDFium gives a hyphen at a line's end as U+FFFE and no line break, where it takes it for a break
# of a word, and as it stands elsewhere.
_PARTED = re.compile(r"(\w+)(?:\ufffe\n?|[-\u00ad\u2010]\n)(?=([^\W\d_A-Z]\w*))")
_STOP = (".", "!", "?", ":", ";", ".)", ".\u201d", '."')
_BULLETS = ("\u2022", "\u25e6", "\u2013 ", "- ", "* ")
_LEADER = ". . ."  # of a table of contents
_FULL_LINE = 0.8  # of the measure


class PdfSource(FileSource):
    """PDF files, one document a file: its text layer."""

    suffixes = (".pdf",)

    reader: Literal["pdf"]
    boilerplate: Boilerplate | None = Field(
        None, description="Remove lines that recur on the pages of a file"
    )

    def uses(self) -> list[ModuleType]:
        """Boilerplate removal too, if the section asks for it."""
        return [*super().uses(), *([boilerplate] if self.boilerplate else [])]

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The document of one file; the locator is ``FILE``, ``pages`` in the metadata counts them.

        Pages that PDFium cannot load are left out, numbered in ``unreadable_pages``, and rejected
        as ``FILE:PAGE``.
        """
        pdf = pdf_file.opened(file)
        if isinstance(pdf, Rejection):
            yield pdf
            return
        try:
            yield from _read(self, file, pdf, max_document_bytes)
        finally:
            pdf.close()


def _read(
    source: PdfSource, file: SourceFile, pdf: Any, max_document_bytes: int
) -> Iterator[Record]:
    import pypdfium2

    pages, unreadable, size = [], [], 0
    for number in range(len(pdf)):
        try:
            text = pdf_file.text_layer(pdf, number)
        except pypdfium2.PdfiumError:
            unreadable.append(number + 1)
            continue
        size += len(text)
        if size > max_document_bytes:
            detail = f"more than {max_document_bytes} characters in {number + 1} pages"
            yield Rejection(file.name, "too_large", detail)
            return
        pages.append(text)
    if pdf and not pages:
        yield Rejection(file.name, "unreadable_file", f"none of {len(pdf)} pages can be loaded")
        return
    if not any(page.strip() for page in pages):
        detail = f"no text layer in {len(pdf)} pages; optical character recognition is not done"
        yield Rejection(file.name, "no_text", detail)
        return
    metadata: dict[str, Any] = {"pages": len(pdf)}
    if unreadable:
        metadata["unreadable_pages"] = unreadable
        for number in unreadable:
            detail = f"page {number} of {len(pdf)} cannot be loaded"
            yield Rejection(f"{file.name}:{number}", "unreadable_page", detail)
    if source.boilerplate:
        cleaned = without_recurring_lines(pages, source.boilerplate)
        pages = [text for text, _ in cleaned]
        removed = sum(count for _, count in cleaned)
        if removed:
            metadata["boilerplate_lines"] = removed
    yield Document(file.name, joined_pages(pages), "pdf", metadata)


def joined_pages(pages: list[str]) -> str:
    """The pages as one text: parted words whole, full lines joined to paragraphs."""
    text = "\n".join(page.strip("\n") for page in pages if page.strip())
    words = set(re.findall(r"[\w-]+", text))

    def joined(match: re.Match[str]) -> str:
        # "multi-threaded" keeps its hyphen where the document writes it within a line.
        first, second = match.groups()
        hyphenated = f"{first}-{second}" in words and first + second not in words
        return f"{first}-" if hyphenated else first

    lines = _PARTED.sub(joined, text).replace("\ufffe", "-").split("\n")
    lengths = sorted(len(line) for line in lines if line.strip())
    measure = quantiles(lengths, n=10)[-1] if len(lengths) > 1 else 0
    paragraphs: list[str] = []
    continues = False
    for line in (line.strip() for line in lines):
        if continues and line and not line.startswith(_BULLETS):
            paragraphs[-1] += line_end(paragraphs[-1], line) + line
        else:
            paragraphs.append(line)
        full = len(line) >= _FULL_LINE * measure
        continues = full and not line.endswith(_STOP) and _LEADER not in line
    return "\n".join(paragraphs)
