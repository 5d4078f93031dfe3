import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.long_context.encoder import Bytes
from midtrain_dagster.long_context.fill import NoTextError, TooShortError, filled
from midtrain_dagster.long_context.task import Draft, Placed, Ranked

PAGE = "One two three. Four five six! Seven eight? Nine ten. " * 20
QUESTION = Ranked("?", ("a",), ("b",))


def draft(depths: list[float], **fields: object) -> Draft:
    placed = tuple(Placed(f"<{number}>", depth) for number, depth in enumerate(sorted(depths)))
    return Draft(placed, (QUESTION,), "?", ("a",), **fields)  # type: ignore[arg-type]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.integers(40, 900), st.integers(0, 99))
def test_pieces_stand_whole_and_in_order_between_sentences(
    depths: list[float], room: int, seed: int
) -> None:
    made = filled(
        draft(depths), Bytes(), room=room, documents=[Bytes().document(PAGE)], draw=Draw(seed)
    )
    text = Bytes.text(made.ids)
    assert len(made.ids) <= room
    assert [text[start:stop] for start, stop in made.pieces] == [
        f" <{number}>" for number in range(len(depths))
    ]
    without = text
    for number in range(len(depths)):
        without = without.replace(f" <{number}>", "")
    assert without in PAGE
    for start, _ in made.pieces:
        before = text[:start].rstrip("<0123456789> ")
        at_the_cut = text[start:].count("<") * 4 == len(text) - start
        assert before == "" or before[-1] in ".!?" or at_the_cut


@given(st.floats(0, 1), st.integers(300, 900))
def test_a_piece_is_as_near_to_its_depth_as_sentences_let_it(depth: float, room: int) -> None:
    made = filled(
        draft([depth]), Bytes(), room=room, documents=[Bytes().document(PAGE)], draw=Draw(1)
    )
    ((start, stop),) = made.pieces
    filling = len(made.ids) - (stop - start)
    assert abs(start - depth * filling) <= 16  # the longest sentence has 16 bytes


def test_filler_is_taken_whole_until_there_is_no_room() -> None:
    made = filled(
        draft([0.0], filler=iter(["aaa", "bbb", "ccc"])),
        Bytes(),
        room=4 + 10,
        documents=[],
        draw=Draw(1),
    )
    assert Bytes.text(made.ids) == " <0> aaa bbb"


def test_what_has_no_room_is_not_cut() -> None:
    with pytest.raises(TooShortError, match=r"7 leave no room .* which has 8") as error:
        filled(draft([0, 1]), Bytes(), room=7, documents=[], draw=Draw(1))
    assert error.value.needed == 8


def test_a_length_that_no_document_reaches_is_told() -> None:
    pages = [Bytes().document("Too short.")]
    with pytest.raises(NoTextError, match=r"has the 96 .* \(the longest of 1 has 10\)"):
        filled(draft([0]), Bytes(), room=100, documents=pages, draw=Draw(1))
    with pytest.raises(NoTextError, match="ran out at 2 of 96"):
        filled(draft([0], filler=iter("a")), Bytes(), room=100, documents=[], draw=Draw(1))


def test_no_unit_of_a_document_is_made_up() -> None:
    page = Bytes().document(PAGE)
    made = filled(draft([0.5]), Bytes(), room=200, documents=[page], draw=Draw(3))
    ((start, stop),) = made.pieces
    rest = np.concatenate([made.ids[:start], made.ids[stop:]])
    assert Bytes.text(rest) in PAGE
