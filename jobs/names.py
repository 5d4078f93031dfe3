"""What the jobs are called: after what they do, not after their place in the sequence."""

from collections.abc import Sequence

import dagster as dg

from resources.artifacts import asset_name

DOES = {
    "collection": "collect",
    "curation": "curate",
    "synthesis": "synthesise",
    "tokens": "tokenize",
    "mixture": "mix",
    "training": "train",
    "evaluation": "evaluate",
}
"""What is done in a group, by the first word of its name; others are called as they are."""

BY_BENCHMARK = {
    "benchmark_items": "read_benchmarks",
    "contamination": "scan_{documents}for_benchmarks",
    "evaluation": "evaluate_on_benchmarks",
}
"""What an asset that is partitioned by benchmark does."""

SEVERAL = 3
"""A job that does more is called after the first and the last."""


def job_names(jobs: Sequence[tuple[bool, Sequence[dg.AssetSpec]]]) -> list[str]:
    """The names, each once, of jobs that make these assets; the flag: by benchmark."""
    taken: list[str] = []
    for by_benchmark, specs in jobs:
        name = _joined([_by_benchmark(spec) if by_benchmark else _does(spec) for spec in specs])
        for spec in reversed(specs):
            if name in taken:
                name = f"{name}_{asset_name(spec.key).replace('/', '_')}"
        taken.append(name)
    return taken


def _does(spec: dg.AssetSpec) -> str:
    group = str(spec.group_name)
    return DOES.get(group.partition("_")[0], group)


def _by_benchmark(spec: dg.AssetSpec) -> str:
    *above, last = asset_name(spec.key).split("/")
    documents = "synthetic_documents_" if above else ""
    return BY_BENCHMARK.get(last, last).format(documents=documents)


def _joined(words: Sequence[str]) -> str:
    different = list(dict.fromkeys(words))
    if len(different) > SEVERAL:
        return f"{different[0]}_to_{different[-1]}"
    *others, last = different
    return "_".join([*others, "and", last]) if others else last
