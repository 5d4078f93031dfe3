from midtrain_dagster.display.blocks import (
    OFFENSIVE,
    Card,
    Cards,
    Column,
    Folded,
    columns,
    decision_tag,
    examples,
    short_id,
)


def test_columns_of_numbers_are_marked() -> None:
    assert columns("Name", "#Rows") == (Column("Name"), Column("Rows", number=True))


def test_decision_tag_tells_kept_from_dropped() -> None:
    assert decision_tag("kept").tone == "passed"
    assert decision_tag("duplicate").tone == "dropped"


def test_examples_are_folded_behind_a_warning() -> None:
    cards = (Card(quote="some text"),)
    assert examples("1 of 9", cards) == (Folded("1 of 9", (Cards(cards),), OFFENSIVE),)
    assert examples("0 of 9", ()) == ()


def test_short_id_has_the_whole_id_as_its_title() -> None:
    assert (short_id("ab" * 16).text, short_id("ab" * 16).title) == ("ab" * 6, "ab" * 16)
