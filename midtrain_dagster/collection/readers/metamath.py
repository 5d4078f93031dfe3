"""Metamath databases: one document a section, as its headings divide them.

A database is one file, set.mm of 41 MB, far beyond what a document may be. A section of it has the
theorems of one subject with their comments: chains of proof, each step by the name of what it
follows from, whose order is that in which they build on each other (the survey *LLM Mid-Training*,
arXiv 2510.23081, section 8.2.2). Headings are comments that begin with a line of ``#*#*``, ``=-=-``
or ``-.-.`` (Megill and Wheeler, *Metamath*, section 4.4.1). Proofs are as the file has them, mostly
in the compressed form: the names of the steps, and letters that say where each is used.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from midtrain_dagster.collection import encoding
from midtrain_dagster.collection.file_source import FileSource, plain_or_compressed
from midtrain_dagster.collection.readers.whole_file import read_text
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.core.source_file import SourceFile

VERSION = 1
USES = (encoding,)

LARGEST_DATABASE = 256 * 2**20
"""Bytes of a file that is read; set.mm of 2026 has 50 million."""

_HEADING = re.compile(r"^\$\([^\n]*\n(?=(?:#\*#\*|=-=-|-\.-\.))", re.MULTILINE)


class MetamathSource(FileSource):
    """Metamath databases (``.mm``), plain or compressed, one document a section."""

    suffixes = plain_or_compressed(".mm")

    reader: Literal["metamath"]

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The sections of one file; the locator is ``FILE:N``, counted from 0. What stands before
        the first heading is a section of its own, and so is a file without any."""
        text = read_text(file, LARGEST_DATABASE)
        if isinstance(text, Rejection):
            yield text
            return
        text = repaired(text)
        starts = [0, *(found.start() for found in _HEADING.finditer(text)), len(text)]
        sections = [text[start:stop].strip() for start, stop in pairwise(starts)]
        for number, section in enumerate(filter(None, sections)):
            yield Document(f"{file.name}:{number}", section, "plain", {})
