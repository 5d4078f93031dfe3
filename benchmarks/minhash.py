"""MinHash from text to signatures, ours against datatrove, rensa and datasketch.

    python -m benchmarks.minhash [--megabytes 4] [--seconds 3]

Each runs on the same texts in a process of its own, bound to one core: alone, then as many at once
as there are cores. The peers' Python is MIDTRAIN_PEERS, or that of ``make bench``. The last line is
one JSON object; figures are megabytes (10^6 bytes of UTF-8) per second: of the core's own time on
one core, so that a busy machine does not distort them, and of the clock on all. ``ratio`` is ours
over theirs.
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

ROOT = Path(__file__).parents[1]
PEERS = ("datatrove", "rensa", "datasketch")


def peers_python() -> Path:
    """The interpreter of the peers' environment; exits with a word on how to make it."""
    python = Path(os.environ.get("MIDTRAIN_PEERS") or ROOT / ".bench" / "bin" / "python")
    if not python.exists():
        sys.exit(f"no peers at {python}: run `make bench`, or set MIDTRAIN_PEERS to their Python")
    return python


def measure(name: str, file: Path, cores: list[int], seconds: float) -> list[float]:
    """Rates of one process on each of the cores, all together: by their time, and by the clock."""
    python = sys.executable if name == "ours" else str(peers_python())
    one_thread = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    processes = [
        subprocess.Popen(
            [python, "-m", "benchmarks.minhash_runs", name, str(file), str(core), str(seconds)],
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
    rates = [[float(rate) for rate in lines.splitlines()[-2:]] for lines in printed]
    return [sum(rate) for rate in zip(*rates, strict=True)]


def main() -> None:
    """Measure everybody and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=4)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    texts = documents(megabytes=options.megabytes)["text"]
    cores = sorted(os.sched_getaffinity(0))
    found: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "texts.jsonl")
        file.write_text("\n".join(map(json.dumps, texts)), encoding="utf-8")
        for name in ("ours", *PEERS):
            one, _ = measure(name, file, cores[:1], options.seconds)
            _, every = measure(name, file, cores, options.seconds)
            found[name] = one, every
            print(f"{name}: {one:.2f} MB/s on one core, {every:.2f} on {len(cores)}")
    ours, all_ours = found["ours"]
    result = {
        "ours": round(ours, 2),
        "peers": {name: round(found[name][0], 3) for name in PEERS},
        "ratio": {name: round(ours / found[name][0], 2) for name in PEERS},
        "all_cores": {
            "cores": len(cores),
            "ours": round(all_ours, 2),
            "peers": {name: round(found[name][1], 3) for name in PEERS},
            "ratio": {name: round(all_ours / found[name][1], 2) for name in PEERS},
        },
        "machine": {"processor": processor(), "python": platform.python_version()},
        "sizes": {
            "documents": len(texts),
            "megabytes": round(int(texts.str.len_bytes().sum()) / 1e6, 3),
            "permutations": 112,
        },
    }
    print(json.dumps(result))


def processor() -> str:
    """What the machine calls its processor."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
