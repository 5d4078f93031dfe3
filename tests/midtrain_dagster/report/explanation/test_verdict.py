from dataclasses import replace
from typing import Any

import pytest

from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.report.explanation.document import Story, tell
from midtrain_dagster.report.explanation.document_search import find
from midtrain_dagster.report.explanation.verdict import also_fails, verdict

POLICY = CurationPolicy.model_validate(
    {
        "prose": {
            "minimum_characters": 20,
            "rules": ["gopher_quality"],
            "thresholds": {"minimum_word_count": 8},
            "minimum_ratings": {"quality": 0.25},
        }
    }
)


def story(made: dict[str, Any], place: str) -> Story:
    return tell(made, find(made, place), POLICY)


def decided(made: dict[str, Any], place: str, reason: str) -> str:
    told = story(made, place)
    assert told.decision is not None
    return verdict(replace(told, decision={**told.decision, "reason": reason}))


def test_each_reason_is_a_sentence(made: dict[str, Any]) -> None:
    one = find(made, "web.jsonl:1").id[:12]
    for place, sentence in {
        "web.jsonl:1": "Kept: nothing that its kind's policy asks speaks against it. It stays for "
        "all 2 members of its duplicate cluster. 1 span of it will be replaced or cut in the token "
        "shards.",
        "web.jsonl:2": f"Dropped: of the 2 documents of its duplicate cluster, {one} "
        "(web/web.jsonl:1) stays.",
        "web.jsonl:3": "Dropped: its language was judged to be de (score 0.96), and the policy of "
        "prose keeps en.",
        "web.jsonl:4": "Dropped: the rating quality is 0.2, below the least allowed, 0.25.",
        "books.jsonl:1": "Dropped: it holds the text of item 7 of the benchmark riddles.",
    }.items():
        assert verdict(story(made, place)) == sentence


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (
            "gopher_quality:word_count",
            "Dropped: its word_count is 2, below the least allowed, 8 (rule gopher_quality).",
        ),
        (
            "minimum_characters",
            "Dropped: it has 10 characters, and the policy of prose asks for at least 20.",
        ),
        (
            "language:uncertain",
            "Dropped: its language was not recognised surely enough (score 0.96); at least 0.65 is "
            "asked.",
        ),
        ("repeated_text", "Dropped: 0% of it is text that the corpus repeats."),
        (
            "sampling:web",
            "Dropped: its domain web has a budget of tokens, and the sample left it out.",
        ),
        ("error:ratings", "Dropped: the method behind ratings could not process it."),
        ("new_rule:signal", "Dropped: it breaks the rule new_rule:signal."),
    ],
)
def test_other_reasons(made: dict[str, Any], reason: str, sentence: str) -> None:
    assert decided(made, "web.jsonl:3", reason) == sentence


def test_what_else_speaks_against_it(made: dict[str, Any]) -> None:
    others = also_fails(story(made, "web.jsonl:3"))
    assert "word_count is 2, below the least allowed, 8" in others
    assert "characters is 10, below the least allowed, 20" in others
    assert also_fails(story(made, "books.jsonl:1")) == []
    assert also_fails(story(made, "books.jsonl:2")) == []


def test_values_that_round_to_the_bound_are_told_apart(made: dict[str, Any]) -> None:
    told = story(made, "web.jsonl:4")
    (quality, maths) = told.ratings
    close = replace(told, ratings=(replace(quality, value=0.24999), maths))
    assert (
        verdict(close) == "Dropped: the rating quality is 0.24999, below the least allowed, 0.25."
    )


def test_without_a_decision_nothing_is_claimed(made: dict[str, Any]) -> None:
    assert verdict(replace(story(made, "web.jsonl:1"), decision=None)) == "No decision yet."
