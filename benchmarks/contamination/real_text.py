"""Real text, of which each flag is read by a person: the web, documentation, code.

================  ==================================================================================
web               passages of OpenWebText and Wikipedia (the default data)
documentation     Debian's packages, as `benchmarks.corpus` reads them, and their pages of HTML as
                  text; every source once (no HTML of what is there as text)
code              the modules of Python's standard library and of the packages installed here
================  ==================================================================================
"""

import html
import json
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from benchmarks.contamination.planting import PAGES
from benchmarks.corpus import documents

HTML = (
    "sagemath/usr/share/doc/sagemath/html",
    "sagemath-doc/usr/share/doc/sagemath/html",
    "debian-handbook/usr/share/doc/debian-handbook/html",
    "gap-doc/usr/share/gap/doc",
    "maxima-doc/usr/share/doc/maxima-doc/html",
)
"""Folders of pages that no package has as text."""

CODE_MEGABYTES = 80
MAX_BYTES = 5_000_000

_HIDDEN = re.compile(r"<(script|style|head)\b.*?</\1>", re.DOTALL | re.IGNORECASE)
_BLOCK = re.compile(r"</?(p|div|li|h\d|tr|td|pre|br|dt|dd)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")

REAL = pl.Schema({"id": pl.String, "text": pl.String, "source": pl.String})


def real_text(folder: Path) -> pl.DataFrame:
    """The documents (``REAL``) of the packages in ``folder`` and of this installation, by source;
    the same text once."""
    made = [documents(folder).select(REAL.names()), *map(_table, (_web(), _pages(folder), _code()))]
    return pl.concat(made).unique("text", keep="first", maintain_order=True)


def _table(rows: Iterator[tuple[str, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=REAL, orient="row")


def _web() -> Iterator[tuple[str, str, str]]:
    for name in ("owt_5", "wikipedia_5"):
        for number, line in enumerate((PAGES / f"{name}.jsonl").open(encoding="utf-8")):
            for key, text in json.loads(line).items():
                if isinstance(text, str):
                    yield f"{name}/{number}/{key}", text, name


def _pages(folder: Path) -> Iterator[tuple[str, str, str]]:
    for root in HTML:
        for file in sorted((folder / root).rglob("*.html")):
            source = root.partition("/")[0]
            raw = file.read_text(encoding="utf-8", errors="replace")[:MAX_BYTES]
            text = _TAG.sub("", _BLOCK.sub("\n", _HIDDEN.sub(" ", raw)))
            yield str(file.relative_to(folder)), html.unescape(text), f"{source} (HTML)"


def _code() -> Iterator[tuple[str, str, str]]:
    paths = sysconfig.get_paths()
    for source, root in (("standard library", paths["stdlib"]), ("packages", paths["purelib"])):
        taken = 0
        for file in sorted(Path(root).rglob("*.py")):
            if source == "standard library" and "site-packages" in file.parts:
                continue
            text = file.read_bytes()[:MAX_BYTES].decode(errors="replace")
            taken += len(text)
            if taken > CODE_MEGABYTES * 1_000_000:
                break
            yield f"{source}/{file.relative_to(root)}", text, f"code: {source}"


def flags_of(real: pl.DataFrame, items: pl.DataFrame, hits: pl.DataFrame) -> pl.DataFrame:
    """What is accused (``scan.HITS``), beside the item's question, for a person to read: source,
    id, benchmark, item, question, text."""
    named = hits.join(real.select("id", "source"), on="id", how="left")
    asked = items.select("benchmark", "item", "question")
    return named.join(asked, on=["benchmark", "item"], how="left").select(
        "source", "id", "benchmark", "item", "question", "text"
    )
