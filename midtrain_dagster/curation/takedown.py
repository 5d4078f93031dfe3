"""Documents that a removal list names are taken out of what was collected, as if never there.

An entry is an id, as `midtrain explain` shows it (12 digits or all 32), or a URL, compared in the
normal form of the duplicates method `url`. What is taken out is known by its id, source and place
alone; its text goes with the parts that held it, when these are cleaned.

Ids and normal URLs of a part are looked up once, and a longer list reads only them; only the parts
that hold a named document are written anew. An entry that names nothing costs nothing: its document
may come later.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated

import polars as pl
from pydantic import AfterValidator

from midtrain_dagster.core.causes import NOT_A_CAUSE, cause
from midtrain_dagster.core.filesystem import filesystem_of
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.curation.duplicates import urls

VERSION = 1
USES = (urls,)

SHORTEST = 12
"""Digits of an id: as many as people are shown, and so many that no two documents share them."""

PLACES = pl.Schema(
    {"id": pl.String(), "source": pl.String(), "locator": pl.String(), "url": pl.String()}
)
TAKEN_DOWN = pl.Schema(
    {"id": pl.String(), "source": pl.String(), "locator": pl.String(), "entry": pl.String()}
)
"""``entry`` is the entry of the list that named the document, in its normal form."""

_HEX = re.compile(r"[0-9a-fA-F]+")


class RemovalListError(ValueError):
    """A removal list that cannot be read, or an entry that is neither an id nor a URL."""


class Entries(FrozenModel):
    """A removal list, read: its digest is a cause, its length is none."""

    digest: str
    ids: Annotated[tuple[str, ...], NOT_A_CAUSE]
    urls: Annotated[tuple[str, ...], NOT_A_CAUSE]

    def __bool__(self) -> bool:
        return bool(self.ids or self.urls)


def normal_entry(entry: str) -> tuple[str, bool]:
    """An entry in its normal form, and whether it is a URL. Raises :class:`RemovalListError`."""
    written = entry.strip()
    if _HEX.fullmatch(written):
        if SHORTEST <= len(written) <= 32:
            return written.lower(), False
        raise RemovalListError(
            f"{written!r} has {len(written)} digits: an id has {SHORTEST} to 32 of them, as "
            "`midtrain explain` shows it"
        )
    url = urls.normal_url(written) if "." in written or "://" in written else None
    if url is None:
        raise RemovalListError(f"{written!r} is neither a document's id nor a URL")
    return url, True


def _checked(entry: str) -> str:
    normal_entry(entry)
    return entry


RemovalEntry = Annotated[str, AfterValidator(_checked)]
"""An id or a URL, as a recipe writes it."""


def read_entries(listed: Sequence[str] | str) -> Entries:
    """The entries themselves, or those of a file: one a line; empty lines and those that begin with
    ``#`` are passed over. Raises :class:`RemovalListError` with the line that is none."""
    numbered: Iterable[tuple[str, str]]
    if isinstance(listed, str):
        try:
            files, path = filesystem_of(listed)
            with files.open_input_stream(path) as stream:
                lines = stream.read().decode("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise RemovalListError(f"{listed} cannot be read: {error}") from error
        numbered = [
            (f"{listed}, line {number}: ", line)
            for number, line in enumerate(lines, 1)
            if line.strip() and not line.lstrip().startswith("#")
        ]
    else:
        numbered = [("", entry) for entry in listed]
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for place, entry in numbered:
        try:
            normal, is_url = normal_entry(entry)
        except RemovalListError as error:
            raise RemovalListError(f"{place}{error}") from error
        found[is_url].add(normal)
    ids, addresses = (tuple(sorted(found[is_url])) for is_url in (False, True))
    return Entries(digest=cause(ids, addresses), ids=ids, urls=addresses)


def places(documents: pl.LazyFrame) -> dict[str, pl.DataFrame]:
    """Of each document of one part what an entry may name (PLACES)."""
    said = documents.select(
        "id", "source", "locator", url=pl.col("metadata").str.json_path_match("$.url")
    ).collect()
    normal = [None if url is None else urls.normal_url(url) for url in said["url"]]
    return {"places": said.with_columns(url=pl.Series(normal, dtype=pl.String))}


def taken_down(
    places: pl.LazyFrame, *, ids: Sequence[str], urls: Sequence[str]
) -> dict[str, pl.DataFrame]:
    """The documents that entries name (TAKEN_DOWN; one that several name has a row for each)."""
    beginnings = pl.LazyFrame({"entry": list(ids)}, schema={"entry": pl.String}).with_columns(
        beginning=pl.col("entry").str.head(SHORTEST)
    )
    by_id = (
        places.with_columns(beginning=pl.col("id").str.head(SHORTEST))
        .join(beginnings, on="beginning")
        .filter(pl.col("id").str.starts_with(pl.col("entry")))
    )
    addresses = pl.LazyFrame({"url": list(urls)}, schema={"url": pl.String})
    by_url = places.join(addresses.with_columns(entry="url"), on="url")
    found = pl.concat([each.select(TAKEN_DOWN.names()) for each in (by_id, by_url)])
    return {"taken_down": found.collect().unique().sort("id", "entry")}


def without(documents: pl.DataFrame, *, ids: Sequence[str]) -> dict[str, pl.DataFrame]:
    """A part without the documents of these ids."""
    named = pl.Series("id", list(ids), dtype=pl.String)
    return {"documents": documents.filter(~pl.col("id").is_in(named.implode()))}


def told(taken: pl.DataFrame, entries: Entries) -> list[str]:
    """What became of a removal list, in lines: entries that name no document are doubtful."""
    unknown = sorted({*entries.ids, *entries.urls} - {*taken["entry"]})
    lines = [f"{taken['id'].n_unique():,} documents taken out by the removal list"]
    if unknown:
        named = ", ".join(unknown[:3]) + (", ..." if len(unknown) > 3 else "")
        lines.append(
            f"{len(unknown):,} entries of the removal list name no document (they may come "
            f"later): {named}"
        )
    return lines
