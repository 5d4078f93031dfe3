"""What of a source cannot be read as its section says, by its files and its first rows."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from midtrain_dagster.collection.document_source import DocumentSource
from midtrain_dagster.collection.file_kind import memory_needed, mistaken
from midtrain_dagster.collection.first_rows import FirstRows, first_rows
from midtrain_dagster.collection.record import Rejection
from midtrain_dagster.core.filesystem import AccessError
from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.core.problems import Location
from midtrain_dagster.core.source_file import SourceError, SourceFile

READ_AS = {
    ".parquet": "parquet",
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
    ".wet": "wet",
    ".warc": "warc",
    ".pdf": "pdf",
}
"""Suffixes that say how a file is read."""


class SourceInputs(NamedTuple):
    """A source as it was looked at before a run."""

    files: list[SourceFile]
    """Without digests, where those cost a reading."""
    rows: FirstRows
    findings: list[Finding]
    """By the way to the field, from the source on."""


def source_inputs(
    name: str, source: DocumentSource, folder: str | Path, *, max_document_bytes: int
) -> SourceInputs:
    """List a source's files and read their beginnings."""
    files, findings = source.look(name, folder)
    findings = [*findings, *_block_lists(name, source, folder)]
    rows = FirstRows()
    try:
        wrong = list(_other_sorts(source, files))
        findings += wrong
        if files and not any(finding.stops for finding in wrong):
            rows = first_rows(source, files, max_document_bytes)
            findings += _of_rows(source, files, rows)
    except OSError as error:
        if not any(finding.stops for finding in findings):
            findings.append(Finding(("paths",), str(error)))
    return SourceInputs(files, rows, findings)


def _block_lists(name: str, source: DocumentSource, folder: str | Path) -> Iterator[Finding]:
    try:
        source.block_files(name, folder)
    except (SourceError, AccessError) as error:
        yield Finding(("block",), str(error).removeprefix(f"source {name!r}: "))


def _other_sorts(source: DocumentSource, files: list[SourceFile]) -> Iterator[Finding]:
    """Files that are of another sort than the reader takes, by a few of each suffix."""
    reader, looked = source.file_reader, Counter[str]()
    wrong: dict[str, list[str]] = {}
    for file in files:
        suffix = file.name.lower().rpartition(".")[2]
        looked[suffix] += 1
        if looked[suffix] <= 3 and (reason := mistaken(reader, file)):
            wrong.setdefault(reason, []).append(file.name)
        if looked[suffix] == 1 and (memory := memory_needed(file)):
            reason = f"{file.name} takes {memory / 2**20:,.0f} MiB of memory in each worker"
            yield doubt(("paths",), f"{reason} that unpacks it, for its zstd window is so long")
    seen = sum(min(3, count) for count in looked.values())
    for reason, names in wrong.items():
        others = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
        stops = sum(map(len, wrong.values())) == seen
        yield Finding(("reader",), f"{names[0]}{others}: {reason}", stops)
    for suffix, other in READ_AS.items():
        names = [file.name for file in files if suffix in Path(file.name).suffixes]
        if reader in ("text", "html", "manual_page") and names and not wrong:
            reason = f"{names[0]} is read as one document: reader: {other} reads what is in it"
            yield doubt(("reader",), reason)


def _of_rows(source: DocumentSource, files: list[SourceFile], rows: FirstRows) -> Iterator[Finding]:
    """What the first rows say: none of them can be read, many cannot, a key is in none of them."""
    if not any(file.bytes for file in files):
        yield Finding(("paths",), "all of its files are empty")
        return
    if not rows.rejections:
        reason = "its files are too large to look into: their reader needs all of one to begin"
        yield doubt(("paths",), reason)
        return
    faults = [
        rejection
        for rejected in rows.rejections.values()
        for rejection in rejected
        if rejection.reason not in source.tolerated
    ]
    if not rows.documents:
        yield from _nothing(source, rows, faults)
        return
    if faults:
        first, number = faults[0], len(faults) + len(rows.documents)
        reason = f"{len(faults)} of the first {number} cannot be read; the first: {_told(first)}"
        lost = [file for file in rows.rejections if rows.rejections[file] and not rows.found[file]]
        if lost:
            looked = len(rows.rejections)
            reason += f" (nothing of the beginning of {len(lost)} of {looked} files: {lost[0]})"
        yield doubt(_place(source, first), reason)
    found = {key for document in rows.documents for key in document.metadata}
    for place, name in _metadata(source).items():
        if name not in found:
            key = dict(source.columns)[place]
            stops = name == "url" and getattr(source, "block", None) is not None
            reason = f"none of the first {len(rows.documents)} rows has {key!r}"
            yield Finding(place, reason + (", by which they are blocked" if stops else ""), stops)


def _nothing(source: DocumentSource, rows: FirstRows, faults: list[Rejection]) -> Iterator[Finding]:
    """Nothing of what was looked at is a document."""
    if not faults:
        every = Counter(each.reason for found in rows.rejections.values() for each in found)
        told = ", ".join(f"{reason}: {count}" for reason, count in every.most_common()) or "nothing"
        yield doubt(("paths",), f"there is no document in its beginning ({told})")
        return
    places: dict[Location, Rejection] = {}
    for fault in faults:
        places.setdefault(_place(source, fault), fault)
    for place, fault in places.items():
        reason = f"nothing of its beginning can be read: {_told(fault)}"
        yield Finding(place, f"{reason}; correct the field, or the reader", stops=True)


def _told(rejection: Rejection) -> str:
    return f"{rejection.locator}: {rejection.reason}: {rejection.detail}"


def _place(source: DocumentSource, rejection: Rejection) -> Location:
    """The field that a rejection speaks of: its own words name the column or key."""
    if rejection.reason in ("missing_key", "not_text"):
        named = rejection.detail.partition(";")[0]
        for place, column in source.columns:
            if repr(column) in named:
                return place
    return ("paths",)


def _metadata(source: DocumentSource) -> dict[Location, str]:
    """The fields that name columns for the metadata, each with its name there."""
    return {
        place: column if place[-2:-1] == ("keep",) else str(place[-1])
        for place, column in source.columns
        if place[-1] in ("url", "date") or place[-2:-1] == ("keep",)
    }
