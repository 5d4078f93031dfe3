from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.mixture.length_class import STANDARD, bounds, labels
from midtrain_dagster.mixture.weights import Mixture


def mixture(rule: Any, **other: Any) -> Mixture:
    return Mixture.model_validate({"domains": {"web": 1.0}, "length_classes": rule, **other})


@pytest.mark.parametrize(
    ("rule", "classes"),
    [
        # ProLong: 60% of documents that fill the window. Qwen3: 75% of 16K to 32K and 25% of 4K to
        # 16K in windows of 32K. Phi-4: 30% from 8K on in windows of 16K, the longest raised.
        ("prolong", {0: 0.4, 1: 0.6}),
        ("qwen3", {Fraction(4, 32): 0.25, Fraction(16, 32): 0.75}),
        ("phi_4", {0: 0.7, Fraction(8, 16): 0.1, Fraction(16, 16): 0.2}),
        (
            {"method": "shares", "shares": {1: 0.5, "1/4": 0.3, 0.5: 0.2}},
            {Fraction(1, 4): 0.3, Fraction(1, 2): 0.2, 1: 0.5},
        ),
    ],
)
def test_rules_are_those_of_the_papers(rule: Any, classes: dict[Fraction, float]) -> None:
    made = mixture(rule).length_classes
    assert made is not None
    assert {each.start: each.share for each in made.classes} == pytest.approx(classes)
    assert [each.start for each in made.classes] == sorted(classes)
    assert sum(each.share for each in made.classes) == pytest.approx(1)


def test_bounds_and_names() -> None:
    assert bounds(STANDARD, 512) == [0, 128, 256, 512]
    assert bounds(STANDARD, 10) == [0, 3, 5, 10]
    assert labels(STANDARD) == [
        *("under 1/4 window", "1/4 to 1/2 window", "1/2 to 1 window", "1 window up")
    ]
    assert labels([Fraction(0)]) == ["any length"]
    with pytest.raises(ValueError, match="windows of 2 tokens are too short"):
        bounds(STANDARD, 2)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"rule": {"method": "shares", "shares": {0: 0.5, 1: 0.6}}}, "sum to 1, not to 1.1"),
        ({"rule": {"method": "shares", "shares": {0: 0.5, 2: 0.5}}}, "begins between 0 and 1"),
        ({"rule": {"method": "shares", "shares": {"half": 1}}}, "no part of the window"),
        ({"rule": {"method": "shares", "shares": {"1/0": 1}}}, "no part of the window"),
        ({"rule": {"method": "shares", "shares": {"1/2": 0.5, 0.5: 0.5}}}, "two classes begin"),
        ({"rule": {"method": "shares", "shares": {}}}, "at least 1"),
        ({"rule": "prolonged"}, "prolong"),
        ({"rule": {"method": "prolong", "own_class": ["qa"]}}, "own_class names qa"),
        ({"rule": {"method": "prolong", "own_class": ["web"]}}, "names every domain"),
        ({"rule": "prolong", "long_documents": {"minimum_tokens": 9, "share": 0.5}}, "say one"),
    ],
)
def test_rules_that_are_none(section: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        mixture(**section)


def test_a_mixture_without_one_is_the_cause_and_the_record_that_it_was() -> None:
    plain = Mixture.model_validate({"domains": {"web": 1.0}})
    assert "length_classes" not in canonical(plain)
    assert plain.model_dump_json() == (
        '{"long_documents":null,"max_epochs":4.0,"max_epochs_of":{},"domains":{"web":1.0}}'
    )
    ruled = mixture({"method": "shares", "shares": {0: 0.25, "1/2": 0.75}})
    assert Mixture.model_validate_json(ruled.model_dump_json()) == ruled
    assert canonical(ruled) != canonical(plain)
