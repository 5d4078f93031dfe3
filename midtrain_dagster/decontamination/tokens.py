"""The gate on token shards: benchmark text in the tokens, read back as the trainer reads them.

Marin 32B's first cooldown trained on GSM8K test items because a cached tokenised copy outlived the
decontamination fix. So what is scanned here is the shard itself, decoded, not the documents that it
was once made from.
"""

import sys
from pathlib import Path

import polars as pl

from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.decontamination import acquittals, scan
from midtrain_dagster.decontamination.method import Method
from midtrain_dagster.tokens.kept_tokenizer import kept_tokenizer
from midtrain_dagster.tokens.shards import TokenShards

VERSION = 1
USES = (scan,)

EFFORT = 1 / 4
"""How long a byte of tokens takes beside one of curation."""


def scan_tokens(
    index: pl.DataFrame,
    items: pl.DataFrame,
    *,
    tokens: Path,
    tokenizer: Path,
    dtype: str,
    config: Method,
    common_keys: pl.DataFrame | None = None,
    look: Path | None = None,
) -> dict[str, pl.DataFrame]:
    """Scan one shard's documents, decoded, for benchmark items.

    Common n-grams and the folder of the second look's model are those of `acquittals.standing`:
    what these spared is in the shards, and no reason to stop.

    Returns ``hits`` as ``scan.scan`` does. Offsets are in the decoded text, which is the text that
    was tokenised: byte-level BPE gives every byte back.
    """
    shards = TokenShards.open([(tokens, index)], dtype=dtype)
    decoder = kept_tokenizer(tokenizer).decoder
    ids = [
        shards.tokens(number, 0, int(shards.lengths[number])).tolist()
        for number in range(len(shards))
    ]
    texts = decoder.decode_batch(ids, skip_special_tokens=True)
    documents = pl.DataFrame({"id": shards.ids, "text": pl.Series(texts, dtype=pl.String)})
    return {"hits": acquittals.judged(documents, items, common_keys, config=config, look=look)}


def versions_for(config: Method) -> dict[str, int]:
    """The versions that the hits of a method in shards depend on."""
    return {**versions_of(sys.modules[__name__]), **acquittals.versions_for(config)}
