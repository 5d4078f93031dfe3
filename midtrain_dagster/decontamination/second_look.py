"""A second look at doubtful passages: whether they mean what the item says, by sentence embeddings.

The words of a passage convict by themselves from a score of ``certain`` on. Between the method's
own threshold and that, the passage and the item's text are embedded
(`curation.raters.sentence_embedding`), and the cosine of the two decides: so a recipe may set the
method's threshold low, to find copies that were edited much, and still spare the page that shares
no more than a form with an item.

The passage is what matches, out to the ends of the lines that it touches, but on each side by no
more than the item's own length: a match may be thirteen words of a paragraph that says the rest in
other words.

**What it costs**: two embeddings a doubtful passage, on one core; nothing for a document in which
the scan finds nothing. MiniLM takes some 10 ms for each of them, static vectors a hundredth of it.

**What it cannot do.** It finds nothing: a paraphrase or a translation that shares no n-gram with an
item is never looked at. It does not tell numbers, names and a lost "not" apart, which embeddings
hardly see: a sibling of the item is as similar as the item. The cosine that separates is the
model's own, so it has no default: choose it on passages that you have read (the report lists both
sides). What an encoder does not read, it does not compare: MiniLM reads the first 256 tokens.
"""

from pathlib import Path

import numpy as np
import polars as pl

from midtrain_dagster.curation.raters import sentence_embedding
from midtrain_dagster.decontamination.options import SecondLook

VERSION = 1
USES = (sentence_embedding,)


def similarities(
    found: pl.DataFrame, documents: pl.Series, texts: pl.Series, look: SecondLook, model: Path
) -> pl.Series:
    """Of each occurrence (``scan.OCCURRENCES``) the cosine of passage and item; null of those that
    are certain.

    ``documents`` are the texts of the documents by row, ``texts`` those of items by number;
    ``model`` is the folder of the embedding model. Raises as `sentence_embedding.embed` does.
    """
    alike = np.full(found.height, np.nan)
    doubtful = (found["lcs_ratio"] < look.certain).arg_true()
    if doubtful.len():
        rows = found[doubtful].select("document", "variant", "start", "stop").iter_rows()
        pairs = [
            (passage(documents[document] or "", start, stop, texts[variant]), texts[variant])
            for document, variant, start, stop in rows
        ]
        passages, items = zip(*pairs, strict=True)
        left = sentence_embedding.embed(pl.Series(passages), model)
        right = sentence_embedding.embed(pl.Series(items), model)
        alike[doubtful.to_numpy()] = (left.astype(np.float64) * right).sum(axis=1)
    return pl.Series("similarity", alike).fill_nan(None)


def passage(text: str, start: int, stop: int, item: str) -> str:
    """The text from byte ``start`` to ``stop``, widened as the module says."""
    data = text.encode()
    room = len(item.encode())
    before = data[max(0, start - room) : start].decode(errors="ignore").rpartition("\n")[2]
    after = data[stop : stop + room].decode(errors="ignore").partition("\n")[0]
    return before + data[start:stop].decode(errors="replace") + after
