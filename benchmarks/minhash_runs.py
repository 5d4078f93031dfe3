"""One measured run of MinHash, ours or a peer's, on one core: a process of `minhash`.

    python -m benchmarks.minhash_runs NAME FILE CORE SECONDS

FILE holds the texts, one JSON string a line. Prints two rates in megabytes of text: per second of
the core's time (which others on the machine do not take away) and per second of the clock; each is
the best of as many rounds as fit into SECONDS (one at least). A round is text to signatures of 112
permutations on words-5, word splitting included, reading and writing not; every peer gets its
fastest way.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType

PERMUTATIONS = 112
WARM_UP = 20


def ours(texts: list[str]) -> Callable[[slice], object]:
    """The whole unit of work: normalised text, its hash, shingles, signature, bands."""
    import polars as pl

    from midtrain_dagster.curation.duplicates.minhash import signatures

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

    def run(rows: slice) -> list[object]:
        shingles = (step.get_shingles(text) for text in texts[rows])
        return [step.get_signature(each) for each in shingles if each.size]

    return run


def rensa(texts: list[str]) -> Callable[[slice], object]:
    """All shingles of words split at spaces; a set of them first, or many documents a call, is
    slower.
    """
    from rensa import RMinHash

    def run(rows: slice) -> list[object]:
        found = []
        for text in texts[rows]:
            sketch = RMinHash(PERMUTATIONS, 1)
            sketch.update(_shingles(text))
            found.append(sketch.digest())
        return found

    return run


def datasketch(texts: list[str]) -> Callable[[slice], object]:
    """The same shingles, one batch a document."""
    from datasketch import MinHash

    empty = MinHash(num_perm=PERMUTATIONS, seed=1)

    def run(rows: slice) -> list[object]:
        found = []
        for text in texts[rows]:
            sketch = empty.copy()
            sketch.update_batch([shingle.encode() for shingle in _shingles(text)])
            found.append(sketch.hashvalues)
        return found

    return run


def _shingles(text: str) -> list[str]:
    words = text.lower().split()
    runs = zip(words, words[1:], words[2:], words[3:], words[4:], strict=False)
    return list(map(" ".join, runs))


RUNS = {"ours": ours, "datatrove": datatrove, "rensa": rensa, "datasketch": datasketch}


def main() -> None:
    """Measure one of the runs."""
    name, file, core, seconds = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    texts = [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]
    run = RUNS[name](texts)
    run(slice(0, WARM_UP))
    processor, clock = [time.process_time()], [time.perf_counter()]
    while len(clock) < 2 or clock[-1] - clock[0] < float(seconds):
        run(slice(None))
        processor.append(time.process_time())
        clock.append(time.perf_counter())
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    for ends in (processor, clock):
        print(megabytes / min(stop - start for start, stop in pairwise(ends)))


if __name__ == "__main__":
    main()
