"""Ours and its peers on the same texts, each in a process of its own bound to one core.

A program ``benchmarks.NAME_runs`` holds one function for each of them, from the texts to a function
that works on a slice of them. Each runs alone, then as many at once as there are cores. Figures are
megabytes (10^6 bytes of UTF-8) per second: of the core's own time on one core, so that a busy
machine does not distort them, and of the clock on all; ``ratio`` is ours over theirs.

The peers' Python is MIDTRAIN_PEERS, or that of ``make bench``. Standard library only in `run`,
which the peers' programs import.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
WARM_UP = 20

Round = Callable[[slice], object]


def peers_python() -> Path:
    """The interpreter of the peers' environment; exits with a word on how to make it."""
    python = Path(os.environ.get("MIDTRAIN_PEERS") or ROOT / ".bench" / "bin" / "python")
    if not python.exists():
        sys.exit(f"no peers at {python}: run `make bench`, or set MIDTRAIN_PEERS to their Python")
    return python


def machine() -> dict[str, str | int]:
    """What the figures were taken on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
    }


def compare(program: str, peers: Sequence[str], megabytes: float) -> None:
    """The command: measure ours and the peers, and print the figures, the last line as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=float, default=megabytes)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    from benchmarks.corpus import documents

    texts = documents(megabytes=options.megabytes)["text"]
    cores = sorted(os.sched_getaffinity(0))
    found: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "texts.jsonl")
        file.write_text("\n".join(map(json.dumps, texts)), encoding="utf-8")
        for name in ("ours", *peers):
            one, _ = _measure(program, name, file, cores[:1], options.seconds)
            _, every = _measure(program, name, file, cores, options.seconds)
            found[name] = one, every
            print(f"{name}: {one:.2f} MB/s on one core, {every:.2f} on {len(cores)}", flush=True)

    def figures(cores: int) -> dict[str, Any]:
        ours = found["ours"][cores]
        return {
            "ours": round(ours, 2),
            "peers": {name: round(found[name][cores], 3) for name in peers},
            "ratio": {name: round(ours / found[name][cores], 2) for name in peers},
        }

    size = int(texts.str.len_bytes().sum()) / 1e6
    result = {
        **figures(0),
        "all_cores": figures(1),
        "machine": machine(),
        "sizes": {"documents": len(texts), "megabytes": round(size, 3)},
    }
    print(json.dumps(result))


def _measure(
    program: str, name: str, file: Path, cores: list[int], seconds: float
) -> tuple[float, float]:
    """Rates of one process on each of the cores, all together: by their time, and by the clock."""
    python = sys.executable if name == "ours" else str(peers_python())
    libraries = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS")
    processes = [
        subprocess.Popen(
            [python, "-m", program, name, str(file), str(core), str(seconds)],
            cwd=ROOT,
            env=os.environ | dict.fromkeys(libraries, "1"),
            stdout=subprocess.PIPE,
            text=True,
        )
        for core in cores
    ]
    printed = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        sys.exit(f"{name} failed")
    rates = [[float(rate) for rate in lines.splitlines()[-2:]] for lines in printed]
    by_time, by_clock = (sum(rate) for rate in zip(*rates, strict=True))
    return by_time, by_clock


def run(runs: Mapping[str, Callable[[list[str]], Round]]) -> None:
    """A program's process: ``NAME FILE CORE SECONDS``; FILE holds a JSON string a line.

    Prints the two rates, each the best of as many rounds as fit into SECONDS (one at least).
    """
    name, file, core, seconds = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    texts = [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]
    work = runs[name](texts)
    work(slice(0, WARM_UP))
    processor, clock = [time.process_time()], [time.perf_counter()]
    while len(clock) < 2 or clock[-1] - clock[0] < float(seconds):
        work(slice(None))
        processor.append(time.process_time())
        clock.append(time.perf_counter())
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    for ends in (processor, clock):
        print(megabytes / min(stop - start for start, stop in pairwise(ends)))
