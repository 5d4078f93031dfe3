import pytest

from midtrain_dagster.display import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),  # noqa: RUF001
        (0, "0"),
        (950, "950"),
        (12_400, "12,400"),
        (99_999, "99,999"),
        (655_360, "655K"),
        (999_900, "1M"),
        (1_966_080, "1.97M"),
        (3.4e9, "3.4B"),
        (15.6e12, "15.6T"),
        (-2_000_000, "-2M"),
    ],
)
def test_counts_are_short(value: float | None, text: str) -> None:
    assert numbers.count(value) == text


def test_losses_have_three_decimals() -> None:
    assert numbers.loss(2.71828) == "2.718"
    assert numbers.loss(None) == numbers.loss(float("nan")) == numbers.MISSING


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0123, "+0.012"),
        (-0.52, "\N{MINUS SIGN}0.520"),
        (0.0004, "0.000"),
        (-0.0004, "0.000"),
        (None, numbers.MISSING),
    ],
)
def test_changes_carry_a_sign_unless_they_round_to_zero(value: float | None, text: str) -> None:
    assert numbers.change(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0%"),
        (0.0003, "<0.1%"),
        (0.004, "0.4%"),
        (0.25, "25%"),
        (0.967, "96.7%"),
        (0.9997, ">99.9%"),
        (1, "100%"),
    ],
)
def test_shares_show_a_decimal_near_the_ends_and_round_to_none(value: float, text: str) -> None:
    assert numbers.share(value) == text


def test_sizes_durations_and_counts_with_their_words() -> None:
    assert [numbers.size(each) for each in (950, 12_400_000, 8_589_934_592)] == [
        *("950 B", "12.4 MB", "8.59 GB"),
    ]
    assert [numbers.duration(each) for each in (8.4, 59.7, 252, 11_100)] == [
        *("8 s", "1 min 0 s", "4 min 12 s", "3 h 5 min"),
    ]
    assert (numbers.counted(1, "core"), numbers.counted(3605, "document")) == (
        *("1 core", "3,605 documents"),
    )


def test_accuracies_rates_and_decimals() -> None:
    assert numbers.accuracy(0.2666) == "26.7%"
    assert numbers.rate(6.15e-5) == "6.15e-05"
    assert numbers.rate(0.001) == "0.001"
    assert numbers.decimal(1.066) == "1.07"
    assert numbers.accuracy(None) == numbers.decimal(None) == numbers.MISSING
