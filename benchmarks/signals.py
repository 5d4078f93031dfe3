"""All signals, text to table, against datatrove's four filter families.

    python -m benchmarks.signals [--megabytes 2] [--seconds 3]

Ours computes every signal of `signals` (both readings of each rule and more); datatrove asks its
Gopher quality, Gopher repetition, C4 and FineWeb filters of each document and stops at a filter's
first reason. Each runs on the same texts in a process of its own, bound to one core: alone, then as
many at once as there are cores. The peer's Python is MIDTRAIN_PEERS, or that of ``make bench``. The
last line is one JSON object; figures are megabytes (10^6 bytes of UTF-8) per second, ``ratio`` is
ours over theirs.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.corpus import documents
from benchmarks.minhash import peers_python, processor

ROOT = Path(__file__).parents[1]
PEERS = ("datatrove",)


def measure(name: str, file: Path, cores: list[int], seconds: float) -> float:
    """Megabytes per second of one process on each of the cores, all together."""
    python = sys.executable if name == "ours" else str(peers_python())
    one_thread = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    processes = [
        subprocess.Popen(
            [python, "-m", "benchmarks.signals_runs", name, str(file), str(core), str(seconds)],
            cwd=ROOT,
            env=os.environ | one_thread,
            stdout=subprocess.PIPE,
            text=True,
        )
        for core in cores
    ]
    printed = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        sys.exit(f"{name} failed")
    return sum(float(lines.splitlines()[-1]) for lines in printed)


def main() -> None:
    """Measure both and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=2)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    texts = documents(megabytes=options.megabytes)["text"]
    cores = sorted(os.sched_getaffinity(0))
    found: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "texts.jsonl")
        file.write_text("\n".join(map(json.dumps, texts)), encoding="utf-8")
        for name in ("ours", *PEERS):
            one, every = (measure(name, file, some, options.seconds) for some in (cores[:1], cores))
            found[name] = one, every
            print(f"{name}: {one:.2f} MB/s on one core, {every:.2f} on {len(cores)}")

    def figures(cores: int) -> dict[str, object]:
        ours = found["ours"][cores]
        return {
            "ours": round(ours, 2),
            "peers": {name: round(found[name][cores], 3) for name in PEERS},
            "ratio": {name: round(ours / found[name][cores], 1) for name in PEERS},
        }

    result = {
        **figures(0),
        "all_cores": {"cores": len(cores), **figures(1)},
        "machine": {"processor": processor(), "python": platform.python_version()},
        "sizes": {
            "documents": len(texts),
            "megabytes": round(int(texts.str.len_bytes().sum()) / 1e6, 3),
        },
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
