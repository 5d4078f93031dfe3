"""Rating by fastText: our ``rate`` against plain fastText's batch prediction.

    python -m benchmarks.rating [--megabytes 8] [--repeats 5]

Both put one model to the same whole documents in the same call: one worker on one core, then one on
each core. fastText gets lines that were made beforehand (line breaks turned into spaces), which it
must have; ours gets the table and does all that is done in a run. ``ours`` sets punctuation apart
first, and so reads more tokens; ``ours, plain text`` reads fastText's own. The model is trained
here, with a recipe's defaults: the corpus' largest source against the rest.

The last line is one JSON object; speeds are MB (10^6 bytes) of text a second, the best of the
repeats, and a ratio is ours over theirs. fastText is a dependency, so no other environment is
needed.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import polars as pl

from benchmarks.clock import timed
from benchmarks.corpus import documents
from benchmarks.side_by_side import machine
from midtrain_dagster.curation.raters.methods.fasttext import TextForm

MODEL = "rater.bin"
LARGEST_SIDE = 1_000
"""Documents of each side that the model is trained on."""

ROUNDS = 5
"""How often a worker goes through the documents while the clock runs."""


def ours(folder: str) -> int:
    """Documents rated, punctuation apart."""
    return _rate(folder, "normalised")


def ours_plain(folder: str) -> int:
    """Documents rated, text as it is."""
    return _rate(folder, "plain")


def _rate(folder: str, text: TextForm) -> int:
    from midtrain_dagster.curation.raters.methods.fasttext import rate

    model = Path(folder, MODEL)
    ratings = rate(_table(folder), model=model, text=text)["ratings"]["rating"]
    return len(ratings) - ratings.null_count()


def fasttext(folder: str) -> int:
    """Lines that fastText predicts a label for."""
    labels, _ = _model(folder).predict(_lines(folder), k=1)
    return sum(map(len, labels))


@cache
def _table(folder: str) -> pl.DataFrame:
    return pl.read_parquet(Path(folder, "documents.parquet"))


@cache
def _lines(folder: str) -> list[str]:
    return _table(folder)["text"].str.replace_all("\n", " ", literal=True).to_list()


@cache
def _model(folder: str):  # type: ignore[no-untyped-def]
    from fasttext.FastText import _FastText

    return _FastText(model_path=str(Path(folder, MODEL)))


CASES: dict[str, Callable[[str], int]] = {
    "ours": ours,
    "ours, plain text": ours_plain,
    "fasttext": fasttext,
}


def prepare(folder: Path, table: pl.DataFrame) -> None:
    """Write the documents (id, text, source) and a model that is trained on them to the folder."""
    from midtrain_dagster.curation.raters.methods.fasttext import Config, train

    table.select("id", "text").write_parquet(folder / "documents.parquet")
    largest = table["source"].value_counts().sort("count", "source")["source"][-1]
    wanted = pl.col("source") == largest
    sides = [table.filter(each).head(LARGEST_SIDE) for each in (wanted, ~wanted)]
    rater = Config(positives=["largest"], negatives=["rest"])
    model = train(*sides, **rater.training)["model"]
    assert isinstance(model, bytes)
    (folder / MODEL).write_bytes(model)


def speeds(folder: str, megabytes: float, workers: int, repeats: int) -> dict[str, float]:
    """The best speed of each case; the cases take turns."""
    best = dict.fromkeys(CASES, 0.0)
    jobs = [folder] * (ROUNDS * workers)
    for _ in range(repeats):
        for case, work in CASES.items():
            seconds, _ = timed(work, jobs, folder, workers)
            best[case] = max(best[case], megabytes * len(jobs) / seconds)
    for case, speed in best.items():
        print(f"{workers} {'worker' if workers == 1 else 'workers'}: {case:17}{speed:8.1f} MB/s")
    return best


def figures(best: dict[str, float]) -> dict[str, object]:
    """Speeds by side, and what is ours over what is theirs."""
    theirs = best["fasttext"]
    return {
        "ours": round(best["ours"], 1),
        "ours_plain_text": round(best["ours, plain text"], 1),
        "peers": {"fasttext": round(theirs, 1)},
        "ratio": {"fasttext": round(best["ours"] / theirs, 2)},
        "ratio_plain_text": {"fasttext": round(best["ours, plain text"] / theirs, 2)},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="midtrain-rating-") as folder:
        table = documents(megabytes=options.megabytes)
        prepare(Path(folder), table)
        size = int(table["text"].str.len_bytes().sum())
        one = speeds(folder, size / 1e6, 1, options.repeats)
        every = speeds(folder, size / 1e6, cores, options.repeats)
        model_bytes = Path(folder, MODEL).stat().st_size
    result = figures(one) | {
        "all_cores": {"cores": cores, **figures(every)},
        "machine": machine(),
        "sizes": {"documents": table.height, "text_bytes": size, "model_bytes": model_bytes},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
