"""Documents refused by their URL: block lists of domains, of whole URLs, and of words in URLs.

FineWeb's first step (Penedo et al. 2024, section 3.1), after RefinedWeb (Penedo et al. 2023,
appendix G.1), with lists such as UT1's. A listed domain blocks its subdomains. A URL is compared
without its scheme, fragment and last slash, its host in lower case and, in the list as in the URL,
as it is looked up: ``bücher.example`` is ``xn--bcher-kva.example`` (IDNA 2008 after the mapping of
UTS 46, by the package ``idna``). A word blocks where it stands whole between what is neither letter
nor digit; RefinedWeb's second list, of words of which two must occur, and its list of parts of
words are left out.

A list is kept as sorted 64-bit hashes: 8 bytes an entry, so five million domains cost a process
40 MB where a set of strings costs 600, and ten seconds once. Two strings of one hash would block a
URL that is not listed: with five million entries, about one URL in 10^12.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self
from urllib.parse import unquote

from pydantic import Field, model_validator

from midtrain_dagster.collection.record import Document, Record, Rejection
from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.filesystem import filesystem_of, located
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.source_file import (
    SourceError,
    SourceFile,
    local_file,
    remote_file,
)
from midtrain_dagster.core.stream import COMPRESSIONS, BrokenStream, open_stream

if TYPE_CHECKING:
    import numpy as np

VERSION = 2

_HOST = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:)?(?://)?(?:[^/?#]*@)?(\[[^\]]*\]|[^/?#:]*)", re.IGNORECASE
)
_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
LONGEST_HOST = 253
"""Characters; what is longer is no host, and would cost its square to encode."""

_BLANK = " \t\r\n\f\ufeff"


class ListFile(FrozenModel):
    """A block list in a file; a recipe says its path alone.

    What it holds is a cause of the documents, by its digest, and where it lies is not.
    """

    path: Annotated[str, NOT_A_CAUSE] = Field(min_length=1)
    """The list's file, relative to the recipe."""

    @model_validator(mode="before")
    @classmethod
    def _said_alone(cls, said: Any) -> Any:
        return {"path": said} if isinstance(said, str) else said

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "description": "The list's file"}


class Block(FrozenModel):
    """Block lists of URLs, each a file of one entry a line.

    Files may be ``.gz`` or ``.zst``; ``#`` starts a comment; relative paths start in the recipe's
    folder.
    """

    domains: ListFile | list[str] | None = Field(
        None, description="A file of domains, or the domains; each blocks its subdomains too"
    )
    urls: ListFile | None = Field(None, description="A file of whole URLs")
    words: ListFile | None = Field(
        None, description="A file of words that block the URL they stand in"
    )

    @model_validator(mode="after")
    def _a_list(self) -> Self:
        if not (self.domains or self.urls or self.words):
            raise ValueError("name a list: `domains`, `urls` or `words`")
        return self

    @property
    def paths(self) -> dict[str, str]:
        """Where the lists that are files lie, by list."""
        lists = {"domains": self.domains, "urls": self.urls, "words": self.words}
        return {name: each.path for name, each in lists.items() if isinstance(each, ListFile)}


class BlockList(NamedTuple):
    """The three lists, each as sorted hashes of its entries."""

    domains: "np.ndarray"
    urls: "np.ndarray"
    words: "np.ndarray"

    def refusal(self, locator: str, url: str | None) -> Rejection | None:
        """Why the document of this URL is refused, with the matching entry; None if it is not."""
        if not isinstance(url, str) or not url:
            return Rejection(locator, "missing_key", "no URL to compare with the block list")
        if self.domains.size and (entry := _listed(self.domains, _domains(url))):
            return Rejection(locator, "blocked_domain", f"{entry} (of {url})")
        if self.urls.size and (entry := _listed(self.urls, [_bare(url)])):
            return Rejection(locator, "blocked_url", f"{entry} (of {url})")
        if self.words.size and (entry := _listed(self.words, _words(url))):
            return Rejection(locator, "blocked_word", f"{entry} (of {url})")
        return None


def without_blocked(block_list: BlockList, records: Iterable[Record]) -> Iterator[Record]:
    """The records; documents whose ``url`` in the metadata is blocked become rejections."""
    for record in records:
        if isinstance(record, Document):
            yield block_list.refusal(record.locator, record.metadata.get("url")) or record
        else:
            yield record


