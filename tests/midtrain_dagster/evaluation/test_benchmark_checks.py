"""Whether a benchmark's scores tell any model from guessing."""

import polars as pl
import pytest

from midtrain_dagster.evaluation.benchmark_checks import told_from_guessing


@pytest.mark.parametrize(
    ("at_chance", "passed", "detail"),
    [
        ([True, False], True, "1 of 2 scores are at chance"),
        ([True, True, None], False, "2 of 2 scores are at chance"),
        ([None, None], True, "nothing that one could guess was asked"),
        ([], True, "nothing that one could guess was asked"),
    ],
)
def test_scores_are_held_against_guessing_where_one_guesses(
    at_chance: list[bool | None], passed: bool, detail: str
) -> None:
    scores = pl.DataFrame({"at_chance": at_chance}, schema={"at_chance": pl.Boolean()})
    assert told_from_guessing(scores) == (passed, detail)
