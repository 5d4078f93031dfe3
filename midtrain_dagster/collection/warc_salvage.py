"""What a damaged member of a WARC file still holds: the records whose own digest says so."""

import re
from collections.abc import Iterator, Set

from midtrain_dagster.collection.record import Rejection
from midtrain_dagster.collection.warc_record import (
    WarcRecord,
    digest_holds,
    header_fields,
    identifier,
)

START = re.compile(rb"WARC/(?:1\.\d|0\.1[78])[ \t]*\r?\n[!-9;-~]+:")
"""A version line with a header behind it."""
_HEADER_END = re.compile(rb"\r?\n\r?\n")


class Salvage:
    """The records that a damaged member still holds."""

    def __init__(self, name: str, kinds: Set[str], longest: int):
        self.known = 0
        self.bytes = 0
        self._name = name
        self._kinds = kinds
        self._longest = longest

    def records(self, data: bytes) -> Iterator[WarcRecord | Rejection]:
        """Those of the kind whose digest holds; of others that they are lost, by their ids."""
        at = 0
        while found := START.search(data, at):
            end = _HEADER_END.search(data, found.start())
            if end is None:
                return
            headers = header_fields(data[found.start() : end.start()])
            at = end.end()
            length = headers.get("content-length", "").strip()
            if headers.get("warc-type", "").lower() not in self._kinds or not length.isdigit():
                continue
            size = int(length[:18])
            self.bytes += end.end() - found.start() + size
            self.known += 1
            name = identifier(headers) or f"record at byte {found.start()} of a damaged member"
            record = WarcRecord(name, headers, data[at : at + size])
            if size <= self._longest and digest_holds(record):
                at += size
                yield record
            else:
                yield Rejection(
                    f"{self._name}:{name}", "broken_stream", "its compressed data is corrupt"
                )
