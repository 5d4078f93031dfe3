"""The documents of a domain that proxies read, where they repeat as the run that is meant does.

Shares are of tokens, so a proxy of P tokens that reads from the part P / T of a domain's documents
goes over them as often as a run of T tokens goes over all of them, whatever the share. Proxies that
read from everything repeat nothing, and find mixtures that are wrong for a run that has to repeat.
Which documents they are, their ids decide: a longer proxy reads all that a shorter one does.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from midtrain_dagster.core import draws
from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.parts import Work
from midtrain_dagster.dataloader.occurrences import COPY
from midtrain_dagster.tokens.shards import INDEX
from midtrain_dagster.tokens.splits import open_shards

VERSION = 1
USES = (draws,)


def work(shards: Sequence[Part], domain: str, *, part: float, seed: int, dtype: str) -> Work:
    """The unit of work that limits a domain. ``shards`` are the parts that hold it."""
    return Work(
        limit,
        files={"shards": shards},
        parameters={"domain": domain, "part": part, "seed": seed, "dtype": dtype},
    )


def limit(
    *, shards: Path, domain: str, part: float, seed: int, dtype: str
) -> dict[str, np.ndarray | pl.DataFrame]:
    """``train_tokens`` and ``train_index`` of the documents of a domain that are drawn: in the
    order of their draws until they have ``part`` of its tokens, one document at least; copies of
    one are drawn together."""
    opened = open_shards(shards, dtype=dtype)
    numbers = opened.documents_of(domain)
    ids = opened.ids.gather(numbers)
    lengths = opened.lengths[numbers]
    drawn = draws.uniform(ids.str.replace(COPY, ""), seed)
    order = np.lexsort((ids.to_numpy(), drawn))
    before = np.cumsum(lengths[order]) - lengths[order]
    kept = np.zeros(len(numbers), np.bool_)
    kept[order[before < part * lengths.sum()]] = True
    tokens = [
        opened.tokens(int(number), 0, int(opened.lengths[number])) for number in numbers[kept]
    ]
    stop = np.cumsum(lengths[kept])
    index = pl.DataFrame(
        {
            "id": ids.filter(pl.Series(kept)),
            "domain": [domain] * int(kept.sum()),
            "offset": stop - lengths[kept],
            "length": lengths[kept],
        }
    )
    flat = np.concatenate(tokens) if tokens else np.empty(0, np.dtype(dtype))
    return {"train_tokens": flat, "train_index": index.cast(INDEX)}
