"""What every source declares of its documents, and what a reader offers.

A reader is one file in ``readers/``: a section (a subclass of :class:`DocumentSource`, or of one of
those beside it that know files, pages, URLs or rows), the module's ``VERSION``, and the way to read
one file. Its facts stand at the section too: which suffixes it takes, how a large file is cut,
whether its text may stay where it is. ``read.py`` and ``units.py`` ask the section and know no
reader by name. Sections import nothing heavy, so that a recipe is checked without it.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from midtrain_dagster.collection import repair
from midtrain_dagster.collection.record import TOLERATED, Reason, Record, Rejection
from midtrain_dagster.collection.repair import Repair
from midtrain_dagster.core.causes import CAUSE_IF_SET, NOT_A_CAUSE
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.problems import Location
from midtrain_dagster.core.schema import Format, Kind
from midtrain_dagster.core.source_file import SourceError, SourceFile

if TYPE_CHECKING:
    import polars as pl

    from midtrain_dagster.core.in_place import InPlace


class Reading(NamedTuple):
    """What the files of a source are read with, beside its section."""

    source_name: str
    max_document_bytes: int
    block_files: Mapping[str, SourceFile]
    benchmark_items: "pl.DataFrame | None"


class Look(NamedTuple):
    """A source before it is read: its files by name and size, and what is wrong with them."""

    files: list[SourceFile]
    """Sorted by name. A digest may be empty, since it costs a reading."""
    findings: list[Finding]
    """By the way to the field, from the source on."""


class Watched(NamedTuple):
    """A file as a listing shows it: enough to see that it is new, changed or gone."""

    name: str
    bytes: int
    stamp: str
    """Another where the file has changed: when it was written, or its digest."""


def described(error: Exception) -> str:
    """An exception in one line; without words of its own, by its name."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


