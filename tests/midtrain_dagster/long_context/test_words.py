import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.long_context.words import (
    ADJECTIVES,
    NOUNS,
    UsedUpError,
    ValueKind,
    drawn,
    in_pool,
)


@given(st.sampled_from(["numbers", "words", "uuids"]), st.integers(0, 1000))
def test_pools_share_nothing(kind: ValueKind, seed: int) -> None:
    learnt = drawn(Draw(seed), kind, 40, pool="training")
    asked = drawn(Draw(seed), kind, 40, pool="evaluation")
    assert len(set(learnt)) == len(set(asked)) == 40
    assert not set(learnt) & set(asked)
    assert all(in_pool(each, "training") for each in learnt)


def test_each_pool_has_about_half_of_the_pairs() -> None:
    pairs = [f"{adjective}-{noun}" for adjective in ADJECTIVES for noun in NOUNS]
    assert len(set(pairs)) == 6000
    assert 2800 < sum(in_pool(pair, "training") for pair in pairs) < 3200


def test_numbers_have_their_digits_and_what_is_taken_is_not_drawn() -> None:
    first = drawn(Draw(1), "numbers", 20, pool="training", digits=3)
    second = drawn(Draw(1), "numbers", 20, pool="training", digits=3, avoid=first)
    assert all(len(each) == 3 for each in first + second)
    assert not set(first) & set(second)


def test_a_pool_that_is_used_up_says_so() -> None:
    with pytest.raises(UsedUpError, match="not 9 different numbers of 1 digits beside the 0"):
        drawn(Draw(1), "numbers", 9, pool="evaluation", digits=1)
