"""Deduplication of a corpus that grows by 1%, against a run over everything.

    python -m benchmarks.incremental [--megabytes 32]

The functions are called directly, in one process, without Dagster or a store: signatures part for
part, candidates from all signatures, verification of the pairs that nobody has verified, edges,
clusters. The last line is one JSON object: seconds by step, and ``ratio``, the time of adding 1% of
the documents over that of the full run. Both ways must end in the same clusters.

The corpus is cut into passages of 2,000 characters, to have as many documents as web text has, and
every twentieth passage comes twice, the second time with a sentence more, to have duplicates.
"""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from benchmarks.corpus import documents
from benchmarks.side_by_side import machine
from midtrain_dagster.curation.duplicates.candidates import band_pairs, exact_pairs, union
from midtrain_dagster.curation.duplicates.clusters import choose
from midtrain_dagster.curation.duplicates.methods.minhash import Config, band_columns, signatures
from midtrain_dagster.curation.duplicates.verification import (
    VERIFIED,
    batches,
    edges,
    unverified,
    verify,
)

POLICY = Config()
LENGTH = 2_000
PARTS = 100
ROUNDS = 3


def passages(megabytes: float) -> list[pl.DataFrame]:
    """The corpus in a hundred parts (id, text), in an order as good as random."""
    texts = [
        text[start : start + LENGTH]
        for text in documents(megabytes=megabytes)["text"]
        for start in range(0, len(text), LENGTH)
    ]
    texts += [f"{text} One more sentence has been added." for text in texts[::20]]
    table = pl.DataFrame({"id": [f"{number:08d}" for number in range(len(texts))], "text": texts})
    shuffled = table.sample(fraction=1, shuffle=True, seed=1)
    return [shuffled.gather_every(PARTS, offset) for offset in range(PARTS)]


class Corpus:
    """Parts, and what was learnt of them: signatures, verified pairs, seconds by step."""

    def __init__(self) -> None:
        self.parts: list[pl.DataFrame] = []
        self.signatures: list[pl.DataFrame] = []
        self.verified = VERIFIED.to_frame()
        self.clusters = pl.DataFrame()
        self.seconds: dict[str, float] = {}

    def grow(self, parts: list[pl.DataFrame]) -> None:
        """Add parts and find the clusters of everything."""
        self.seconds = {}
        self.parts += parts
        with self._timed("signatures"):
            self.signatures += [
                signatures(part, **POLICY.signature_parameters)["signatures"] for part in parts
            ]
        with self._timed("candidates"):
            everything = pl.concat(self.signatures)
            bands, limit = band_columns(POLICY.bands), POLICY.bucket_limit
            near = band_pairs(everything.lazy(), bands=bands, bucket_limit=limit)["pairs"]
            candidates = union([exact_pairs(everything.lazy())["pairs"], near])
        with self._timed("verification"):
            new = unverified(candidates, self.verified)
            located = pl.concat(
                table.select("id", "bytes", part=pl.lit(number))
                for number, table in enumerate(self.signatures)
            )
            measured = [
                verify(
                    pl.concat(self.parts[number] for number in batch.parts).lazy(),
                    pairs=batch.pairs,
                    shingle=POLICY.shingle,
                )["verified"]
                for batch in batches(new, located)
            ]
            self.verified = pl.concat([self.verified, *measured])
        with self._timed("clusters"):
            found = edges(candidates, self.verified, threshold=POLICY.threshold)
            summary = everything.select("id", characters="bytes")
            self.clusters = choose(found, summary, keep="longest")

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[step] = time.perf_counter() - start


def main() -> None:
    """Measure both ways, the best of a few rounds of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=32)
    parts = passages(parser.parse_args().megabytes)
    Corpus().grow(parts[:2])  # compiles the kernels
    full: list[dict[str, float]] = []
    added: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        whole, grown = Corpus(), Corpus()
        whole.grow(parts)
        full.append(whole.seconds)
        grown.grow(parts[:-1])
        grown.grow(parts[-1:])
        added.append(grown.seconds)
        assert grown.clusters.equals(whole.clusters), "the two ways differ"
    best_full = min(full, key=lambda seconds: sum(seconds.values()))
    best_added = min(added, key=lambda seconds: sum(seconds.values()))
    result = {
        "ratio": round(sum(best_added.values()) / sum(best_full.values()), 4),
        "full": {step: round(seconds, 4) for step, seconds in best_full.items()},
        "added": {step: round(seconds, 4) for step, seconds in best_added.items()},
        "sizes": {
            "documents": sum(part.height for part in parts),
            "megabytes": round(
                sum(int(part["text"].str.len_bytes().sum()) for part in parts) / 1e6, 3
            ),
            "verified_pairs": whole.verified.height,
            "clusters": whole.clusters["cluster"].n_unique(),
        },
        "machine": machine(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
