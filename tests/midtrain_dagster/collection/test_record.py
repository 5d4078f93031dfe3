import pytest

from midtrain_dagster.collection.record import repaired


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
        ("\r\r\n\n", "\n\n\n"),
        ("nul\0 goes", "nul goes"),
        (
            "e\u0301 stays, and so does \u00a0 and\ttab",
            "e\u0301 stays, and so does \u00a0 and\ttab",
        ),
    ],
)
def test_text_is_repaired_by_the_least(text: str, expected: str) -> None:
    assert repaired(text) == expected
    assert repaired(expected) == expected
