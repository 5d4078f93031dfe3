"""One record of a WARC file: its header, its content block, and whether its digest holds."""

import base64
import hashlib
import re
from typing import NamedTuple

_FOLDED = re.compile(r"\r?\n[ \t]+")
_DIGESTS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "md5": hashlib.md5}


class WarcRecord(NamedTuple):
    """A record: its headers by their names in lower case, and its content block."""

    identifier: str
    """Its id, without brackets; where it has none, its number."""
    headers: dict[str, str]
    block: bytes

    @property
    def kind(self) -> str:
        """Its ``WARC-Type``."""
        return self.headers.get("warc-type", "").lower()

    @property
    def url(self) -> str:
        """Its ``WARC-Target-URI``, without the brackets that WARC 1.0 has and nobody means."""
        return self.headers.get("warc-target-uri", "").strip("<> ")

    @property
    def truncation(self) -> str:
        """Why its block is not all there was, as crawlers say: ``length``, ``time`` and such."""
        segment = "segment" if "warc-segment-number" in self.headers else ""
        return self.headers.get("warc-truncated", "") or segment


def header_fields(data: bytes) -> dict[str, str]:
    """The named fields of a header, by their names in lower case; of several the first."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    fields: dict[str, str] = {}
    for line in _FOLDED.sub(" ", text).split("\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


def identifier(headers: dict[str, str]) -> str:
    """The id in a header, without brackets; empty if there is none."""
    return headers.get("warc-record-id", "").strip("<> ")


def digest_holds(record: WarcRecord) -> bool | None:
    """Whether the digest of a record's block is what it says; None if it says none."""
    algorithm, _, said = record.headers.get("warc-block-digest", "").partition(":")
    algorithm = algorithm.strip().lower().replace("-", "")
    if algorithm not in _DIGESTS:
        return None
    digest = _DIGESTS[algorithm](record.block, usedforsecurity=False).digest()
    said = said.strip()
    try:
        return said.lower() == digest.hex() or base64.b32decode(said.upper()) == digest
    except ValueError:
        return False