class DocumentSource(FrozenModel):
    """What every source declares of its documents. Fields first, then what a reader may change."""

    domain: str = Field(min_length=1, description="What the mixture weighs: web, code, qa, ...")
    kind: Kind = Field(description="Which curation policy applies")
    format: Annotated[Format | None, CAUSE_IF_SET] = Field(
        None,
        description="What the text is written in, where reader and suffix do not say it: curation "
        "judges the running prose of Markdown and reStructuredText",
    )
    language: str | None = Field(None, description="ISO 639 code, when the source is in one")
    take: int | None = Field(
        None, gt=0, description="At most so many documents: those of the smallest ids"
    )
    licence: str | None = Field(None, description="SPDX expression, copied to the metadata")
    answers: Literal["answer_only", "short_cot", "long_cot", "reflective"] | None = Field(
        None, description="What kind of QA it is, copied to the metadata"
    )
    repair: Repair | None = Field(None, description="What of the text is repaired")
    max_rejected: Annotated[float | None, NOT_A_CAUSE] = Field(
        None,
        ge=0,
        le=1,
        description="The share of its files or rows that may be rejected, in place of "
        "`collection.max_rejected`",
    )

    @model_validator(mode="after")
    def _no_change_of_meaning(self) -> Self:
        folds = self.repair is not None and self.repair.normalise == "NFKC"
        if folds and self.kind in ("code", "mathematics"):
            raise ValueError(
                f"NFKC changes what {self.kind} means: x\u00b2 becomes x2; normalise to NFC or not"
            )
        return self

    numbered: ClassVar[bool] = False
    """Whether locators count rows or lines, so that none can come twice."""

    constructed: ClassVar[bool] = False
    """Whether a program puts its documents together out of others': tasks, which no one wrote."""

    tolerated: ClassVar[frozenset[Reason]] = TOLERATED
    """Reasons for rejections that do not count against ``max_rejected``."""

    @abstractmethod
    def list_files(self, name: str, folder: str | Path) -> list[SourceFile]:
        """The files of the source that is called ``name``, sorted by their own names.

        Raises SourceError for what is missing.
        """

    def look(self, name: str, folder: str | Path) -> Look:
        """The source before it is read, with everything that is wrong with its files."""
        try:
            return Look(self.list_files(name, folder), [])
        except (SourceError, OSError) as error:
            reason = str(error).removeprefix(f"source {name!r}: ")
            return Look([], [Finding((), reason)])

    def watched(self, name: str, folder: str | Path) -> list[Watched]:
        """The files as a listing shows them, sorted by name. Raises as :meth:`list_files` does."""
        files = self.list_files(name, folder)
        return [Watched(file.name, file.bytes, file.digest) for file in files]

    @abstractmethod
    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The documents of one file, or of a piece of it, and what of it could not be taken."""

    @property
    def bad_file(self) -> tuple[type[Exception], ...]:
        """What a file that is no good may make :meth:`read` raise, beside what it rejects itself.

        OSError is in it, since PyArrow raises it for a corrupt file and a failing storage alike.
        """
        return (OSError,)

    def guarded(self, file: SourceFile, records: Iterator[Record]) -> Iterator[Record]:
        """The records of a file; where they break off because it is no good, a rejection of it.

        Raises OSError when the storage fails.
        """
        last = "the start"
        try:
            for record in records:
                yield record
                last = record.locator
        except self.bad_file as error:
            file.raise_if_storage_fails()
            yield Rejection(file.name, "unreadable_file", f"after {last}: {described(error)}")

    def records_of(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """What :meth:`read` finds in a file, whatever is in it."""
        return self.guarded(file, self.read(file, max_document_bytes))

    streams: ClassVar[bool] = True
    """Whether a file's first documents are found without reading all of it."""

    @property
    def file_reader(self) -> str:
        """The name of the reader of its files."""
        return str(self.model_dump(include={"reader"})["reader"])

    @property
    def most_documents(self) -> int | None:
        """How many documents it gives at most, where the section says so."""
        return self.take

    @property
    def columns(self) -> Sequence[tuple[Location, str]]:
        """The columns or keys of a row that the section names, each with the field that does."""
        return ()

    @property
    def is_remote(self) -> bool:
        """Whether any of its files lies behind a network."""
        return False

    @property
    def is_one_unit(self) -> bool:
        """Whether a document depends on all files, as a choice that spans them does."""
        return self.take is not None

    @property
    def has_conversations(self) -> bool:
        """Whether its documents are conversations, for which a tokenizer has a chat template."""
        return False

    @property
    def item_benchmarks(self) -> Sequence[str]:
        """The benchmarks whose items the source is read with."""
        return ()

    def uses(self) -> list[ModuleType]:
        """The modules that change the documents because the section asks for them."""
        return [repair] if self.repair else []

    def block_files(self, name: str, folder: str | Path) -> dict[str, SourceFile]:
        """The files of the source's block lists, by list. Raises SourceError for a missing one."""
        return {}

    def pieces(self, file: SourceFile, target_bytes: int) -> list[SourceFile]:
        """A file as pieces of about ``target_bytes`` of text; itself, if it cannot be cut.

        Raises OSError when the storage fails; a file that is broken is left to :meth:`read`.
        """
        return [file]

    def read_so_far(self, file: SourceFile, records: int, position: int) -> int:
        """How many bytes of a file ``records`` stand for, where its reader came to ``position``."""
        return position

    def found(self, files: Sequence[SourceFile], reading: Reading) -> Iterator[Record]:
        """What the reader finds in all files, in order."""
        for file in files:
            yield from self.records_of(file, reading.max_document_bytes)

    def records(self, files: Sequence[SourceFile], reading: Reading) -> Iterator[Record]:
        """What is found, its text as it stays: document ids are made of it."""
        records = self.found(files, reading)
        return repair.repaired_records(self.repair, records) if self.repair else records

    def in_place(
        self, files: Sequence[SourceFile], documents: "pl.DataFrame", part_bytes: int
    ) -> "InPlace | None":
        """The documents without their text, if it can stay in the files."""
        return None
