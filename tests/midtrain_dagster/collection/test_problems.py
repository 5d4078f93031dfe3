from collections.abc import Callable
from typing import Any

from midtrain_dagster.collection.problems import problems


def test_problems_are_planted_benchmarks_that_are_not_declared(source: Callable[..., Any]) -> None:
    pages = {"reader": "json_lines", "paths": ["a"], "domain": "web", "kind": "prose"}
    planted = source(reader="planted", pages=pages, benchmarks=["gsm8k", "drop"])
    sources = {"web": source(reader="text", paths=["a"]), "canaries": planted}
    ((place, reason),) = problems(sources, ["gsm8k", "mmlu"])
    assert place == ("sources", "canaries", "benchmarks", 1)
    assert reason.startswith("no benchmark 'drop' is declared")
    assert not list(problems(sources, ["gsm8k", "drop"]))
