"""What lies in the sources, seen by listing alone: what is new, changed or gone since last time.

No file is opened, so a look at a source costs a listing. One that cannot be listed, or not wholly,
is *unknown* and never empty: an unreachable bucket must not pass for a corpus that was taken away.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from midtrain_dagster.collection.document_source import DocumentSource, Watched, described
from midtrain_dagster.core.causes import cause
from midtrain_dagster.core.source_file import SourceError
from midtrain_dagster.core.storage import Storage

FOLDER = "listings"

LISTING = pl.Schema({"name": pl.String, "bytes": pl.Int64, "stamp": pl.String})


@dataclass(frozen=True)
class Listing:
    """A source as it was listed; ``fault`` says in a line why it could not be."""

    source: str
    files: tuple[Watched, ...] = ()
    fault: str = ""

    @property
    def digest(self) -> str:
        """Another where any file is new, changed or gone."""
        return cause(self.files)

    @property
    def table(self) -> pl.DataFrame:
        """The files, with the columns of LISTING."""
        return pl.DataFrame(self.files, schema=LISTING, orient="row")


def listed(sources: Mapping[str, DocumentSource], folder: str | Path) -> list[Listing]:
    """Every source; relative paths start in ``folder``, the recipe's."""
    return [_listed(name, source, folder) for name, source in sources.items()]


def _listed(name: str, source: DocumentSource, folder: str | Path) -> Listing:
    try:
        return Listing(name, tuple(source.watched(name, folder)))
    except (SourceError, OSError) as error:
        reason = described(error).removeprefix(f"source {name!r}: ")
        return Listing(name, fault=f"source {name!r}: {reason}")


def write_listing(storage: Storage, recipe: str, listing: Listing) -> None:
    """Keep a listing, so that a later one can be compared with it; earlier ones are dropped."""
    path = _path(recipe, listing.source, listing.digest)
    earlier = storage.list(path.rpartition("/")[0])
    buffer = io.BytesIO()
    listing.table.write_parquet(buffer)
    storage.write(path, buffer.getbuffer())
    for each in earlier:
        if each != path:
            storage.delete(each)


def difference(storage: Storage, recipe: str, listing: Listing, before: str | None) -> str:
    """How a source differs from its listing of the digest ``before``, in words."""
    path = None if before is None else _path(recipe, listing.source, before)
    if path is None or storage.size(path) is None:
        return f"{listing.source}: {len(listing.files):,} files"
    known = pl.read_parquet(io.BytesIO(storage.read(path)))
    both = listing.table.join(known, on="name", how="full", suffix="_before")
    changed = (pl.col("bytes") != pl.col("bytes_before")) | (
        pl.col("stamp") != pl.col("stamp_before")
    )
    counts = both.select(
        new=pl.col("name_before").is_null().sum(),
        changed=changed.sum(),
        gone=pl.col("name").is_null().sum(),
    ).row(0, named=True)
    said = [f"{count:,} {word}" for word, count in counts.items() if count]
    return f"{listing.source}: {', '.join(said)}"


def _path(recipe: str, source: str, digest: str) -> str:
    return f"{FOLDER}/{recipe}/{source}/{digest}.parquet"
