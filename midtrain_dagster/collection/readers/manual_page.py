"""Manual pages in roff (man or mdoc): the page as prose, one document a file.

What of a page is text is the package ``roff_text``'s to know. A page that only names another is
rejected as ``redirect``. The file is UTF-8, or what its byte order mark says; metadata has the
page's title, section and date.
"""

from collections.abc import Iterator
from typing import Literal

import roff_text
from midtrain_dagster.collection import encoding
from midtrain_dagster.collection.file_source import FileSource, plain_or_compressed
from midtrain_dagster.collection.readers.whole_file import read_text
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.core.source_file import SourceFile

VERSION = 2
USES = (encoding, roff_text)


class ManualPageSource(FileSource):
    """Manual pages in roff (man or mdoc), plain or compressed, one document a file."""

    suffixes = plain_or_compressed(*(f".{section}" for section in "123456789ln"))

    reader: Literal["manual_page"]

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The document of one file; the locator is ``FILE``."""
        source = read_text(file, max_document_bytes)
        if isinstance(source, Rejection):
            yield source
            return
        page = roff_text.read_page(repaired(source))
        if not page.text and page.redirect:
            yield Rejection(file.name, "redirect", f"stands for {page.redirect}")
        else:
            yield Document(file.name, page.text, "manual_page", page.metadata)
