"""The sequence of jobs follows from the graph, whatever its shape."""

from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions import recipe_assets
from jobs.sequence import Phase, phases
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe

REPOSITORY = Path(__file__).parents[2]
TINY = load_recipe(REPOSITORY / "tests" / "recipes" / "tiny.yaml")


def graph(**upstream: str) -> list[dg.AssetsDefinition]:
    """Assets by name and what they need, by words; a capital letter: partitioned by benchmark."""
    partitions = dg.DynamicPartitionsDefinition(name="tiny_benchmark")

    def asset(name: str, needs: list[str]) -> dg.AssetsDefinition:
        @dg.asset(
            key=["tiny", name],
            group_name="group",
            deps=[["tiny", need] for need in needs],
            partitions_def=partitions if name[0].isupper() else None,
        )
        def made() -> None: ...

        return made

    return [asset(name, needs.split()) for name, needs in upstream.items()]


def recipe_phases(recipe: Recipe) -> list[Phase]:
    return phases(recipe, recipe_assets(recipe))


def names(sequence: list[Phase]) -> list[str]:
    return [" ".join(key.path[-1] for key in phase.keys) for phase in sequence]


def test_phases_of_a_graph_without_partitions_are_one_job() -> None:
    sequence = phases(TINY, graph(c="b", b="a", a="", d="a c"))
    assert names(sequence) == ["a b c d"]
    assert not sequence[0].by_benchmark


def test_phases_of_partitions_alone_are_one_job() -> None:
    sequence = phases(TINY, graph(A="", B="A"))
    assert names(sequence) == ["A B"]
    assert sequence[0].by_benchmark


def test_phases_alternate_between_partitioned_and_not() -> None:
    sequence = phases(TINY, graph(a="", B="a", c="B", D="c", e="D", f="e"))
    assert names(sequence) == ["a", "B", "c", "D", "e f"]
    assert [phase.by_benchmark for phase in sequence] == [False, True, False, True, False]


def test_phases_are_no_more_than_needed() -> None:
    """What could go first waits when that saves a run."""
    assert names(phases(TINY, graph(a="", B="", c="B"))) == ["B", "a c"]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_phases_have_each_asset_once_and_after_what_it_needs(data: st.DataObject) -> None:
    letters = data.draw(st.text("Bu", min_size=1, max_size=7))
    every = [f"{letter}{n}" for n, letter in enumerate(letters)]
    needs = {
        name: data.draw(st.lists(st.sampled_from(every[:n]), unique=True)) if n else []
        for n, name in enumerate(every)
    }
    shown = data.draw(st.permutations(every))
    sequence = phases(TINY, graph(**{name: " ".join(needs[name]) for name in shown}))
    order = [key.path[-1] for phase in sequence for key in phase.keys]
    assert sorted(order) == sorted(every)
    for name in every:
        assert all(order.index(need) < order.index(name) for need in needs[name])
    for phase in sequence:
        assert {key.path[-1][0] for key in phase.keys} == {"B" if phase.by_benchmark else "u"}
    for before, after in pairwise(sequence):
        assert before.by_benchmark != after.by_benchmark


@pytest.mark.parametrize(
    "path", [REPOSITORY / "tests/recipes/tiny.yaml", *sorted(REPOSITORY.glob("recipes/*.yaml"))]
)
def test_phases_of_real_recipes(path: Path) -> None:
    recipe = load_recipe(path)
    sequence = recipe_phases(recipe)
    assert names(sequence)[-1].split()[-1] == "report"
    # Where a source plants items of benchmarks, these have to be read first.
    planted = any(source.item_benchmarks for source in recipe.sources.values())
    assert sequence[0].by_benchmark == planted
    scans = 4 + planted + 2 * bool(recipe.synthesis)
    assert len(sequence) == 1 + scans * bool(recipe.benchmarks)


def test_jobs_say_what_they_do_and_show_the_recipe() -> None:
    sequence = recipe_phases(TINY)
    assert [phase.job_name for phase in sequence] == [
        "tiny_read_benchmarks",
        "tiny_collect_and_curate",
        "tiny_scan_for_benchmarks",
        "tiny_curate_synthesise_and_tokenize",
        "tiny_scan_synthetic_documents_for_benchmarks",
        "tiny_synthesise_to_evaluate",
        "tiny_evaluate_on_benchmarks",
        "tiny_report",
    ]
    for phase in sequence:
        assert "name: tiny" in phase.job.metadata["recipe"].value
        assert phase.job.tags["midtrain/recipe"] == "tiny"


def test_phases_are_fewer_without_synthesis() -> None:
    fields = TINY.model_dump(mode="json", exclude_unset=True)
    del fields["synthesis"]
    fields["stages"]["annealed"]["mixture"]["domains"] = {"web": 0.5, "mathematics": 0.5}
    assert [phase.job_name for phase in recipe_phases(Recipe.model_validate(fields))] == [
        "tiny_read_benchmarks",
        "tiny_collect_and_curate",
        "tiny_scan_for_benchmarks",
        "tiny_curate_to_evaluate",
        "tiny_evaluate_on_benchmarks",
        "tiny_report",
    ]
