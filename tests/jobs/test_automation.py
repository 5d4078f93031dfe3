"""What makes itself when a benchmark is added, as Dagster's own evaluator of conditions says."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from definitions import build_definitions
from jobs.tags import RUN
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe, parse_recipe

SET = "tiny_benchmark"

NEW = """
  arithmetic:
    paths: [arithmetic.jsonl]
    question: question
    answer: answer
"""

FILLED_IN = {
    "benchmark_items [arithmetic]",
    "contamination [arithmetic]",
    "synthesis/question_answer/contamination [arithmetic]",
    "evaluation [arithmetic]",
}

DECIDED = {
    f"{prefix}{name}"
    for prefix in ("", "synthesis/question_answer/")
    for name in (
        "eligibility",
        "duplicate_clusters",
        "repeated_text",
        "sample",
        "curated_documents",
    )
}


BUILT: dict[str, dg.Definitions] = {}
"""What was defined of a recipe, by its text: nothing changes it."""


@dataclass
class Graph:
    """A recipe's graph in an instance, asked tick by tick."""

    recipe: Recipe
    instance: dg.DagsterInstance
    cursor: Any = None
    versions: dict[str, int] = field(default_factory=dict)

    @property
    def definitions(self) -> dg.Definitions:
        text = self.recipe.text
        if text not in BUILT:
            BUILT[text] = build_definitions([self.recipe])
        return BUILT[text]

    def tick(self) -> set[str]:
        """What one tick of the sensor asks for."""
        result = dg.evaluate_automation_conditions(
            self.definitions, self.instance, cursor=self.cursor
        )
        self.cursor = result.cursor
        return {
            name(each.key, key)
            for each in result.results
            if not each.true_subset.is_empty
            for key in (
                each.true_subset.expensively_compute_partition_keys()
                if each.true_subset.is_partitioned
                else [None]
            )
        }

    def add(self, benchmark: str) -> None:
        self.instance.add_dynamic_partitions(SET, [benchmark])

    def make(self, *only: str, tags: dict[str, str] | None = None) -> None:
        """Say in the instance that assets were made, in the order of the graph; all by default."""
        graph = self.definitions.resolve_asset_graph()
        run = self.instance.create_run_for_job(
            self.definitions.resolve_implicit_global_asset_job_def(),
            tags=tags or {},
        )
        for key in graph.toposorted_asset_keys:
            partitioned = graph.get(key).partitions_def is not None
            keys = self.instance.get_dynamic_partitions(SET) if partitioned else [None]
            for partition in keys:
                if only and name(key, partition) not in only:
                    continue
                made = dg.AssetMaterialization(key, partition=partition)
                event = dg.DagsterEvent(
                    event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
                    job_name=run.job_name,
                    event_specific_data=dg._core.events.StepMaterializationData(made),
                )
                self.instance.report_dagster_event(event, run.run_id)


def name(key: dg.AssetKey, partition: str | None) -> str:
    below = "/".join(key.path[1:])
    return f"{below} [{partition}]" if partition else below


@pytest.fixture(scope="module")
def recipe(tiny: Path) -> Recipe:
    return load_recipe(tiny)


@pytest.fixture
def graph(recipe: Recipe) -> Iterator[Graph]:
    with dg.DagsterInstance.ephemeral() as instance:
        for benchmark in recipe.benchmarks:
            instance.add_dynamic_partitions(SET, [benchmark])
        yield Graph(recipe, instance)


@pytest.fixture
def made(graph: Graph) -> Graph:
    """A graph that was made once, and that nothing happens in."""
    graph.make()
    assert graph.tick() == set()
    return graph


def test_nothing_starts_by_itself_in_a_graph_that_was_not_made(graph: Graph) -> None:
    assert graph.tick() == set()
    graph.make("documents", "signals", "benchmark_items [hellaswag]")
    assert graph.tick() == set()
    graph.add("arithmetic")
    assert graph.tick() == set()
    graph.make()
    assert graph.tick() == graph.tick() == set()


def test_benchmark_that_is_added_fills_itself_in_and_nothing_else(made: Graph) -> None:
    made.add("arithmetic")
    assert made.tick() == FILLED_IN
    assert made.tick() == set()
    made.make(*FILLED_IN)
    assert made.tick() == DECIDED
    assert made.tick() == set()
    made.make(*DECIDED)
    assert made.tick() == made.tick() == set()


def test_partition_that_the_recipe_lacks_is_tried_once_and_again_when_it_has_it(
    made: Graph, tiny: Path
) -> None:
    made.add("arithmetic")
    assert made.tick() == FILLED_IN
    assert made.tick() == made.tick() == set()
    text = made.recipe.text.replace("\nsynthesis:\n", f"{NEW}\nsynthesis:\n")
    made.recipe = parse_recipe(tiny, text)
    assert made.tick() == FILLED_IN


def test_benchmark_that_was_added_before_the_sensor_first_ticked_is_filled_in_too(
    graph: Graph,
) -> None:
    graph.make()
    graph.add("arithmetic")
    assert graph.tick() == FILLED_IN


def test_what_an_invocation_makes_is_decided_by_the_invocation(made: Graph) -> None:
    made.make("contamination [hellaswag]", tags={RUN: "an invocation"})
    assert made.tick() == set()
    made.make("contamination [hellaswag]")
    assert made.tick() == {each for each in DECIDED if "/" not in each}


def test_new_documents_wait_for_who_says_so(made: Graph) -> None:
    made.make("documents", "signals")
    assert made.tick() == set()
