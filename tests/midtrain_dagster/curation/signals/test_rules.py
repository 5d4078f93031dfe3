import polars as pl
import pytest

from midtrain_dagster.curation.signals.rules import RULES, Rule, asked, thresholds_of, violation
from midtrain_dagster.curation.signals.signals import SIGNALS
from midtrain_dagster.curation.signals.word_lists import LISTED


def first_violation(
    rules: list[Rule], thresholds: dict[str, float], **signals: float
) -> str | None:
    row = pl.DataFrame([signals], schema={name: SIGNALS[name] for name in signals})
    return row.select(violation(asked(rules, thresholds))).item()


def test_rules_bound_signals_that_exist() -> None:
    assert {signal for bounds in RULES.values() for signal in bounds} <= {*SIGNALS, *LISTED}
    for bounds in RULES.values():
        for minimum, maximum in bounds.values():
            assert (minimum, maximum) != (None, None)


FINEWEB = {
    "line_punct_ratio": 0.12,
    "short_line_ratio": 0.67,
    "char_dup_ratio": 0.01,
    "newlines_per_word": 0.3,
}


def test_a_bound_itself_is_within() -> None:
    assert first_violation(["fineweb"], {}, **FINEWEB) is None


@pytest.mark.parametrize(
    ("signal", "value"),
    [
        ("line_punct_ratio", 0.119),
        ("short_line_ratio", 0.671),
        ("char_dup_ratio", 0.0101),
        ("newlines_per_word", 0.301),
        ("newlines_per_word", float("nan")),
    ],
)
def test_beyond_a_bound_is_the_reason(signal: str, value: float) -> None:
    expected = None if value != value else f"fineweb:{signal}"
    if value != value:
        value, expected = None, f"fineweb:{signal}"
    assert first_violation(["fineweb"], {}, **(FINEWEB | {signal: value})) == expected


def test_the_first_of_several_reasons_is_given() -> None:
    signals = FINEWEB | {"char_dup_ratio": 1.0, "short_line_ratio": 1.0}
    assert first_violation(["fineweb"], {}, **signals) == "fineweb:short_line_ratio"


def test_a_threshold_replaces_a_bound() -> None:
    signals = FINEWEB | {"short_line_ratio": 0.9}
    assert first_violation(["fineweb"], {"maximum_short_line_ratio": 0.9}, **signals) is None


@pytest.mark.parametrize("without", ["fineweb", "fineweb:short_line_ratio"])
def test_what_is_left_out_is_no_reason(without: str) -> None:
    row = pl.DataFrame([FINEWEB | {"short_line_ratio": 0.9}])
    assert row.select(violation(asked(["fineweb"], {}, [without]))).item() is None


def test_names_of_thresholds() -> None:
    names = thresholds_of(["gopher_quality"])
    assert (names["minimum_word_count"], names["maximum_word_count"]) == (50, 100_000)
    assert names["minimum_stop_words"] == 2
    assert "maximum_stop_words" not in names
    assert thresholds_of([]) == {}


def test_golden() -> None:
    """Table A1 of Gopher; Penedo et al. 2024 and datatrove; the two readings of C4."""
    repetition = [bounds.maximum for bounds in RULES["gopher_repetition"].values()]
    assert repetition == [
        *(0.3, 0.3, 0.2, 0.2),
        *(0.2, 0.18, 0.16),
        *(0.15, 0.14, 0.13, 0.12, 0.11, 0.1),
    ]
    for reading in ("datatrove", "dclm"):
        same = [bounds.maximum for bounds in RULES[f"gopher_repetition_{reading}"].values()]
        assert [limit for limit in same if limit] == repetition
    assert RULES["c4_datatrove"]["c4_sentences_datatrove"].minimum == 5
    assert RULES["c4_fineweb"]["c4_sentences_fineweb"].minimum == 5
    assert RULES["c4_terminal"]["c4_sentences_terminal_of_5"].minimum == 3
