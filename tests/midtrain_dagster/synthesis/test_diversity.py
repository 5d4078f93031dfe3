import re
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.synthesis.diversity import distinct, nearest, spread, vectors

TEXTS = st.lists(
    st.lists(st.sampled_from(["A", "nurse", "who", "ÄLPS", "7"]), max_size=7).map(" ".join),
    max_size=6,
)


@settings(max_examples=50)
@given(TEXTS, st.integers(1, 3))
def test_distinct_n_is_that_of_a_loop(texts: list[str], n: int) -> None:
    runs = [
        tuple(words[at : at + n])
        for words in (re.findall(r"\w+", text.lower()) for text in texts)
        for at in range(len(words) - n + 1)
    ]
    assert distinct(texts, n) == (len(set(runs)) / len(runs) if runs else 0)


@settings(max_examples=50)
@given(TEXTS)
def test_spread_and_nearest_are_those_of_a_loop(texts: list[str]) -> None:
    made = vectors(texts)
    cosines = [float(a @ b) for a, b in combinations(made, 2)]
    expected = 1 - np.mean(cosines) if cosines else 0
    assert spread(made) == pytest.approx(expected, abs=1e-5)
    for at, value in enumerate(nearest(made)):
        earlier = [float(made[at] @ each) for each in made[:at]]
        assert value == pytest.approx(max([0, *earlier]), abs=1e-5)


def test_the_same_words_lie_together_and_others_apart() -> None:
    made = vectors(["A nurse in Bern", "a NURSE, in Bern!", "The sailor likes mountains", ""])
    assert nearest(made).tolist() == pytest.approx([0, 1, 0, 0], abs=0.1)
    assert 0.7 < spread(made) < 1
