import pytest

from midtrain_dagster.collection.readers.line_end import line_end


@pytest.mark.parametrize(
    ("before", "after", "between"),
    [
        ("sea", "otter", " "),
        ("\u6d77", "\u737a", ""),
        ("\u3067\u3059\u3002", "\u307e\u305f", ""),
        ("\u6d77", "otter", " "),
        ("\ubc14\ub2e4", "\uc218\ub2ec", " "),
        ("", "otter", " "),
    ],
)
def test_line_ends_part_words_where_their_language_does(
    before: str, after: str, between: str
) -> None:
    assert line_end(before, after) == between
