"""The gate on token shards: benchmark text in the tokens, read back as the trainer reads them.

Marin 32B's first cooldown trained on GSM8K test items because a cached tokenised copy outlived the
decontamination fix. So what is scanned here is the shard itself, decoded, not the documents that it
was once made from.
"""

from pathlib import Path

import polars as pl

from midtrain_dagster.decontamination import scan
from midtrain_dagster.decontamination.scan import ContaminationConfig
from midtrain_dagster.tokens.shards import TokenShards

VERSION = 1
USES = (scan,)


def scan_tokens(
    index: pl.DataFrame,
    items: pl.DataFrame,
    *,
    tokens: Path,
    tokenizer: Path,
    dtype: str,
    config: ContaminationConfig,
) -> dict[str, pl.DataFrame]:
    """Scan one shard's documents, decoded, for benchmark items.

    Returns ``hits`` as ``scan.scan`` does. Offsets are in the decoded text, which is the text that
    was tokenised: byte-level BPE gives every byte back.
    """
    from transformers import AutoTokenizer

    shards = TokenShards.open([(tokens, index)], dtype=dtype)
    backend = AutoTokenizer.from_pretrained(tokenizer).backend_tokenizer
    ids = [
        shards.tokens(number, 0, int(shards.lengths[number])).tolist()
        for number in range(len(shards))
    ]
    texts = backend.decode_batch(ids, skip_special_tokens=True)
    documents = pl.DataFrame({"id": shards.ids, "text": pl.Series(texts, dtype=pl.String)})
    return scan.scan(documents, items, config=config)
