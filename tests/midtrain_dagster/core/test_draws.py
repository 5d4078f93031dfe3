from hashlib import blake2b

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from midtrain_dagster.core.draws import VERSION, first, folded, key, place, shares, uniform

IDS = pl.Series("id", [f"document-{number:05d}" for number in range(20_000)])


@pytest.mark.parametrize("draw", [uniform, shares])
def test_draws_are_uniform_and_independent_of_the_seed(draw) -> None:
    one, two = draw(IDS, 1), draw(IDS, 2)
    assert one.min() >= 0
    assert one.max() < 1
    for values in (one, two):
        parts = np.histogram(values, 20, (0, 1))[0] / len(IDS)
        assert abs(parts - 0.05).max() < 0.01
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.03
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.03


@pytest.mark.parametrize("draw", [uniform, shares])
def test_draws_depend_on_the_id_alone(draw) -> None:
    order = np.random.default_rng(0).permutation(len(IDS))
    assert (draw(IDS[order], 7) == draw(IDS, 7)[order]).all()
    with pytest.raises(ValueError, match="null"):
        draw(pl.Series(["a", None]), 1)


def test_first_of_the_first_of_parts_is_first_of_all() -> None:
    documents = pl.DataFrame({"id": IDS, "text": "text of " + IDS})
    whole = first(documents, count=50, seed=3)
    parts = [first(part, count=50, seed=3) for part in documents.iter_slices(3_000)]
    assert_frame_equal(first(pl.concat(parts), count=50, seed=3), whole)
    assert whole["id"].n_unique() == 50
    assert (whole["text"] == "text of " + whole["id"]).all()


def test_place_orders_names_as_the_bytes_of_their_digests_do() -> None:
    names = IDS[:100].to_list()
    digests = {name: blake2b(f"5/{name}".encode(), digest_size=16).digest() for name in names}
    assert sorted(names, key=lambda name: place(name, 5)) == sorted(names, key=digests.__getitem__)
    assert 0 <= place("a", 5, bits=64) < 2**64


def test_draws_golden() -> None:
    """Every sample, split and order that was ever made hangs on these."""
    ids = pl.Series(["", "a", "b"])
    assert VERSION == 1
    assert uniform(ids, 1).round(6).tolist() == [0.763695, 0.026643, 0.226453]
    assert shares(ids, 1).round(6).tolist() == [0.119808, 0.240297, 0.307693]
    assert (place("a", 1, bits=64), key(1, "base", "web")) == (
        12208100300184014999,
        1708418017162399023,
    )


def test_seeds_are_folded_where_a_generator_takes_fewer_bits() -> None:
    assert [folded(seed, 31) for seed in (0, 1, 2**31 - 1)] == [0, 1, 2**31 - 1]
    large = [folded(seed, 31) for seed in (2**31, 2**32 + 1, 2**63 - 1)]
    assert len(set(large)) == 3
    assert all(0 <= each < 2**31 for each in large)
