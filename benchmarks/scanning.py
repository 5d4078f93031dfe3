"""The full scan for benchmark items, the scan by sketches, and their peers, reading included.

    python -m benchmarks.scanning [--megabytes 200] [--planted 2000]

More than 3,000 items (the benchmarks of `benchmarks.decontamination`, and openings of Wikipedia
pages as one more) are searched in documentation (`scanning_corpus`), of which one document in so
many ends in an item. Ours are the units of work that the graph runs, from parts in a store to hits
in it; the peers, datatrove's n-gram filter and AI2's decon (the wheel ``decontaminate``), read the
first of the same documents as JSON lines. Each is a process bound to one core; seconds are the
core's own. What is made of the items once (an index, a set of windows) is left out of all of them,
and told for ours: ``preparation_seconds``.

Of the last line, ``ratio`` is the rate of the full scan of all items in one pass over a peer's;
``new_benchmark_share`` what a scan by sketch takes of a full scan of the same benchmark, over all
of them and by name; ``sketch_share`` the sketches' bytes over those of the compressed text;
``sketch_passes`` what they take to make, in full scans; ``same`` whether both scans found the same
hits. ``candidates`` are by benchmark.

The peers' Python is that of `benchmarks.side_by_side`; decon's wheel needs Python 3.12 or newer, so
it may stand in another: MIDTRAIN_DECON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from itertools import accumulate
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.contamination.items import form_items, real_items
from benchmarks.contamination.planting import PAGES
from benchmarks.scanning_corpus import corpus
from benchmarks.side_by_side import ROOT, machine, peers_python
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.evaluation.benchmark import BENCHMARK_ITEMS

PART_BYTES = 8 * 2**20
"""The recipe's default for a part."""

OPENINGS = 500
OPENING_WORDS = 40


def searched_items() -> pl.DataFrame:
    """The items of every benchmark."""
    lines = (PAGES / "wikipedia_5.jsonl").read_text(encoding="utf-8").splitlines()[:OPENINGS]
    rows = [
        {
            "benchmark": "openings",
            "item": str(number),
            "question": " ".join(json.loads(line)["0"].split()[:OPENING_WORDS]),
        }
        for number, line in enumerate(lines)
    ]
    openings = pl.DataFrame(rows, schema=BENCHMARK_ITEMS)
    return pl.concat([real_items(), form_items(), openings])


def write_store(storage: Storage, table: pl.DataFrame, items: pl.DataFrame) -> dict[str, Any]:
    """The parts in a store; returns what a process needs to find them, as JSON."""
    piece = table["text"].str.len_bytes().cum_sum() // PART_BYTES
    lengths = piece.rle().struct.field("len").to_list()
    starts = accumulate(lengths, initial=0)
    cut = [table.slice(start, length) for start, length in zip(starts, lengths, strict=False)]
    written = {
        "documents": [
            write_output(storage, f"documents/{n}", "documents", each) for n, each in enumerate(cut)
        ],
        "texts": [
            write_output(storage, f"texts/{n}", "texts", each.select("text"))
            for n, each in enumerate(cut)
        ],
        "items": [
            write_output(storage, f"items/{name}", "items", rows).model_copy(update={"label": name})
            for (name,), rows in items.group_by("benchmark", maintain_order=True)
        ],
        "all_items": [write_output(storage, "items/all", "items", items)],
    }
    return {
        name: [part.model_dump(mode="json") for part in parts] for name, parts in written.items()
    }


def write_lines(folder: Path, table: pl.DataFrame, items: pl.DataFrame) -> None:
    """Documents and items as the peers read them."""
    for name in ("texts", "one_text", "evals"):
        (folder / name).mkdir()
    table.write_ndjson(folder / "texts" / "texts.jsonl")
    table.head(1).write_ndjson(folder / "one_text" / "texts.jsonl")
    items.select(
        eval_key="benchmark",
        eval_instance_index=pl.int_range(pl.len()),
        split=pl.lit("test"),
        question=pl.col("question").fill_null(""),
        answer=pl.col("answer").fill_null(""),
        fingerprint=pl.col("benchmark") + pl.col("item"),
        is_correct=pl.lit(value=True),
        doc_id=pl.int_range(pl.len()),
    ).write_ndjson(folder / "evals" / "items.jsonl")


def measured(name: str, folder: Path, python: Path) -> dict[str, Any]:
    """What the process of one contender says."""
    libraries = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS")
    core = min(os.sched_getaffinity(0))
    process = subprocess.run(
        [str(python), "-m", f"benchmarks.scanning_{name}", str(folder), str(core)],
        cwd=ROOT,
        env=os.environ | dict.fromkeys(libraries, "1"),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if process.returncode:
        sys.exit(f"{name} failed")
    found: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return found


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=float, default=200)
    parser.add_argument("--planted", type=int, default=2000)
    parser.add_argument("--decon-megabytes", type=float, default=32)
    parser.add_argument("--datatrove-megabytes", type=float, default=2)
    options = parser.parse_args()
    items = searched_items()
    table = corpus(options.megabytes, items, options.planted)
    size = table["text"].str.len_bytes().cum_sum() / 1e6
    wanted = {"decon": options.decon_megabytes, "datatrove": options.datatrove_megabytes}
    of_peer = {name: table.head(int((size < limit).sum()) + 1) for name, limit in wanted.items()}
    sizes = {
        name: int(each["text"].str.len_bytes().sum()) / 1e6
        for name, each in {"ours": table, **of_peer}.items()
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        storage = Storage(root=str(folder / "store"))
        parts = write_store(storage, table, items)
        (folder / "parts.json").write_text(json.dumps(parts), encoding="utf-8")
        ours = measured("ours", folder, Path(sys.executable))
        print(json.dumps(ours), flush=True)
        rates = {"full": sizes["ours"] / ours["full_seconds"]}
        for name, texts in of_peer.items():
            lines = folder / name
            lines.mkdir()
            write_lines(lines, texts, items)
            python = Path(os.environ.get("MIDTRAIN_DECON") or peers_python())
            python = python if name == "decon" else peers_python()
            rates[name] = sizes[name] / measured(name, lines, python)["seconds"]
            print(f"{name}: {rates[name]:.3f} MB/s", flush=True)
    full, new = ours["benchmark_seconds"], ours["new_seconds"]
    result = {
        "megabytes_a_second": {name: round(rate, 3) for name, rate in rates.items()},
        "ratio": {name: round(rates["full"] / rates[name], 2) for name in of_peer},
        "new_benchmark_share": round(sum(new.values()) / sum(full.values()), 4),
        "new_benchmark_shares": {name: round(new[name] / full[name], 4) for name in full},
        "sketch_share": round(
            ours["sketch_bytes"] / sum(each["bytes"] for each in parts["texts"]), 4
        ),
        "sketch_passes": round(ours["sketch_seconds"] * len(full) / sum(full.values()), 2),
        **{name: ours[name] for name in ("preparation_seconds", "candidates", "hits", "same")},
        "machine": machine(),
        "sizes": {
            "documents": len(table),
            "items": items.height,
            **{f"megabytes_{name}": round(size, 3) for name, size in sizes.items()},
        },
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
