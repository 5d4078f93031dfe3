"""Benchmark items planted in real pages, to measure the recall of decontamination.

No public tool says how many contaminated documents it misses, so a recipe plants some and counts.
An item is put where it would stand in a crawl: as a paragraph of its own, or between two sentences.
Only items whose question holds a 13-gram are planted, since that is the shortest run of words that
GPT-3 and its successors look for (Brown et al. 2020, appendix C): recall then measures the method,
not the length of the questions.
"""

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from heapq import nsmallest

import polars as pl

from midtrain_dagster.collection.readers import json_lines
from midtrain_dagster.collection.readers.json_lines import read_json_lines
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.collection.source import PlantedSource
from midtrain_dagster.core.source_file import SourceError, SourceFile

VERSION = json_lines.VERSION
"""Of the reader of its pages; raise it beyond that when planting changes."""

SHORTEST_QUESTION = 13  # words

_WORD = re.compile(r"\w+")
_PARAGRAPH_END = re.compile(r"\n\s*\n(?=\S)")
_SENTENCE_END = re.compile(r"""(?<=[.!?])["'\u201d\u2019)]*\s+(?=\S)""")


def read_planted(
    source_name: str,
    source: PlantedSource,
    files: Sequence[SourceFile],
    max_document_bytes: int,
    benchmark_items: pl.DataFrame | None,
) -> Iterator[Record]:
    """``items`` documents for each benchmark, each a page with one item in it.

    Metadata tells what was planted where:
    ``{"planted": {"benchmark", "item", "start", "stop"}}`` in UTF-8 bytes of the text. Items and
    pages are drawn by a hash of the seed: neither depends on the order of rows or files, and a
    benchmark added at the end leaves the others' pages as they are.

    Raises SourceError when a benchmark has no items.
    """
    rejections: list[Rejection] = []
    pages = nsmallest(
        source.items * len(source.benchmarks),
        _pages(source, files, max_document_bytes, rejections),
        key=lambda page: _draw(source.seed, page.locator),
    )
    yield from rejections
    for position, benchmark in enumerate(source.benchmarks):
        items = _items(source_name, source, benchmark, benchmark_items)
        chosen = pages[position * source.items :][: len(items)]
        for page, (item, text) in zip(chosen, items, strict=False):
            yield _planted(source.seed, page, benchmark, item, text)
        missing = source.items - min(len(chosen), len(items))
        if missing:
            yield Rejection(
                benchmark,
                "too_few",
                f"{missing} of {source.items} not planted: {len(items)} items with a question of "
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
        for record in read_json_lines(source.pages, file, max_document_bytes):
            if isinstance(record, Rejection):
                rejections.append(record)
            elif _seams(record.text):
                yield record


def _items(
    source_name: str, source: PlantedSource, benchmark: str, benchmark_items: pl.DataFrame | None
) -> list[tuple[str, str]]:
    """Ids and texts of the items drawn from a benchmark."""
    if benchmark_items is None:
        raise SourceError(f"source {source_name!r}: planting needs the benchmark items")
    rows = benchmark_items.filter(pl.col("benchmark") == benchmark)
    if rows.is_empty():
        known = benchmark_items["benchmark"].unique().sort().to_list()
        raise SourceError(
            f"source {source_name!r}: the benchmark {benchmark!r} has no items to plant; "
            f"there are items of {', '.join(known) or 'none'}"
        )
    items = [
        (item, repaired(f"{question} {answer}" if answer else question).strip())
        for item, question, answer in rows.select("item", "question", "answer").iter_rows()
        if question and len(_WORD.findall(question)) >= SHORTEST_QUESTION
    ]
    return nsmallest(
        source.items, items, key=lambda item: _draw(source.seed, f"{benchmark}/{item[0]}")
    )


def _seams(text: str) -> list[tuple[int, str]]:
    """Where a text may be parted (paragraphs, else sentences), and what then follows the item."""
    seams = [(match.end(), "\n\n") for match in _PARAGRAPH_END.finditer(text)]
    return seams or [(match.end(), " ") for match in _SENTENCE_END.finditer(text)]


def _planted(seed: int, page: Document, benchmark: str, item: str, text: str) -> Document:
    seams = _seams(page.text)
    at, gap = seams[_draw(seed, f"seam/{page.locator}") % len(seams)]
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


def _draw(seed: int, name: str) -> int:
    return int.from_bytes(blake2b(f"{seed}/{name}".encode(), digest_size=8).digest(), "big")
