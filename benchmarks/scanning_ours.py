"""Our scans in a process of their own: ``FOLDER CORE``; see `benchmarks.scanning`."""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.parts import Work, do_work, read_table
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.decontamination import scan, sketch, sketch_scan
from midtrain_dagster.decontamination.candidates import candidates, evidence_of
from midtrain_dagster.decontamination.methods import qwen_math
from midtrain_dagster.decontamination.scan import searched_of

ROUNDS = 2
CONFIG = qwen_math.Config()


def main() -> None:
    """Measure, and print the figures as JSON."""
    folder, core = Path(sys.argv[1]), int(sys.argv[2])
    os.sched_setaffinity(0, {core})
    storage = Storage(root=str(folder / "store"))
    listed = json.loads((folder / "parts.json").read_text(encoding="utf-8"))
    parts = {name: [Part(**each) for each in found] for name, found in listed.items()}
    documents = parts["documents"]

    def full(part: Part, items: Part) -> Work:
        tables = {"documents": [part], "items": [items]}
        return Work(scan.scan, tables=tables, parameters={"config": CONFIG})

    (every,) = parts["all_items"]
    full_seconds, _ = _timed(storage, [full(part, every) for part in documents])
    drawing = [Work(sketch.sketch_documents, tables={"documents": [part]}) for part in documents]
    sketch_seconds, sketches = _timed(storage, drawing)
    figures: dict[str, Any] = {
        "full_seconds": full_seconds,
        "sketch_seconds": sketch_seconds,
        "sketch_bytes": sum(part.bytes for part in sketches),
        "benchmark_seconds": {},
        "new_seconds": {},
        "candidates": {},
        "preparation_seconds": {},
        "hits": 0,
        "same": True,
    }
    drawn = {part.path: each for part, each in zip(documents, sketches, strict=True)}
    for items in parts["items"]:
        by_sketch = [
            Work(
                sketch_scan.scan_by_sketch,
                tables={"items": [items]},
                scans={f"documents_{n}": [part] for n, part in enumerate(run)},
                files={"sketch": [drawn[part.path] for part in run]},
                parameters={"config": CONFIG},
            )
            for run in sketch_scan.runs_of(documents)
        ]
        name = items.label
        table = read_table(storage, items)
        start = time.process_time()
        evidence = evidence_of(searched_of(table, config=CONFIG))
        figures["preparation_seconds"][name] = round(time.process_time() - start, 2)
        figures["new_seconds"][name], new = _timed(storage, by_sketch)
        full_works = [full(part, items) for part in documents]
        figures["benchmark_seconds"][name], hits = _timed(storage, full_works)
        found, by = (pl.concat(read_table(storage, each) for each in made) for made in (hits, new))
        figures["hits"] += found.height
        figures["same"] &= found.equals(by)
        figures["candidates"][name] = sum(
            len(candidates(sketch.read_sketch(Path(storage.uri(each.path))), evidence))
            for each in sketches
        )
    print(json.dumps(figures))


def _timed(storage: Storage, works: Sequence[Work]) -> tuple[float, list[Part]]:
    """The processor's seconds for all, after the first has compiled and prepared what it uses."""
    do_work(storage, works[0])
    best, made = float("inf"), list[Part]()
    for _ in range(ROUNDS):
        start = time.process_time()
        made = [part for work in works for part in do_work(storage, work)]
        best = min(best, time.process_time() - start)
    return best, made


if __name__ == "__main__":
    main()
