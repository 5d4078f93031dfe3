from midtrain_dagster.forecast.inputs import look
from midtrain_dagster.forecast.preview import preview_lines

from .conftest import Changed


def test_what_is_dropped_is_told_with_examples_and_the_line_that_loosens_it(
    changed: Changed,
) -> None:
    recipe = changed({"curation.prose": {"minimum_characters": 10}})
    lines = list(preview_lines(recipe, look(recipe), 4))
    assert "4 documents of each source" in lines[0] and "benchmark items" in lines[1]
    at = lines.index("  pages: 0 of 4 kept, 0% (4 plain)")
    # Sentences that are there five times are what Gopher's repetition is about.
    reason, *examples, remedy = [line.split(maxsplit=2) for line in lines[at + 1 :]]
    assert (reason[0], reason[1]) == ("4", "100%")
    rule, signal = reason[2].split(":")
    assert rule == "gopher_repetition"
    assert [each[0] for each in examples] == ["p.jsonl:1:", "p.jsonl:2:", "p.jsonl:3:"]
    assert all(each[1] == signal and "asked at most" in each[2] for each in examples)
    assert " ".join(remedy) == f"loosened by curation.sources.pages.without: [{rule}:{signal}]"


def test_the_line_loosens_it(changed: Changed) -> None:
    recipe = changed({"curation.sources": {"pages": {"without": ["gopher_repetition"]}}})
    lines = list(preview_lines(recipe, look(recipe), 4))
    assert not any("gopher_repetition" in line for line in lines)
