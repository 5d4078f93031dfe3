from typing import Any

from assets.report import measurements
from midtrain_dagster.report.comparison import (
    artifact_differences,
    recipe_differences,
    result_tables,
)

ONE = """
name: a
seed: 7   # a comment
stages:
  base: {tokens: 10, schedule: [{phase: constant, learning_rate: 1.0e-3}]}
sources: {web: {paths: [a, b]}}
"""


def test_recipes_differ_by_field() -> None:
    assert recipe_differences(ONE, ONE.replace("   # a comment", "")) == []
    other = (
        ONE.replace("1.0e-3", "2.0e-3").replace("[a, b]", "[a]").replace("seed: 7", "held_out: 0.1")
    )
    assert recipe_differences(ONE, other) == [
        "seed: 7 → (not said)",
        "stages.base.schedule[0].learning_rate: 0.001 → 0.002",
        "sources.web.paths: [a, b] → [a]",
        "held_out: (not said) → 0.1",
    ]


def test_artifacts_differ_by_fingerprint() -> None:
    one = {"documents": "1", "token_shards": "2", "report": "3"}
    assert artifact_differences(one, one) == ["3 the same"]
    assert artifact_differences(one, {"documents": "1", "token_shards": "4", "samples": "5"}) == [
        "1 the same",
        "1 differ: token_shards",
        "1 in A only: report",
        "1 in B only: samples",
    ]
    many = {f"asset_{number}": "1" for number in range(20)}
    assert artifact_differences(many, {})[1].endswith("asset_11, and 8 more")


def test_results_are_told_checkpoint_by_checkpoint(tiny_run: Any) -> None:
    measured = measurements(tiny_run.recipe, tiny_run["report"])
    tables = list(result_tables(measured, measured))
    assert [table.title for table in tables] == ["extended", "annealed", "base"]
    rows = list(measured.rows)
    for table in tables:
        labels, a, b, change = (list(column.cells) for column in table.columns)
        # Below a benchmark stands which figure it is, and how many items were scored.
        labels, below = zip(*(str(cell).partition("\n")[::2] for cell in labels), strict=True)
        assert all(table.title in row.values for row in rows)
        assert below == tuple(", ".join(filter(None, (row.figure, row.items))) for row in rows)
        assert [*labels] == [row.label for row in rows]
        assert a == b == [row.written(str(table.title)) for row in rows]
        assert {float(str(each)) for each in change} == {0.0}
