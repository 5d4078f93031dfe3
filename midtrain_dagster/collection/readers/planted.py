"""Benchmark items planted in real pages, to measure the recall of decontamination.

No public tool says how many contaminated documents it misses, so a recipe plants some and counts.
An item is put where it would stand in a crawl: as a paragraph of its own, or between two sentences.
Only items whose question holds a 13-gram are planted, since that is the shortest run of words that
GPT-3 and its successors look for (Brown et al. 2020, appendix C): recall then measures the method,
not the length of the questions.
"""

import re
from collections.abc import Iterator, Sequence
from heapq import nsmallest
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from midtrain_dagster.collection.document_source import DocumentSource, Look, Reading, Watched
from midtrain_dagster.collection.readers import json_lines
from midtrain_dagster.collection.readers.json_lines import JsonLinesSource
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.collection.repair import Repair
from midtrain_dagster.core import draws
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.problems import Location
from midtrain_dagster.core.source_file import SourceError, SourceFile

VERSION = 1
USES = (json_lines, draws)

SHORTEST_QUESTION = 13  # words

_WORD = re.compile(r"\w+")
_PARAGRAPH_END = re.compile(r"\n\s*\n(?=\S)")
_SENTENCE_END = re.compile(r"""(?<=[.!?])["'\u201d\u2019)]*\s+(?=\S)""")


class PlantedSource(DocumentSource):
    """Pages with benchmark items planted in them, to measure the recall of decontamination."""

    reader: Literal["planted"]
    pages: JsonLinesSource
    """The pages in which they are planted, as a source of JSON Lines."""
    benchmarks: list[str] = Field(min_length=1, description="Whose items are planted")
    items: int = Field(20, gt=0, description="Items a benchmark, one a page")
    seed: Seed = 0
    """Of the draw of items, and of their places in the pages."""

    @field_validator("pages")
    @classmethod
    def _only_pages(cls, pages: JsonLinesSource) -> JsonLinesSource:
        said = {"take", "language", "licence", "format"} & pages.model_fields_set
        if said:
            raise ValueError(
                f"say {', '.join(sorted(said))} of the planted source, not of its pages"
            )
        if pages.repair or pages.boilerplate or pages.block:
            raise ValueError("the pages of a planted source are taken as they are")
        if pages.messages:
            raise ValueError("items are planted in pages of text; `messages` are none")
        return pages

    @field_validator("repair")
    @classmethod
    def _places_must_hold(cls, repair: Repair | None) -> Repair | None:
        if repair is not None:
            raise ValueError("planted items are found again by their bytes; repair would move them")
        return repair

    def list_files(self, name: str, folder: str | Path) -> list[SourceFile]:
        """The files of the pages. Raises SourceError for what is missing."""
        return self.pages.list_files(name, folder)

    def watched(self, name: str, folder: str | Path) -> list[Watched]:
        """The pages as a listing shows them."""
        return self.pages.watched(name, folder)

    def look(self, name: str, folder: str | Path) -> Look:
        """The pages before they are read."""
        files, findings = self.pages.look(name, folder)
        return Look(files, [finding.below("pages") for finding in findings])

    @property
    def file_reader(self) -> str:
        """That of the pages."""
        return self.pages.file_reader

    @property
    def most_documents(self) -> int:
        """A page for each item."""
        return self.items * len(self.benchmarks)

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

    @property
    def item_benchmarks(self) -> Sequence[str]:
        """The benchmarks whose items are planted."""
        return self.benchmarks

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The pages of one file, with nothing planted yet."""
        return self.pages.records_of(file, max_document_bytes)

    def found(self, files: Sequence[SourceFile], reading: Reading) -> Iterator[Record]:
        """``items`` documents for each benchmark, each a page with one item in it.

        Metadata says what was planted where:
        ``{"planted": {"benchmark", "item", "start", "stop"}}`` in UTF-8 bytes of the text. Items
        and pages are drawn by a hash of the seed: neither depends on the order of rows or files,
        and a benchmark added at the end leaves the others' pages as they are.

        Raises SourceError when a benchmark has no items.
        """
        rejections: list[Rejection] = []
        pages = nsmallest(
            self.items * len(self.benchmarks),
            _pages(self, files, reading.max_document_bytes, rejections),
            key=lambda page: draws.place(page.locator, self.seed, bits=64),
        )
        yield from rejections
        for position, benchmark in enumerate(self.benchmarks):
            items = _items(reading, self, benchmark)
            chosen = pages[position * self.items :][: len(items)]
            for page, (item, text) in zip(chosen, items, strict=False):
                yield _planted(self.seed, page, benchmark, item, text)
            missing = self.items - min(len(chosen), len(items))
            if missing:
                yield Rejection(
                    benchmark,
                    "too_few",
                    f"{missing} of {self.items} not planted: {len(items)} items with a question of "
                    f"{SHORTEST_QUESTION} words, {len(chosen)} pages with a place for one",
                )


def _pages(
    source: PlantedSource,
    files: Sequence[SourceFile],
    max_document_bytes: int,
    rejections: list[Rejection],
) -> Iterator[Document]:
    """Pages with a place for an item; what cannot be read is added to ``rejections``."""
    for file in files:
        for record in source.read(file, max_document_bytes):
            if isinstance(record, Rejection):
                rejections.append(record)
            elif _seams(record.text):
                yield record


def _items(reading: Reading, source: PlantedSource, benchmark: str) -> list[tuple[str, str]]:
    """Ids and texts of the items drawn from a benchmark."""
    import polars as pl

    if reading.benchmark_items is None:
        raise SourceError(f"source {reading.source_name!r}: planting needs the benchmark items")
    rows = reading.benchmark_items.filter(pl.col("benchmark") == benchmark)
    if rows.is_empty():
        known = reading.benchmark_items["benchmark"].unique().sort().to_list()
        raise SourceError(
            f"source {reading.source_name!r}: the benchmark {benchmark!r} has no items to plant; "
            f"there are items of {', '.join(known) or 'none'}"
        )
    items = [
        (item, repaired(f"{question} {answer}" if answer else question).strip())
        for item, question, answer in rows.select("item", "question", "answer").iter_rows()
        if question and len(_WORD.findall(question)) >= SHORTEST_QUESTION
    ]
    return nsmallest(
        source.items,
        items,
        key=lambda item: draws.place(f"{benchmark}/{item[0]}", source.seed, bits=64),
    )


def _seams(text: str) -> list[tuple[int, str]]:
    """Where a text may be parted (paragraphs, else sentences), and what then follows the item."""
    seams = [(match.end(), "\n\n") for match in _PARAGRAPH_END.finditer(text)]
    return seams or [(match.end(), " ") for match in _SENTENCE_END.finditer(text)]


def _planted(seed: int, page: Document, benchmark: str, item: str, text: str) -> Document:
    seams = _seams(page.text)
    at, gap = seams[draws.place(f"seam/{page.locator}", seed, bits=64) % len(seams)]
    before, after = page.text[:at], page.text[at:]
    start = len(before.encode())
    where = {
        "benchmark": benchmark,
        "item": item,
        "start": start,
        "stop": start + len(text.encode()),
    }
    return Document(
        page.locator, before + text + gap + after, page.format, {**page.metadata, "planted": where}
    )
