"""Duplicates by address: documents whose URLs name the same page.

The cheapest way, for crawls that hold a page several times: no text is read, and of a page that
changed between two visits one version stays, which no comparison of texts would see (RefinedWeb,
Penedo et al. 2023, section 3.3, drops URLs that earlier parts had). What makes two URLs the same is
told in `urls`; the forms themselves are compared, not hashes. Documents whose metadata has no
``url`` have no duplicates: WARC and WET files give it, of rows a source must ``keep`` it.
"""

from types import ModuleType
from typing import ClassVar, Literal

import polars as pl

from midtrain_dagster.core.artifacts import Figures, Part, scan_parts
from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation.duplicates import urls
from midtrain_dagster.curation.duplicates.method import Corpus, Method
from midtrain_dagster.curation.duplicates.verification import EDGES

VERSION = 1
USES = (urls,)


class Config(Method):
    """Documents of the same URL are duplicates, and nothing else is."""

    EDGE_MODULES: ClassVar[tuple[ModuleType, ...]] = ()

    method: Literal["url"] = "url"

    def sign(self, documents: Part) -> Work:
        """As `Method` says."""
        return Work(signatures, scans={"documents": [documents]})

    def edges(self, corpus: Corpus) -> tuple[list[Part], Figures]:
        """Each document with the first, by id, of those of its URL."""
        ((made,),) = corpus.run([Work(edges, scans={"signatures": corpus.signatures})])
        without = scan_parts(corpus.storage, corpus.signatures).select(pl.col("url").null_count())
        return [made], {"without_url": without.collect().item()}


def signatures(documents: pl.LazyFrame) -> dict[str, pl.DataFrame]:
    """The normal form of each document's URL. Input columns: id, metadata (a JSON object).

    Returns ``{"signatures": df}`` with columns id, url (null where there is none), error.
    """
    said = documents.select("id", said=pl.col("metadata").str.json_path_match("$.url")).collect()
    normal = [None if url is None else urls.normal_url(url) for url in said["said"]]
    table = said.with_columns(url=pl.Series(normal, dtype=pl.String))
    fault = pl.when(pl.col("said").is_null()).then(pl.lit("no url in its metadata"))
    no_url = pl.format("{} is no URL", "said")
    return {
        "signatures": table.select(
            "id", "url", error=fault.when(pl.col("url").is_null()).then(no_url)
        )
    }


def edges(signatures: pl.LazyFrame) -> dict[str, pl.DataFrame]:
    """Pairs of documents of the same URL. Input columns: id, url.

    Returns ``{"edges": df}`` with the columns of `verification.EDGES`, sorted by a and b; no
    ``jaccard`` is measured.
    """
    known = signatures.select("id", "url").filter(pl.col("url").is_not_null())
    pairs = known.select(a=pl.col("id").min().over("url"), b="id").filter(
        pl.col("a") != pl.col("b")
    )
    found = pairs.select("a", "b", method=pl.lit("url"), jaccard=pl.lit(None, pl.Float64))
    return {"edges": found.sort("a", "b").collect().cast(EDGES)}
