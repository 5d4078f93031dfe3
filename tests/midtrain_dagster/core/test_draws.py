import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from midtrain_dagster.curation.raters.draws import drawn, draws

IDS = pl.Series("id", [f"document-{number:05d}" for number in range(20_000)])


def test_draws_are_uniform_and_independent_of_the_seed() -> None:
    one, two = draws(IDS, 1), draws(IDS, 2)
    assert one.min() > 0
    assert one.max() < 1
    for values in (one, two):
        shares = np.histogram(values, 20, (0, 1))[0] / len(IDS)
        assert abs(shares - 0.05).max() < 0.01
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.03
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.03


def test_a_draw_depends_on_the_id_alone() -> None:
    order = np.random.default_rng(0).permutation(len(IDS))
    assert (draws(IDS[order], 7) == draws(IDS, 7)[order]).all()


def test_what_is_drawn_of_the_drawn_is_what_is_drawn_of_all() -> None:
    documents = pl.DataFrame({"id": IDS, "text": "text of " + IDS})
    whole = drawn(documents, count=50, seed=3)["drawn"]
    parts = [drawn(part, count=50, seed=3)["drawn"] for part in documents.iter_slices(3_000)]
    assert_frame_equal(drawn(pl.concat(parts), count=50, seed=3)["drawn"], whole)
    assert whole["id"].n_unique() == 50
    assert (whole["text"] == "text of " + whole["id"]).all()


def test_golden_and_errors() -> None:
    assert [round(value, 6) for value in draws(pl.Series(["", "a", "b"]), 1)] == [
        0.763695,
        0.026643,
        0.226453,
    ]
    with pytest.raises(ValueError, match="1 null"):
        draws(pl.Series(["a", None]), 1)
