import pytest

from roff_text.characters import character, special_character


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("co", "\u00a9"),
        ("em", "\u2014"),
        ("aq", "'"),
        ("ha", "^"),
        ("*W", "\u03a9"),
        ("*a", "\u03b1"),
        ("'e", "\u00e9"),
        (":U", "\u00dc"),
        ("vz", "\u017e"),
        ("u00E9", "\u00e9"),
        ("u0065_0301", "\u00e9"),
        ("u1F9A6", "\U0001f9a6"),
        ("char233", "\u00e9"),
        ("uD800", ""),
        ("u110000", ""),
        ("no such name", ""),
        ("", ""),
    ],
)
def test_special_characters_are_those_of_groff_char(name: str, shown: str) -> None:
    assert special_character(name) == shown


def test_characters_that_do_not_show_are_nothing() -> None:
    assert [character(number) for number in (7, 65, 0xDFFF, 0x10FFFF + 1)] == ["", "A", "", ""]
