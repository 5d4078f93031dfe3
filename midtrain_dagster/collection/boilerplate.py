"""Boilerplate lines: what stands at the top or bottom of many pages of one site.

Extraction takes a page at a time, so it cannot know that "Next | Previous | Contents" or a notice
about cookies stands on every page. Here pages of one host (of one source, where they have no URL)
are looked at together: a line among the first or last few of more than a share of them goes.
Digits count as one another, so that "Page 3" and "Page 4" are the same line.

Pages are looked at in windows of consecutive records (32 MB of text) within one unit of files, so
memory is bounded and the result is a pure function of the unit. The price: a line that recurs over
the whole corpus but on few pages of any window stays; that is the work of the repeated-text
methods, which see everything. A host with fewer than ``minimum_pages`` in a window is left alone,
as most hosts of a sampled crawl are. And because a document's id is made of its text, a page added
to a unit may change its neighbours' ids.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from pydantic import Field

from midtrain_dagster.collection.record import Document, Record
from midtrain_dagster.core.frozen_model import FrozenModel

VERSION = 1


class Boilerplate(FrozenModel):
    """Which lines of a site's pages are boilerplate."""

    share: float = Field(0.5, gt=0, lt=1, description="Lines of more than this share of pages go")
    minimum_pages: int = Field(10, gt=1, description="Hosts of fewer pages are left alone")
    lines: int = Field(5, gt=0, description="How many lines at the top, and at the bottom, count")


WINDOW_CHARACTERS = 32 * 2**20

_DIGITS = re.compile(r"\d+")
_HOST = re.compile(r"^[a-z]+://(?:[^/?#]*@)?([^/?#]*)", re.IGNORECASE)


def without_boilerplate(boilerplate: Boilerplate, records: Iterable[Record]) -> Iterator[Record]:
    """The records, in order; ``boilerplate_lines`` in the metadata counts what a page lost.

    Pages belong together by the host of the ``url`` in their metadata.
    """
    window: list[Record] = []
    size = 0
    for record in records:
        window.append(record)
        size += len(record.text) if isinstance(record, Document) else 0
        if size >= WINDOW_CHARACTERS:
            yield from _cleaned(boilerplate, window)
            window, size = [], 0
    yield from _cleaned(boilerplate, window)


def _cleaned(boilerplate: Boilerplate, window: list[Record]) -> list[Record]:
    hosts: dict[str, list[int]] = defaultdict(list)
    for place, record in enumerate(window):
        if isinstance(record, Document):
            found = _HOST.match(str(record.metadata.get("url")))
            hosts[found.group(1).lower() if found else ""].append(place)
    cleaned = list(window)
    for places in hosts.values():
        pages = [record.text for i in places if isinstance(record := window[i], Document)]
        results = without_recurring_lines(pages, boilerplate)
        for place, (text, removed) in zip(places, results, strict=True):
            record = window[place]
            if removed and isinstance(record, Document):
                metadata = {**record.metadata, "boilerplate_lines": removed}
                cleaned[place] = record._replace(text=text, metadata=metadata)
    return cleaned


def without_recurring_lines(
    pages: Sequence[str], boilerplate: Boilerplate
) -> list[tuple[str, int]]:
    """Each page without the lines that recur at the top or bottom, and how many those were."""
    if len(pages) < boilerplate.minimum_pages:
        return [(page, 0) for page in pages]
    split = [page.split("\n") for page in pages]
    edges = [_edges(lines, boilerplate.lines) for lines in split]
    counts = [
        Counter(
            key
            for lines, edge in zip(split, edges, strict=True)
            for key in {_key(lines[i]) for i in edge[side]}
        )
        for side in (0, 1)
    ]
    least = boilerplate.share * len(pages)
    recurring = [{key for key, count in side.items() if count > least} for side in counts]
    results = []
    for page, lines, edge in zip(pages, split, edges, strict=True):
        gone = {i for side in (0, 1) for i in edge[side] if _key(lines[i]) in recurring[side]}
        kept = "\n".join(line for i, line in enumerate(lines) if i not in gone)
        results.append((kept.strip("\n") if gone else page, len(gone)))
    return results


def _edges(lines: Sequence[str], count: int) -> tuple[list[int], list[int]]:
    """Where the first and the last ``count`` lines that are not blank stand."""
    filled = [i for i, line in enumerate(lines) if line.strip()]
    return filled[:count], filled[-count:]


def _key(line: str) -> str:
    return _DIGITS.sub("0", line.strip())
