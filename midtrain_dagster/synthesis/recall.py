"""Finds the documents of a corpus that are like some given ones: recall, as WebInstruct has it.

MAmmoTH2 (Yue et al. 2024, arXiv 2405.03548, section 2.1) trains fastText on seed documents against
random pages, recalls what it finds likely, and then looks at whole sites: a site is kept where
enough of it was recalled, and a site's single page is not. There a language model judged the sites;
here their share of recalled pages does.

The classifier is trained in this process, in a second for some thousand documents: one thread, so
the same documents and seed give the same model. No document that is recalled was trained on as a
seed; ordinary documents are drawn from those that are searched, as random pages are there.
"""

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from midtrain_dagster.core import draws
from midtrain_dagster.core.text_buffer import text_buffer

VERSION = 1
USES = (draws,)

SEEDS, ORDINARY = 20_000, 20_000
"""Documents of each side that are trained on, at most: drawn by their ids."""
LIKELY = 0.5
"""The probability above which a document is recalled."""
SITE_SHARE = 0.1
"""The share of a site's documents that has to be recalled, before one of them is."""

_TRAINING = {"dim": 16, "epoch": 5, "lr": 0.5, "minCount": 3, "wordNgrams": 2, "bucket": 200_000}


class Recalled(NamedTuple):
    """What a search found."""

    documents: pl.DataFrame
    """Those that are recalled, with a column ``recall``: the probability (Float32)."""
    searched: int
    likely: int
    """Documents above the bound, before their sites were looked at."""


def recall(seeds: pl.DataFrame, searched: pl.DataFrame, *, seed: int) -> Recalled:
    """The documents of ``searched`` that are like ``seeds`` (both with the schema ``DOCUMENTS``)
    and lie on sites that have more of them. Nothing is recalled without any seed."""
    if seeds.is_empty() or searched.is_empty():
        return Recalled(searched.clear().with_columns(recall=pl.lit(0, pl.Float32)), 0, 0)
    wanted = draws.first(seeds, count=SEEDS, seed=seed)
    ordinary = draws.first(searched, count=ORDINARY, seed=seed + 1)
    likely = pl.Series("recall", _likelihood(wanted, ordinary, searched["text"], seed))
    rated = searched.with_columns(
        likely.fill_nan(None), site=_sites(searched), found=(likely > LIKELY).fill_null(value=False)
    )
    shares = rated.with_columns(share=pl.col("found").mean().over("site"))
    kept = shares.filter("found", pl.col("share") >= SITE_SHARE)
    columns = [*searched.columns, "recall"]
    return Recalled(kept.select(columns), searched.height, int(rated["found"].sum()))


def _likelihood(
    wanted: pl.DataFrame, ordinary: pl.DataFrame, texts: pl.Series, seed: int
) -> np.ndarray:
    """How likely each text is one of the wanted ones; NaN where no word is known."""
    import fasttext

    from midtrain_dagster.curation.raters.fasttext_lines import token_lines
    from midtrain_dagster.curation.raters.fasttext_model import probability, read_model

    marked = [
        f"__label__{label} {line}"
        for label, side in (("wanted", wanted), ("ordinary", ordinary))
        for line in _lines(side["text"])
    ]
    with tempfile.TemporaryDirectory() as folder:
        examples, model = Path(folder) / "examples.txt", Path(folder) / "model.bin"
        examples.write_text("\n".join(marked) + "\n", encoding="utf-8", newline="\n")
        trained = fasttext.train_supervised(
            input=str(examples), thread=1, seed=draws.folded(seed, 31), verbose=0, **_TRAINING
        )
        trained.save_model(str(model))
        folded = read_model(model, "wanted")
    assert folded is not None, "a dense model with a softmax is read"
    return probability(token_lines(text_buffer(texts)), folded)


def _lines(texts: pl.Series) -> list[str]:
    from midtrain_dagster.curation.raters.fasttext_lines import token_lines

    lines = token_lines(text_buffer(texts))
    buffer = lines.buffer.tobytes()
    bounds = lines.offsets.tolist()
    return [
        " ".join(buffer[start:stop].decode(errors="ignore").split())
        for start, stop in pairwise(bounds)
    ]


def _sites(documents: pl.DataFrame) -> pl.Series:
    """The host of each document's address; its source where it has none."""
    hosts = documents["locator"].str.extract(r"^(?i:[a-z][a-z0-9+.-]*)://([^/?#]+)", 1)
    return hosts.fill_null(documents["source"])
