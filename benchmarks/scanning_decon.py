"""AI2's decon in a process of its own: ``FOLDER CORE``; see `benchmarks.scanning`.

It reads items and documents in one call, so the seconds are those of a call with all documents less
those of a call with one.
"""

import json
import os
import sys
import time
from pathlib import Path

import decon


def main() -> None:
    """Measure, and print the figures as JSON."""
    folder, core = Path(sys.argv[1]), int(sys.argv[2])
    os.sched_setaffinity(0, {core})
    seconds = _seconds(folder, "texts") - _seconds(folder, "one_text")
    print(json.dumps({"seconds": seconds}))


def _seconds(folder: Path, texts: str) -> float:
    config = decon.Config(
        training_dir=str(folder / texts),
        evals_dir=str(folder / "evals"),
        report_output_dir=str(folder / f"report_{texts}"),
        worker_threads=1,
    )
    start = time.process_time()
    decon.detect(config)
    return time.process_time() - start


if __name__ == "__main__":
    main()
