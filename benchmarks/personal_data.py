"""Personal data: ours against datatrove's ``PIIFormatter``, FineWeb's last step.

    python -m benchmarks.personal_data [--megabytes 8] [--repeats 3]

Both search the same texts in the same call: one worker on one core, then one on each core.
datatrove looks for e-mail and IP addresses only; ours is timed with these two and with all types.
The last line is one JSON object; speeds are MB (10^6 bytes) of text a second, the best of the
repeats, and a ratio is ours over theirs.

datatrove runs in the peers' environment: ``make bench``, or a Python named by ``MIDTRAIN_PEERS``.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.clock import timed
from benchmarks.side_by_side import machine, peers_python

if TYPE_CHECKING:
    import polars as pl

REPOSITORY = Path(__file__).parents[1]


def ours(file: str) -> int:
    """Spans of every type in the texts of a file."""
    return _search(file, ("secret", "iban", "card", "email", "ip_address", "phone"))


def ours_as_datatrove(file: str) -> int:
    """Spans of the types that datatrove knows."""
    return _search(file, ("email", "ip_address"))


def _search(file: str, types: tuple[str, ...]) -> int:
    from midtrain_dagster.curation.personal_data.spans import personal_data

    found = personal_data(_table(file), types=list(types), phone_regions=["US"])
    return found["personal_data"].height


@cache
def _table(file: str) -> "pl.DataFrame":
    import polars as pl

    texts = _texts(file)
    return pl.DataFrame({"id": [str(number) for number in range(len(texts))], "text": texts})


def datatrove(file: str) -> int:
    """Texts that the formatter changes."""
    from datatrove.pipeline.formatters import PIIFormatter

    formatter = PIIFormatter()
    return sum(formatter.format(text) != text for text in _texts(file))


@cache  # the warm-up reads, so that only the search is timed
def _texts(file: str) -> list[str]:
    return json.loads(Path(file).read_bytes())


SEARCHES: dict[str, Callable[[str], int]] = {
    "ours": ours,
    "ours_as_datatrove": ours_as_datatrove,
    "datatrove": datatrove,
}


def run(name: str, file: Path, workers: int) -> float:
    """Seconds that each worker needs for the whole file, in the search's own environment."""
    python = str(peers_python()) if name == "datatrove" else sys.executable
    command = [python, "-m", "benchmarks.personal_data", "--run", name, str(file), str(workers)]
    finished = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise SystemExit(f"{python}: {finished.stderr.strip()[-2000:]}")
    return float(finished.stdout.splitlines()[-1])


def measure(folder: Path, megabytes: float, repeats: int) -> dict[str, object]:
    """Speeds, ratios and sizes."""
    from benchmarks.corpus import documents

    texts = documents(megabytes=megabytes)["text"].to_list()
    file = folder / "texts.json"
    file.write_text(json.dumps(texts), encoding="utf-8")
    size = sum(len(text.encode()) for text in texts)
    speeds: dict[str, dict[str, float]] = {name: {} for name in SEARCHES}
    for workers in dict.fromkeys((1, os.cpu_count() or 1)):
        case = f"{workers} {'worker' if workers == 1 else 'workers'}"
        for _ in range(repeats):
            for name, found in speeds.items():
                speed = size * workers / run(name, file, workers) / 1e6
                found[case] = round(max(found.get(case, 0), speed), 2)
        print(case, {name: found[case] for name, found in speeds.items()})
    theirs = speeds.pop("datatrove")
    return {
        "ours": speeds,
        "peers": {"datatrove": theirs},
        "ratio": {
            f"datatrove: {name}, {case}": round(speed / theirs[case], 2)
            for name, found in speeds.items()
            for case, speed in found.items()
        },
        "machine": machine(),
        "sizes": {"documents": len(texts), "text_bytes": size},
    }


def main() -> None:
    """Measure and print; with ``--run NAME FILE WORKERS`` only one search's seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        name, file, workers = options.run
        print(timed(SEARCHES[name], [file] * int(workers), file, int(workers))[0])
        return
    with tempfile.TemporaryDirectory(prefix="midtrain-personal-data-") as folder:
        print(json.dumps(measure(Path(folder), options.megabytes, options.repeats)))


if __name__ == "__main__":
    main()
