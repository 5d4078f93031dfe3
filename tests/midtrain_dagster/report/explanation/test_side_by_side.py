from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.report.explanation.side_by_side import DIFFERENCES, WORDS, Piece, pieces


def test_what_differs_is_marked_and_what_agrees_is_cut() -> None:
    left = " ".join(f"w{n}" for n in range(40)) + " slate end"
    right = " ".join(f"w{n}" for n in range(40)) + " board end"
    kept = " ".join(f"w{n}" for n in range(32, 40))
    assert list(pieces(left, right)) == [
        Piece(True, f"[32 words the same] {kept}", f"[32 words the same] {kept}"),
        Piece(False, "slate", "board"),
        Piece(True, "end", "end"),
    ]


def test_equal_texts_are_one_piece() -> None:
    (piece,) = pieces("the same words", "the  same\nwords")
    assert piece == Piece(True, "the same words", "the same words")


@given(
    st.lists(st.sampled_from("abcd"), max_size=30), st.lists(st.sampled_from("abcd"), max_size=30)
)
@settings(max_examples=60)
def test_both_sides_hold_all_their_words(a: list[str], b: list[str]) -> None:
    """Runs of up to three contexts are never cut, so short texts come back whole."""
    made = list(pieces(" ".join(a), " ".join(b)))
    if not any("[" in piece.left for piece in made):
        assert " ".join(filter(None, (piece.left for piece in made))).split() == a
        assert " ".join(filter(None, (piece.right for piece in made))).split() == b
    assert all(piece.left == piece.right for piece in made if piece.same)


def test_long_texts_are_bounded_and_say_so() -> None:
    left = " ".join(f"a{n} same{n}" for n in range(10 * WORDS))
    right = " ".join(f"b{n} same{n}" for n in range(10 * WORDS))
    made = list(pieces(left, right))
    assert sum(not piece.same for piece in made) == DIFFERENCES
    assert made[-1].left.startswith("[more differences follow")
    same = list(pieces(left, left))
    assert same[-1].left == f"[the first {WORDS:,} words were compared]"
