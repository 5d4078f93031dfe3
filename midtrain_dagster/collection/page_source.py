"""Sources of pages: they may carry boilerplate, and have a URL by which they are refused."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from pydantic import Field

from midtrain_dagster.collection import block_list, boilerplate
from midtrain_dagster.collection.block_list import Block, BlockList
from midtrain_dagster.collection.boilerplate import Boilerplate
from midtrain_dagster.collection.document_source import Reading
from midtrain_dagster.collection.file_source import FileSource
from midtrain_dagster.collection.record import Record
from midtrain_dagster.core.source_file import SourceFile


class PageSource(FileSource):
    """A source of pages, which may carry boilerplate."""

    boilerplate: Boilerplate | None = Field(
        None, description="Remove lines that recur on the pages of a host, or of the source"
    )

    def uses(self) -> list[ModuleType]:
        """Boilerplate removal too, if the section asks for it."""
        return [*super().uses(), *([boilerplate] if self.boilerplate else [])]

    def records(self, files: Sequence[SourceFile], reading: Reading) -> Iterator[Record]:
        """What is found, repaired and then without boilerplate."""
        records = super().records(files, reading)
        if self.boilerplate is None:
            return records
        return boilerplate.without_boilerplate(self.boilerplate, records)


class UrlSource(PageSource):
    """A source whose documents may have a URL."""

    block: Block | None = Field(None, description="Documents refused by their URL")

    @property
    def is_remote(self) -> bool:
        """Whether a file of the source or of its block lists lies behind a network."""
        lists = self.block.paths.values() if self.block else ()
        return super().is_remote or any("://" in path for path in lists)

    def uses(self) -> list[ModuleType]:
        """Block lists too, if the section asks for them."""
        return [*super().uses(), *([block_list] if self.block else [])]

    def block_files(self, name: str, folder: str | Path) -> dict[str, SourceFile]:
        """The files of the block lists, by list. Raises SourceError for a missing one."""
        return block_list.list_block_files(name, self.block, folder) if self.block else {}

    def block_list(self, reading: Reading) -> BlockList | None:
        """The block lists, read. Raises SourceError for a broken one."""
        return block_list.load_block_list(self.block, reading.block_files) if self.block else None

    def found(self, files: Sequence[SourceFile], reading: Reading) -> Iterator[Record]:
        """What the reader finds; documents whose URL is blocked are rejections."""
        records, blocked = super().found(files, reading), self.block_list(reading)
        return records if blocked is None else block_list.without_blocked(blocked, records)
