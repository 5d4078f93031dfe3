"""Documents that pay for looking back: something hidden in real text, asked for at its end.

Small models do not retrieve from their context by themselves, and long documents alone teach it
slowly: ProLong and its successors put synthetic recall among what is read (Yen et al., *HELMET*,
arXiv 2410.02694, calls the task so). The tasks are those that long contexts are measured with, with
keys and values of another pool (``long_context/words.py``), so that nothing here stands in an item
that measures.

Lengths are in bytes, since documents are there before a tokenizer is: about 2.9 bytes a token of a
vocabulary of 4,096, 4 of 32,768. What fills a document is one page, or a stretch of one.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from midtrain_dagster.collection.document_source import DocumentSource, Look, Reading, Watched
from midtrain_dagster.collection.readers.json_lines import JsonLinesSource
from midtrain_dagster.collection.readers.python_installation import PythonInstallationSource
from midtrain_dagster.collection.readers.text import TextSource
from midtrain_dagster.collection.record import Document, Reason, Record, Rejection
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.problems import Location
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.long_context import documents as written
from midtrain_dagster.long_context.config import LongContextTask
from midtrain_dagster.long_context.documents import document
from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.long_context.encoder import Bytes
from midtrain_dagster.long_context.fill import NoTextError, TooShortError
from midtrain_dagster.long_context.words import UsedUpError

VERSION = 1
USES = (written,)

Pages = Annotated[
    JsonLinesSource | TextSource | PythonInstallationSource, Field(discriminator="reader")
]


class RecallSource(DocumentSource):
    """Long-context tasks as documents, in pages of another source."""

    constructed: ClassVar[bool] = True
    # What its pages may lack is no fault of theirs.
    tolerated: ClassVar[frozenset[Reason]] = PythonInstallationSource.tolerated

    reader: Literal["recall"]
    pages: Pages
    """What documents are filled with, as a source of its own."""
    tasks: dict[str, LongContextTask] = Field(
        min_length=1, description="The tasks, by name; documents take turns"
    )
    documents: int = Field(gt=0, description="How many documents")
    least_bytes: int = Field(gt=0, description="Of the shortest document, about")
    most_bytes: int = Field(gt=0, description="Of the longest document; lengths are drawn between")
    seed: Seed = 0
    """Of all that is drawn."""

    @model_validator(mode="after")
    def _lengths_rise(self) -> Self:
        if self.least_bytes > self.most_bytes:
            raise ValueError(
                f"least_bytes {self.least_bytes} are more than most_bytes {self.most_bytes}"
            )
        return self

    @field_validator("pages")
    @classmethod
    def _pages_of_text(cls, pages: Pages) -> Pages:
        if pages.has_conversations:
            raise ValueError("something is hidden in pages of text; conversations are none")
        return pages

    def list_files(self, name: str, folder: str | Path) -> list[SourceFile]:
        """The files of the pages. Raises SourceError for what is missing."""
        return self.pages.list_files(name, folder)

    def watched(self, name: str, folder: str | Path) -> list[Watched]:
        """The pages as a listing shows them."""
        return self.pages.watched(name, folder)

    def look(self, name: str, folder: str | Path) -> Look:
        """The pages before they are read, and lengths in which a task has no room."""
        files, findings = self.pages.look(name, folder)
        found = [finding.below("pages") for finding in findings]
        for task_name, task in self.tasks.items():
            try:
                document(task, Draw(self.seed, task_name), [], size=self.least_bytes)
            except TooShortError as error:
                reason = f"{error} ({task_name}): raise it, or ask for fewer keys and values"
                found.append(Finding(("least_bytes",), reason))
            except UsedUpError as error:
                found.append(Finding(("tasks", task_name), str(error)))
            except NoTextError:
                pass  # No page was given.
        return Look(files, found)

    @property
    def file_reader(self) -> str:
        """That of the pages."""
        return self.pages.file_reader

    @property
    def most_documents(self) -> int:
        """As many as it says."""
        return min(self.documents, self.take or self.documents)

    @property
    def columns(self) -> Sequence[tuple[Location, str]]:
        """Those of the pages."""
        return [(("pages", *place), column) for place, column in self.pages.columns]

    @property
    def is_remote(self) -> bool:
        """Whether the pages lie behind a network."""
        return self.pages.is_remote

    @property
    def is_one_unit(self) -> bool:
        """Pages are drawn over all files."""
        return True

    def uses(self) -> list[ModuleType]:
        """The tasks, and what reads the pages."""
        made_by = {type(each).__module__ for each in (self.pages, *self.tasks.values())}
        own = [sys.modules[name] for name in sorted(made_by)]
        return [*super().uses(), *own, *self.pages.uses()]

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The pages of one file, with nothing hidden yet."""
        return self.pages.records_of(file, max_document_bytes)

    def found(self, files: Sequence[SourceFile], reading: Reading) -> Iterator[Record]:
        """The documents, by number; a rejection for each that no page is long enough for.

        A document is a function of seed, number, section and pages. Its metadata says which task
        it is of.
        """
        encoder, pages = Bytes(), []
        for record in self.pages.found(files, reading):
            if isinstance(record, Rejection):
                yield record
            elif len(record.text) >= self.least_bytes // 2:
                pages.append(encoder.document(record.text))
        names = list(self.tasks)
        for number in range(self.documents):
            name = names[number % len(names)]
            draw = Draw("recall", self.seed, number)
            size = self.least_bytes + draw.below(self.most_bytes - self.least_bytes + 1)
            try:
                body = document(self.tasks[name], draw, pages, size=size)
            except (TooShortError, NoTextError, UsedUpError) as error:
                yield Rejection(f"{name}/{number}", "too_few", f"{size} bytes: {error}")
                continue
            yield Document(f"{name}/{number}", body, "plain", {"recall": name})
