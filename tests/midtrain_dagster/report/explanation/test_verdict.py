"""Every reason of the finished run is a sentence that says what the artifacts say."""

from dataclasses import replace
from typing import Any

import pytest

from midtrain_dagster.report.explanation.document import Story, story_of
from midtrain_dagster.report.explanation.document_search import find
from midtrain_dagster.report.explanation.verdict import also_fails, verdict


def story(made: Any, tiny_run: Any, asked: str) -> Story:
    return story_of(made, find(made, asked), tiny_run.recipe.curation)


def with_reason(found: Story, reason: str) -> Story:
    assert found.decision is not None
    return replace(found, decision={**found.decision, "reason": reason})


def of_reason(made: Any, reason: str) -> str:
    return str(made["curated_documents"].read("decisions").filter(reason=reason)["id"][0])


def test_every_reason_of_a_run_is_a_sentence(made: Any, tiny_run: Any) -> None:
    decisions = made["curated_documents"].read("decisions").unique("reason")
    assert decisions.height > 8
    for identity, reason in decisions.select("id", "reason").sort("id").iter_rows():
        sentence = verdict(story(made, tiny_run, identity))
        assert sentence.startswith("Kept: " if reason == "kept" else "Dropped: ")
        assert "it breaks the rule" not in sentence, reason


def test_a_broken_rule_is_named_with_value_and_bound(made: Any, tiny_run: Any) -> None:
    identity = of_reason(made, "gopher_quality:word_count")
    words = made["signals"].read("signals").filter(id=identity)["word_count"].item()
    assert verdict(story(made, tiny_run, identity)) == (
        f"Dropped: its word_count is {words}, below the least allowed, 20 (rule gopher_quality)."
    )


def test_contamination_names_item_and_benchmark(made: Any, tiny_run: Any) -> None:
    identity = of_reason(made, "contamination:hellaswag")
    (item,) = made["contamination"]["hellaswag"].read("hits").filter(id=identity)["item"]
    found = story(made, tiny_run, identity)
    assert verdict(found) == (
        f"Dropped: it holds the text of item {item} of the benchmark hellaswag."
    )
    assert also_fails(found) == []


def test_kept_documents_say_what_was_done_to_them(made: Any, tiny_run: Any, pair: Any) -> None:
    edited = made["personal_data"].read("personal_data")["id"][0]
    assert verdict(story(made, tiny_run, edited)) == (
        "Kept: it passes everything that its kind's policy asks. 1 span of it will be replaced or "
        "cut in the token shards."
    )
    goes, stays = pair
    found = story(made, tiny_run, stays["id"])
    assert "It stays for all 2 members of its duplicate cluster." in verdict(found)
    twice = replace(found, decision={**(found.decision or {}), "copies": 2})
    assert "Sampling takes it 2 times." in verdict(twice)
    (other,) = also_fails(story(made, tiny_run, goes["id"]))
    assert other == "another member of its duplicate cluster stays"


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("language:de", "its language was judged to be en (score "),
        ("language:uncertain", "its language was not recognised surely enough (score "),
        ("minimum_characters", "characters, and the policy of prose asks for at least "),
        ("rating:quality", "the rater quality gives it too low a rating."),
        ("repeated_text", "0% of it is text that the corpus repeats."),
        ("sampling:web", "its domain web has a budget of tokens, and the sample left it out."),
        ("error:ratings", "the method behind ratings could not process it."),
        ("new_rule:signal", "it breaks the rule new_rule:signal."),
    ],
)
def test_other_reasons(made: Any, tiny_run: Any, pair: Any, reason: str, sentence: str) -> None:
    reason = reason.replace(":de", ":en")
    told = verdict(with_reason(story(made, tiny_run, pair[1]["id"]), reason))
    assert told.startswith("Dropped: ") and sentence in told


def test_a_duplicate_names_the_document_that_stays(made: Any, tiny_run: Any, pair: Any) -> None:
    goes, stays = pair
    assert verdict(with_reason(story(made, tiny_run, goes["id"]), "duplicate")) == (
        f"Dropped: of the 2 documents of its duplicate cluster, {stays['id'][:12]} "
        f"(openwebtext/{stays['locator']}) stays."
    )


def test_values_that_round_to_the_bound_are_told_apart(made: Any, tiny_run: Any) -> None:
    found = story(made, tiny_run, of_reason(made, "gopher_quality:alpha_word_ratio"))
    signals = tuple(
        replace(each, value=0.79999) if each.name == "alpha_word_ratio" else each
        for each in found.signals
    )
    assert "alpha_word_ratio is 0.79999, below the least allowed, 0.8" in verdict(
        replace(found, signals=signals)
    )


def test_without_a_decision_nothing_is_claimed(made: Any, tiny_run: Any, pair: Any) -> None:
    found = replace(story(made, tiny_run, pair[1]["id"]), decision=None)
    assert verdict(found) == "No decision yet."
