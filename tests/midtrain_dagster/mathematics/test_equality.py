import threading
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.mathematics.equality import LONGEST, compare, equal


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1/2", "0.5"),
        (r"\frac12", "0.50"),
        (r"$\dfrac{1}{2}$", "1/2"),
        ("50%", "0.5"),
        ("1,234", "1234.0"),
        ("2 1/2", "2.5"),
        ("2**3", "8"),
        ("x^2+2x+1", "(x+1)^2"),
        ("x = 5", "5"),
        (r"\sqrt{8}", r"2\sqrt{2}"),
        (r"\sin^2 x + \cos^2 x", "1"),
        (r"\{1, 2\}", r"\{2, 1\}"),
        ("0.333333", "1/3"),
        ("$12", "12 dollars"),
        ("5 apples", "5 Apple."),
        ("5 cm", "5"),
        (r"\text{Monday}", "monday"),
        (r"\boxed{7}", "7."),
        ("\u22127", "-7"),
        ("1e3", "1,000"),
        ("2.5e-1", "1/4"),
        ("3 million", "3,000,000"),
        ("1.5 million dollars", "1500000"),
        ("2 dozen eggs", "24"),
        (r"11,\!111", "11111"),
        (r"10\,000", "10,000"),
        ("5 kg", "5"),
        ("5cm^2", "5"),
        ("5apples", "5"),
    ],
)
def test_the_same_in_either_order(one: str, other: str) -> None:
    assert equal(one, other)
    assert equal(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1/3", "0.33"),
        ("7", "8"),
        ("1 2", "12"),
        ("2x", "2"),
        ("2xy", "2"),
        ("1e3", "1"),
        ("3 million", "3"),
        ("3 million dollars", "3 dollars"),
        ("3mn", "3"),
        ("5ax", "5"),
        ("2 nk", "2"),
        ("2 sin x", "2"),
        ("2pi r", "2"),
        ("2 and 3", "2"),
        (r"10\,00", "1000"),
        ("5 cm", "5 m"),
        ("5 m", "6 m"),
        ("yes", "sey"),
        ("no", "on"),
        ("yes", "1"),
        ("(1, 2)", "(2, 1)"),
        ("[1, 2)", "[1, 2]"),
        (r"\pi", "3.14"),
        ("x + 1", "y + 1"),
        ("", ""),
        ("", "1"),
        ("1/0", "2"),
        ("\\frac{", "2"),
        ("))((", "2"),
    ],
)
def test_different_in_either_order(one: str, other: str) -> None:
    assert compare(one, other) == "different"
    assert compare(other, one) == "different"


def test_what_takes_too_long_is_undecided_and_the_next_is_compared() -> None:
    found = []
    asking = threading.Thread(target=lambda: found.append(compare("9^{9^{9^{9}}}", "9^{9^9}+x")))
    asking.start()
    asking.join()
    assert found == ["undecided"]
    assert equal("x+x", "2x")


def test_what_is_too_long_is_compared_by_its_normal_form() -> None:
    long = "1+" * LONGEST + "1"
    assert compare(long, f"${long}$.") == "equal"
    assert compare(long, str(LONGEST + 1)) == "undecided"
    assert equal("7" * 5000, "7" * 5000)


@given(st.integers(-999, 999), st.integers(1, 99), st.integers(1, 9))
def test_fractions_equal_what_is_a_multiple_of_both_sides(over: int, under: int, by: int) -> None:
    assert equal(f"{over}/{under}", f"{over * by}/{under * by}")
    value = Fraction(over, under)
    if value.denominator == 1:
        assert equal(f"{over}/{under}", str(value.numerator))


@given(st.integers(), st.integers())
def test_whole_numbers_are_equal_as_numbers_are(one: int, other: int) -> None:
    assert equal(f"{one:,}", f"{other}") == (one == other)
    assert equal(f"{one:,}", f"{one}.00")


@given(st.text(max_size=12), st.text(alphabet="yesno ", max_size=12))
def test_any_texts_are_compared(one: str, other: str) -> None:
    assert compare(one, other) == compare(other, one)
