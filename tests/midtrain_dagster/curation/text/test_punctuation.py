import unicodedata

import pytest

from midtrain_dagster.curation.text.punctuation import punctuation_table


@pytest.mark.parametrize(
    ("character", "value"),
    [(".", 2), ("?", 2), ("。", 2), ("।", 2), ("…", 1), ('"', 1), ("”", 1), ("a", 0), ("€", 0)],
)
def test_punctuation(character: str, value: int) -> None:
    assert punctuation_table()[ord(character)] == value


def test_as_many_as_in_datatrove() -> None:
    table = punctuation_table()
    assert ((table == 2).sum(), (table == 1).sum()) == (159, 122)
    letters = [chr(point) for point in table.nonzero()[0] if chr(point).isalpha()]
    assert not letters
    assert unicodedata.category("\uff11") == "Nd" and table[0xFF11] == 1
