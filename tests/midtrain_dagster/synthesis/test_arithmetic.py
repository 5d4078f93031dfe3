from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.arithmetic import derived, equations


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("so 3 + 4 = 7.", [(("3", "4"), "7", True)]),
        ("2 + 3 x 4 = 14, not 2 + 3 * 4 = 20", [(("2", "3", "4"), "14", True),
                                                 (("2", "3", "4"), "20", False)]),
        ("40 boxes \u00d7 3 euros = $1,200", [(("40", "3"), "1200", False)]),
        ("$1,200 / 7 = 171.43", [(("1200", "7"), "171.43", True)]),
        ("10 / 4 = 2.4", [(("10", "4"), "2.4", False)]),
        ("2 * 3 + 1 = 6 + 1 = 7", [(("6", "1"), "7", True)]),
        ("1 / 0 = 1", [(("1", "0"), "1", False)]),
        ("x - 3 + 4 = 7; 2 * (3 + 4) = 14; 7 = 7; in 1999-2000 there were 3", []),
    ],
)  # fmt: skip
def test_calculations_are_done_again(text: str, found: list) -> None:
    assert equations(text) == found


def test_results_count_where_they_are_right() -> None:
    assert derived("3 + 4 = 7 and 3 * 4 = 13") == {"7"}


@given(
    st.lists(st.integers(0, 10**6), min_size=2, max_size=5),
    st.lists(st.sampled_from("+-*"), min_size=4, max_size=4),
)
def test_what_python_gets_is_right_and_all_else_is_wrong(numbers, signs) -> None:
    written = str(numbers[0]) + "".join(
        f" {sign} {number}" for sign, number in zip(signs, numbers[1:], strict=False)
    )
    result = eval(written)
    if 0 <= result < 10**15:
        (right,) = equations(f"It is {written} = {result}.")
        assert right.right and Fraction(right.result) == result
        (wrong,) = equations(f"It is {written} = {result + 1}.")
        assert not wrong.right


@pytest.mark.parametrize("hostile", ["1" * 10**6, "1 + " * 10**5, "1,111" * 10**5, "9 x" * 10**5])
def test_hostile_text_is_read_once(hostile: str) -> None:
    """Would not end if a regular expression went back and forth."""
    assert equations(hostile) == []
