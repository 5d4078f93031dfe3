"""Token shards from documents, against the tokenizers library's own ``encode_batch``, on all cores.

    python -m benchmarks.tokenization [--megabytes 8] [--rounds 7]

Ours is the whole unit of work: load the tokenizer, encode, flatten to the shard's tokens and index.
The peer is the plain call: load the tokenizer, ``encode_batch`` of the same texts, and nothing made
of what it returns. Both are timed until their memory is free again. They take turns in one process,
and the tokens of both are compared once. The last line is one JSON object; ``ours`` and ``peers``
are megabytes (10^6 bytes of UTF-8) per second of the best round, ``ratio`` is ours over theirs, and
``ratio_of_cpu_time`` the same by the processor's time, which a busy machine distorts less.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.corpus import documents
from benchmarks.side_by_side import machine
from midtrain_dagster.tokens.shards import tokenize

TOKENIZER = Path(__file__).parents[1] / "data" / "smollm2-135m-instruct"


def main() -> None:
    """Measure both and print the figures."""
    from tokenizers import Encoding, Tokenizer

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    table = documents(megabytes=options.megabytes).with_columns(domain=pl.col("source"))
    texts = table["text"].to_list()
    megabytes = int(table["text"].str.len_bytes().sum()) / 1e6

    def encode_batch() -> list[Encoding]:
        encoder = Tokenizer.from_file(str(TOKENIZER / "tokenizer.json"))
        encoder.encode_special_tokens = True  # as ours: text that spells one is text
        return encoder.encode_batch(texts, add_special_tokens=False)

    runs: dict[str, Callable[[], object]] = {
        "ours": lambda: tokenize(table, tokenizer=TOKENIZER),
        "encode_batch": encode_batch,
    }
    made = tokenize(table, tokenizer=TOKENIZER)
    ends = np.cumsum(made["index"]["length"]) - 1
    plain = np.concatenate([encoding.ids for encoding in encode_batch()])
    assert np.array_equal(np.delete(made["tokens"], ends), plain), "the two encode differently"
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():
            seconds[name].append(timed(run))
    wall, cpu = (
        {name: megabytes / min(each[clock] for each in seconds[name]) for name in runs}
        for clock in (0, 1)
    )
    for name in runs:
        print(f"{name}: {wall[name]:.2f} MB/s, {cpu[name]:.2f} per second of CPU")
    result = {
        "ours": round(wall["ours"], 2),
        "peers": {"encode_batch": round(wall["encode_batch"], 2)},
        "ratio": {"encode_batch": round(wall["ours"] / wall["encode_batch"], 2)},
        "ratio_of_cpu_time": {"encode_batch": round(cpu["ours"] / cpu["encode_batch"], 2)},
        "machine": machine(),
        "sizes": {
            "documents": len(texts),
            "megabytes": round(megabytes, 3),
            "tokens": len(plain),
        },
    }
    print(json.dumps(result))


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock and of the processor, letting go of the result included."""
    clock, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - clock, time.process_time() - cpu


if __name__ == "__main__":
    main()
