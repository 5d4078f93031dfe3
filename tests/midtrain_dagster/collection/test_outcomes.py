from midtrain_dagster.collection.outcomes import DOCUMENT, OUTCOMES, Outcomes


def test_outcomes_are_counted_by_file_wherever_its_name_has_colons() -> None:
    outcomes = Outcomes("web", ["a.warc", "a:b.jsonl", "a:b.jsonl:3", "silent.md"])
    for locator, outcome in [
        ("a.warc:urn:uuid:1", DOCUMENT),
        ("a.warc:urn:uuid:2", DOCUMENT),
        ("a.warc", "broken_stream"),
        ("a:b.jsonl:4", "invalid_json"),
        ("a:b.jsonl:3", "empty"),
        ("gsm8k", "too_few"),
    ]:
        outcomes.count(locator, outcome)
    table = outcomes.table()
    assert table.schema == OUTCOMES
    assert table.rows() == [
        ("web", "a.warc", "broken_stream", True, 1),
        ("web", "a.warc", "document", False, 2),
        ("web", "a:b.jsonl", "invalid_json", False, 1),
        ("web", "a:b.jsonl:3", "empty", True, 1),
        ("web", "silent.md", "document", True, 0),
        ("web", None, "too_few", False, 1),
    ]


def test_outcomes_of_nothing_are_a_table_too() -> None:
    assert Outcomes("web", []).table().schema == OUTCOMES
