import pytest
from pydantic import ValidationError

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.core.schema import KINDS
from midtrain_dagster.curation.policy import CurationPolicy, KindPolicy


def test_every_kind_has_a_policy() -> None:
    assert CurationPolicy.kinds() == KINDS
    policy = CurationPolicy()
    assert all(isinstance(policy.of(kind), KindPolicy) for kind in KINDS)


def test_what_a_recipe_says_is_laid_over_the_default() -> None:
    policy = CurationPolicy.model_validate(
        {"prose": {"minimum_ratings": {"quality": 0.2}, "thresholds": {"minimum_word_count": 20}}}
    )
    assert policy.prose.rules == ["gopher_repetition", "gopher_quality", "c4", "fineweb"]
    assert (policy.prose.language, policy.prose.minimum_ratings) == (["en"], {"quality": 0.2})
    assert policy.code == CurationPolicy().code
    assert CurationPolicy.model_validate(policy.model_dump()) == policy


def test_ceilings_are_no_cause_of_decisions() -> None:
    ceilings = {"removal_ceiling": 0.3, "removal_ceilings": {"web": 1.0}}
    assert canonical(CurationPolicy(**ceilings)) == canonical(CurationPolicy())
    asked = CurationPolicy.model_validate({"prose": {"minimum_characters": 9}})
    assert canonical(asked) != canonical(CurationPolicy())


def test_signals_are_those_that_the_rules_of_some_kind_bound() -> None:
    kinds = CurationPolicy.kinds()
    nothing = {kind: {"rules": []} for kind in kinds}
    assert CurationPolicy.model_validate(nothing).signals == []
    two = nothing | {"prose": {"rules": ["sensitive"]}, "qa": {"rules": ["source_code"]}}
    assert CurationPolicy.model_validate(two).signals == [
        *("alphanumeric_ratio", "longest_line", "mean_line_length", "obscene_word_ratio")
    ]
    assert not [name for name in CurationPolicy().signals if name.endswith("_datatrove")]


def test_a_kind_may_ask_for_no_language() -> None:
    assert CurationPolicy.model_validate({"prose": {"language": None}}).prose.language is None


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"prose": {"thresholds": {"minimum_words": 3}}}, "minimum_words bound nothing"),
        ({"prose": {"thresholds": {"minimum_longest_line": 3}}}, "bound nothing"),
        ({"code": {"thresholds": {"minimum_word_count": 3}}}, "bound nothing in source_code"),
        ({"prose": {"rules": ["gopher"]}}, "gopher_repetition"),
        ({"prose": {"language": []}}, "at least 1"),
        ({"poetry": {}}, "poetry"),
        ({"removal_ceiling": 1.5}, "less than or equal to 1"),
        ({"removal_ceilings": {"owt": -1}}, "greater than or equal to 0"),
    ],
)
def test_mistakes_are_found_when_the_recipe_is_loaded(section: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CurationPolicy.model_validate(section)
