"""Text files: plain text, Markdown, reStructuredText or source code, one document a file.

The text stays as it stands, markup included: which markup it is goes into ``format``. Files may be
compressed (``.gz``, ``.zst``), as distributions ship their documentation. They are UTF-8, or what
their byte order mark says.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

from midtrain_dagster.collection import encoding
from midtrain_dagster.collection.file_source import plain_or_compressed
from midtrain_dagster.collection.page_source import PageSource
from midtrain_dagster.collection.readers.whole_file import read_text
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.core.schema import Format
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.core.stream import COMPRESSIONS

VERSION = 3
USES = (encoding,)

FORMATS: dict[str, Format] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".rst": "restructuredtext",
    ".tex": "latex",
    ".py": "python",
    ".html": "html",
    ".htm": "html",
}
"""By suffix; anything else is ``plain``. Those of compression do not count, nor does ``.txt``
behind one of these: Sphinx publishes its sources as ``.rst.txt``."""

_OUTER_SUFFIXES = (*COMPRESSIONS, ".txt")


class TextSource(PageSource):
    """Files of plain text, Markdown or source code, one document a file, as it stands."""

    suffixes = plain_or_compressed(".txt", ".md", ".markdown", ".rst")

    reader: Literal["text"]

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The document of one file; the locator is ``FILE``."""
        text = read_text(file, max_document_bytes)
        if isinstance(text, Rejection):
            yield text
        else:
            yield Document(file.name, repaired(text), _format(file.name), {})


def _format(name: str) -> Format:
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes]
    while suffixes and suffixes[-1] in _OUTER_SUFFIXES:
        suffixes.pop()
    return FORMATS.get(suffixes[-1], "plain") if suffixes else "plain"