def list_block_files(source_name: str, block: Block, folder: str | Path) -> dict[str, SourceFile]:
    """The files that a section names, by list (``domains``, ``urls``, ``words``).

    Relative paths start in ``folder``, the recipe's. Their digests are causes of the documents.
    Raises SourceError for one that is missing.
    """
    from pyarrow.fs import FileType

    files = {}
    for name, path in block.paths.items():
        uri = located(path, Path(folder).absolute())
        filesystem, inner = filesystem_of(uri)
        info = filesystem.get_file_info(inner)
        if info.type != FileType.File:
            raise SourceError(
                f"source {source_name!r}: {uri} is no file (from `block.{name}`); correct the path"
            )
        # Named by the list and its compression: what the file is called is no cause.
        file = name + next((each for each in COMPRESSIONS if uri.lower().endswith(each)), "")
        remote = "://" in uri
        files[name] = remote_file(file, uri, info.size) if remote else local_file(file, Path(uri))
    return files


def load_block_list(block: Block, files: Mapping[str, SourceFile]) -> BlockList:
    """The section's lists, read from ``files`` (:func:`list_block_files`) once a process.

    Raises SourceError for a list that is missing, broken, not UTF-8, or empty.
    """
    if missing := block.paths.keys() - files.keys():
        raise SourceError(f"no file for the block list of {', '.join(sorted(missing))}")
    import numpy as np

    lists = {name: _file_hashes(file, name) for name, file in files.items()}
    if isinstance(block.domains, list):
        lists["domains"] = _hashes(block.domains, "domains")
    nothing = np.empty(0, np.uint64)
    return BlockList(*(lists.get(name, nothing) for name in BlockList._fields))


@lru_cache(maxsize=16)
def _file_hashes(file: SourceFile, name: str) -> "np.ndarray":
    try:
        with open_stream(file) as stream:
            hashes = _hashes(map(bytes.decode, stream), name)
    except (BrokenStream, UnicodeDecodeError) as error:
        raise SourceError(f"{file.uri}: this block list cannot be read: {error}") from error
    if not hashes.size:
        raise SourceError(f"{file.uri}: this block list has no entry; mend it or take it out")
    return hashes


def _hashes(lines: Iterable[str], name: str) -> "np.ndarray":
    """The sorted hashes of a list's entries."""
    import numpy as np

    normalised = {"domains": _domain, "urls": _bare, "words": str.lower}[name]
    entries = (line.partition("#")[0].strip(_BLANK) for line in lines)
    return np.unique(np.fromiter((_hash(normalised(entry)) for entry in entries if entry), "u8"))


def _hash(entry: str) -> int:
    digest = blake2b(entry.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _listed(hashes: "np.ndarray", candidates: Iterable[str]) -> str | None:
    """The first candidate that the list holds."""
    entries = hashes.data
    for candidate in candidates:
        wanted = _hash(candidate)
        place = bisect_left(entries, wanted)
        if place < len(entries) and entries[place] == wanted:
            return candidate
    return None


def _domain(entry: str) -> str:
    return _ascii(entry.lower().strip(".*"))


def _ascii(host: str) -> str:
    """A host as it is looked up: in ASCII. One that is no host at all stays as it is."""
    if "%" in host:
        host = unquote(host)
    if host.isascii() or len(host) > LONGEST_HOST:
        return host
    import idna

    try:
        return idna.encode(host, uts46=True).decode().strip(".")
    except (idna.IDNAError, UnicodeError):
        return _by_labels(host)


def _by_labels(host: str) -> str:
    """Label by label, as browsers do of names that IDNA does not allow (an emoji, ``a_b``)."""
    labels = re.split("[.\u3002\uff0e\uff61]", unicodedata.normalize("NFKC", host).lower())
    return ".".join(
        each if each.isascii() else "xn--" + each.encode("punycode").decode() for each in labels
    )


def _domains(url: str) -> list[str]:
    """The URL's host and every domain above it, the host first."""
    match = _HOST.match(url)
    labels = _domain(match.group(1) if match else "").split(".")
    return [".".join(labels[first:]) for first in range(len(labels)) if labels[first]]


def _bare(url: str) -> str:
    """The URL without scheme, fragment and last slash, its host as it is looked up."""
    bare = _SCHEME.sub("", url.partition("#")[0]).rstrip("/")
    host, slash, path = bare.partition("/")
    return _ascii(host.lower()) + slash + path


def _words(url: str) -> list[str]:
    return _WORD.findall(unquote(url).lower())
