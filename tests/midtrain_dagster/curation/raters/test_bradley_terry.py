import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from midtrain_dagster.curation.raters.bradley_terry import VERSION, fit, scores

TEAMS = ["Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore"]
WINS = [
    [0, 7, 9, 7, 7, 9, 11],
    [6, 0, 7, 5, 11, 9, 9],
    [4, 6, 0, 7, 7, 8, 12],
    [6, 8, 6, 0, 6, 7, 10],
    [6, 2, 6, 7, 0, 7, 12],
    [4, 4, 5, 6, 6, 0, 6],
    [2, 4, 1, 3, 1, 7, 0],
]
"""The American League's eastern division of 1987: games won by the row's team (Agresti 1990, p.
372)."""


def season() -> pl.DataFrame:
    games = [
        (TEAMS[row], TEAMS[column], 1.0)
        for row in range(7)
        for column in range(7)
        for _ in range(WINS[row][column])
    ]
    return pl.DataFrame(games, ["a", "b", "preference"], orient="row")


def test_golden_baseball() -> None:
    fitted = scores(season(), prior=1e-9)
    score = dict(fitted["scores"].select("id", "score").iter_rows())
    against_baltimore = {team: round(score[team] - score["Baltimore"], 3) for team in TEAMS}
    assert (VERSION, against_baltimore) == (
        1,
        {
            "Milwaukee": 1.581,
            "Detroit": 1.436,
            "Toronto": 1.294,
            "New York": 1.248,
            "Boston": 1.108,
            "Cleveland": 0.684,
            "Baltimore": 0.0,
        },
    )
    assert dict(fitted["metrics"].iter_rows()) == {
        "documents": 7,
        "pairs": 21,
        "components": 1,
        "largest_component": 7,
        "agreement": pytest.approx(18 / 21),
    }
    assert fitted["scores"]["comparisons"].to_list() == [78] * 7


def test_the_order_and_direction_of_judgements_do_not_matter() -> None:
    turned = season().select(a="b", b="a", preference=1 - pl.col("preference"))
    mixed = pl.concat([season()[::2], turned[1::2]]).sample(fraction=1, shuffle=True, seed=3)
    for name, table in scores(season(), prior=0.1).items():
        assert_frame_equal(scores(mixed, prior=0.1)[name], table)


games = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 7), st.sampled_from([0.0, 0.5, 1.0])).filter(
        lambda game: game[0] != game[1]
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(games, st.sampled_from([0.01, 1.0]))
def test_scores_are_where_the_slope_is_none(
    played: list[tuple[int, int, float]], prior: float
) -> None:
    a, b, wins = (np.array(column) for column in zip(*played, strict=True))
    score = fit(a, b, wins, np.ones(len(a)), documents=8, prior=prior)
    slope = -prior * score
    for one, other, won in played:
        expected = 1 / (1 + np.exp(score[other] - score[one]))
        slope[one] += won - expected
        slope[other] -= won - expected
    assert abs(slope).max() < 1e-7


def test_groups_that_nothing_connects_are_centred_and_counted() -> None:
    judgements = pl.DataFrame(
        {"a": ["a", "b", "x"], "b": ["b", "c", "y"], "preference": [1.0, 1.0, 0.0]}
    )
    fitted = scores(judgements, prior=0.1)
    table = fitted["scores"]
    assert table["component"].to_list() == ["a", "a", "a", "x", "x"]
    means = table.group_by("component").agg(pl.mean("score"))["score"]
    assert abs(means).max() < 1e-9
    assert table.sort("score")["id"].to_list()[:2] in (["c", "x"], ["x", "c"])
    metrics = dict(fitted["metrics"].iter_rows())
    assert (metrics["components"], metrics["largest_component"]) == (2, 3)


def test_errors() -> None:
    with pytest.raises(ValueError, match="no judgement"):
        scores(season().clear(), prior=1.0)
    with pytest.raises(ValueError, match="above 0"):
        scores(season(), prior=0.0)
