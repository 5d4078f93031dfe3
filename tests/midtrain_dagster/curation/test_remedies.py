import pytest

from midtrain_dagster.curation.remedies import field_behind


@pytest.mark.parametrize(
    ("reason", "field", "value"),
    [
        ("c4:has_curly_bracket", "curation.sources.notes.without", "[c4:has_curly_bracket]"),
        ("language:de", "curation.sources.notes.languages", "[..., de]"),
        ("language:uncertain", "curation.sources.notes.minimum_language_score", "0"),
        ("minimum_characters", "curation.sources.notes.minimum_characters", ""),
        ("rating:quality", "curation.sources.notes.minimum_ratings.quality", ""),
        ("contamination:gsm8k", "benchmarks.gsm8k", ""),
        ("duplicate", "duplicates", ""),
        ("repeated_text", "repeated_text.maximum_share", ""),
        ("error:language", "language_model", ""),
        ("error:signals", "curation", ""),
    ],
)
def test_every_reason_has_a_field_behind_it(reason: str, field: str, value: str) -> None:
    location, said = field_behind(reason, "notes")
    assert (".".join(map(str, location)), said) == (field, value)
