from typing import Any

import pytest

from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.report.explanation.document import tell
from midtrain_dagster.report.explanation.document_search import find

POLICY = CurationPolicy.model_validate(
    {
        "prose": {
            "rules": ["gopher_quality"],
            "thresholds": {"minimum_word_count": 8},
            "minimum_ratings": {"quality": 0.25},
        }
    }
)


def test_every_number_has_the_bounds_of_its_kind(made: dict[str, Any]) -> None:
    story = tell(made, find(made, "web.jsonl:3"), POLICY)
    by_name = {each.name: each for each in (*story.signals, *story.ratings)}
    words = by_name["word_count"]
    assert words.value == 2
    assert [(test.bound.side, test.bound.value, test.passed) for test in words.tests] == [
        ("minimum", 8, False),
        ("maximum", 100_000, True),
    ]
    assert by_name["line_count"].tests == ()
    assert by_name["maths"].tests == ()
    (quality,) = by_name["quality"].tests
    assert quality.passed and quality.bound.reason == "rating:quality"
    assert by_name["quality"].percentile == pytest.approx(1 / 4)
    assert "id" not in by_name and "error" not in by_name


def test_spans_are_cut_out_of_bytes_with_what_stands_around(made: dict[str, Any]) -> None:
    story = tell(made, find(made, "web.jsonl:1"), POLICY)
    (mail,) = story.personal_data
    assert (mail.label, mail.text) == ("email", "harbour@example.org")
    assert mail.before.endswith("goes to ") and mail.after.startswith(", and is read")
    (repeated,) = story.repeated_text
    assert repeated.before == "" and repeated.text.startswith("The harbour master")
    (edit,) = story.edits
    assert (edit.label, edit.text) == ("<EMAIL>", "harbour@example.org")


def test_only_what_the_document_needs_is_called_missing(made: dict[str, Any]) -> None:
    missing = ["signals", "contamination [gsm8k]", "tokenizer", "report", "synthetic/signals"]
    story = tell({"documents": made["documents"]}, find(made, "web.jsonl:1"), POLICY, missing)
    assert story.missing == ("signals", "contamination [gsm8k]")
    assert story.decision is None and story.signals == () and story.edits == ()
    synthetic = tell(made, find(made, "5e5e5e5e"), POLICY, missing)
    assert synthetic.missing == ("synthetic/signals",)
    assert synthetic.origin is not None
    assert synthetic.origin["locator"] == "web.jsonl:1"
