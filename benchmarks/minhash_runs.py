"""One measured run of MinHash, ours or a peer's, on one core: a process of `minhash`.

A round is text to signatures of 112 permutations on words-5, word splitting included, reading and
writing not; every peer gets its fastest way.
"""

import sys
from collections.abc import Callable
from types import ModuleType

from benchmarks.side_by_side import run

PERMUTATIONS = 112


def ours(texts: list[str]) -> Callable[[slice], object]:
    """The whole unit of work: normalised text, its hash, shingles, signature, bands."""
    import polars as pl

    from midtrain_dagster.curation.duplicates.methods.minhash import signatures

    table = pl.DataFrame({"id": [str(number) for number in range(len(texts))], "text": texts})
    return lambda rows: signatures(
        table[rows], shingle=5, bands=14, rows=PERMUTATIONS // 14, seed=1
    )


def datatrove(texts: list[str]) -> Callable[[slice], object]:
    """FineWeb's first step, without the sorted files that it writes: its own methods on its own
    words (spaCy's).
    """
    import datatrove.pipeline

    # The package's own __init__ imports every method, and so libraries that this one needs not.
    package = ModuleType("datatrove.pipeline.dedup")
    package.__path__ = [f"{path}/dedup" for path in datatrove.pipeline.__path__]
    sys.modules[package.__name__] = package
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature

    step = MinhashDedupSignature("/nonexistent", MinhashConfig())

    def work(rows: slice) -> list[object]:
        shingles = (step.get_shingles(text) for text in texts[rows])
        return [step.get_signature(each) for each in shingles if each.size]

    return work


def rensa(texts: list[str]) -> Callable[[slice], object]:
    """All shingles of words split at spaces; a set of them first, or many documents a call, is
    slower.
    """
    from rensa import RMinHash

    def work(rows: slice) -> list[object]:
        found = []
        for text in texts[rows]:
            sketch = RMinHash(PERMUTATIONS, 1)
            sketch.update(_shingles(text))
            found.append(sketch.digest())
        return found

    return work


def datasketch(texts: list[str]) -> Callable[[slice], object]:
    """The same shingles, one batch a document."""
    from datasketch import MinHash

    empty = MinHash(num_perm=PERMUTATIONS, seed=1)

    def work(rows: slice) -> list[object]:
        found = []
        for text in texts[rows]:
            sketch = empty.copy()
            sketch.update_batch([shingle.encode() for shingle in _shingles(text)])
            found.append(sketch.hashvalues)
        return found

    return work


def _shingles(text: str) -> list[str]:
    words = text.lower().split()
    runs = zip(words, words[1:], words[2:], words[3:], words[4:], strict=False)
    return list(map(" ".join, runs))


RUNS = {"ours": ours, "datatrove": datatrove, "rensa": rensa, "datasketch": datasketch}


if __name__ == "__main__":
    run(RUNS)
