from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.long_context.draw import Draw


@given(st.integers(0, 2**32), st.integers(1, 30), st.data())
def test_a_sample_has_different_ones_and_is_drawn_alike(
    seed: int, size: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, size))
    sample = Draw("a", seed).sample(range(size), count)
    assert len(set(sample)) == len(sample) == count
    assert set(sample) <= set(range(size))
    assert sample == Draw("a", seed).sample(range(size), count)
    assert sorted(Draw(seed).shuffled(range(size))) == list(range(size))


def test_draws_are_even_and_stay_what_they_are() -> None:
    draw = Draw("even", 1)
    counts = Counter(draw.below(4) for _ in range(4000))
    assert sorted(counts) == [0, 1, 2, 3]
    assert max(counts.values()) < 1.15 * min(counts.values())
    # Golden: another number here draws other items of every recipe.
    assert Draw("long_context", 0).below(10**9) == 12_351_599
