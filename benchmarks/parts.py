"""Finding 10,000 parts that are there, on a disk and on an S3 server beside it.

    python -m benchmarks.parts [--parts 10000]

Each is a file with its record, as every unit of work writes them. Seconds are of the clock: of
finding them by their records alone, as the first build after this index came did; by the index that
the last build left (``core.part_index``), of which one in a hundred is new and has to be asked for;
and of finding the artifact that they make up, which a plan does of every asset. The server is
moto's, one process of Python on loopback: it takes some 2 ms a request and is the bottleneck.

The last line is one JSON object.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from benchmarks.object_stores import s3
from benchmarks.side_by_side import machine
from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.filesystem import endpoint_of
from midtrain_dagster.core.part_index import PartIndex
from midtrain_dagster.core.parts import Output, Work, do_work, find_parts
from midtrain_dagster.core.storage import Storage

VERSION = 1
NEW = 100
"""One in so many parts is new."""


def number(*, n: int) -> dict[str, Output]:
    """One small part."""
    return {"numbers": pl.DataFrame({"n": [n]})}


def seconds(function: Callable[[], object]) -> float:
    """What a call takes."""
    start = time.perf_counter()
    function()
    return round(time.perf_counter() - start, 2)


def measured(storage: Storage, count: int) -> dict[str, float]:
    """Seconds on a store, which is empty before."""
    works = [Work(number, parameters={"n": n}) for n in range(count)]
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda work: do_work(storage, work), works))
    store, index = ArtifactStore(storage), PartIndex(storage, "benchmark/number")
    old = {work.folder: each for work, each in zip(works, parts, strict=True)}
    index.write(dict(list(old.items())[count // NEW :]))
    flat = [part for each in parts for part in each]
    artifact = store.make("benchmark", {"number": 1}, {}, {}, lambda _: (flat, {}))
    assert find_parts(storage, works) == find_parts(storage, works, index.read()) == parts
    return {
        "records": seconds(lambda: find_parts(storage, works)),
        "index": seconds(lambda: find_parts(storage, works, index.read())),
        "artifact": seconds(lambda: store.find("benchmark", artifact.fingerprint)),
    }


def main() -> None:
    """Print both stores' seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", type=int, default=10_000)
    count = parser.parse_args().parts
    with tempfile.TemporaryDirectory() as folder, s3() as server:
        os.environ.update(server.environment)
        remote = Storage(root=f"{server.bucket}/store", endpoint=endpoint_of("s3"))
        found = {
            "disk": measured(Storage(root=folder), count),
            "s3": measured(remote, count),
        }
    for store, each in found.items():
        told = ", ".join(f"{name} {value} s" for name, value in each.items())
        print(f"{count:,} parts on {store}: {told}")
    print(json.dumps({"parts": count, "machine": machine(), "seconds": found}))


if __name__ == "__main__":
    main()
