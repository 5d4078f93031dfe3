import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.synthesis.loops import LONGEST_PERIOD, REPEATS, WORDS, loops


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=90))
def test_loops_are_those_of_a_loop_over_words(words: list[str]) -> None:
    def run(period: int) -> int:
        best = now = 0
        for at in range(period, len(words)):
            now = now + 1 if words[at] == words[at - period] else 0
            best = max(best, now)
        return best

    naive = any(
        run(period) >= max((REPEATS - 1) * period, WORDS) for period in range(1, LONGEST_PERIOD + 1)
    )
    assert loops(" ".join(words)) is naive


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the cat sat. " * 8, True),
        ("no " * 21, True),
        ("", False),
        ("one", False),
        ("| 0 | 0 | 0 | 0 |\n| 1 | 0 | 1 | 0 |", False),
        ("To be, or not to be, that is the question. To be, or not to be!", False),
        (" ".join(map(str, range(5000))), False),
    ],
)
def test_what_goes_round_is_found(text: str, found: bool) -> None:
    assert loops(text) is found
