import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.tokens.edits import EDIT, apply_edits

Edit = tuple[int, int, str]


def edits_of(rows: list[list[Edit] | None]) -> pl.Series:
    names = ("start", "stop", "replacement")
    structs = [
        None if row is None else [dict(zip(names, edit, strict=True)) for edit in row]
        for row in rows
    ]
    return pl.Series("edits", structs, pl.List(EDIT))


def naive(text: str, edits: list[Edit]) -> str:
    data, merged = text.encode(), []
    for start, stop, replacement in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if merged and start < merged[-1][1]:
            if stop > merged[-1][1]:
                merged[-1][1], merged[-1][3] = stop, replacement
        else:
            merged.append([start, stop, replacement, replacement])
    for start, stop, replacement, last in reversed(merged):
        data = data[:start] + (replacement or last).encode() + data[stop:]
    return data.decode()


@st.composite
def edited_text(draw: st.DrawFn) -> tuple[str, list[Edit]]:
    text = draw(st.text(alphabet="aé中🙂 ", max_size=12))
    bounds = [len(text[:place].encode()) for place in range(len(text) + 1)]
    edit = st.tuples(st.sampled_from(bounds), st.sampled_from(bounds), st.sampled_from(["", "<é>"]))
    edits = draw(st.lists(edit, max_size=4))
    return text, [(min(a, b), max(a, b), replacement) for a, b, replacement in edits]


@settings(max_examples=150, deadline=None)
@given(st.lists(edited_text(), max_size=6))
def test_same_as_one_text_after_the_other(rows: list[tuple[str, list[Edit]]]) -> None:
    # Of edits that start and stop together the first listed is taken, here as there.
    text = pl.Series("text", [text for text, _ in rows], pl.String)
    result = apply_edits(text, edits_of([edits for _, edits in rows]))
    assert result.to_list() == [naive(*row) for row in rows]
    assert result.name == "text"


def test_a_cut_swallows_a_placeholder_inside_it() -> None:
    text = pl.Series(["keep drop me@x.org drop keep"])
    edits = edits_of([[(10, 18, "<email>"), (5, 24, "")]])
    assert apply_edits(text, edits).to_list() == ["keep keep"]


def test_what_overlaps_in_part_is_removed_whole() -> None:
    assert apply_edits(pl.Series(["0123456789"]), edits_of([[(2, 5, "<a>"), (4, 8, "")]]))[0] == (
        "01<a>89"
    )


def test_a_cut_that_ends_among_lines_that_are_cut_leaves_their_neighbours_apart() -> None:
    text = pl.Series(["said once, said twice\nhome\nthe next line"])
    menu = (21, 27, "\n")
    assert apply_edits(text, edits_of([[menu]]))[0] == "said once, said twice\nthe next line"
    assert apply_edits(text, edits_of([[menu, (11, 26, "")]]))[0] == "said once, \nthe next line"
    assert apply_edits(text, edits_of([[menu, (11, 31, "")]]))[0] == "said once, next line"
    assert apply_edits(text, edits_of([[menu, (25, 31, "")]]))[0] == (
        "said once, said twice\nnext line"
    )


def test_nulls_and_slices() -> None:
    text = pl.Series(["cut", None, "abc", "", "def"])
    edits = edits_of([[(0, 3, "")], [(0, 1, "x")], None, [(0, 0, "new")], []])
    assert apply_edits(text, edits).to_list() == ["", None, "abc", "new", "def"]
    assert apply_edits(text[2:4], edits[2:4]).to_list() == ["abc", "new"]


@pytest.mark.parametrize("span", [(0, 4), (1, 2), (0, 1), (2, 1)])
def test_a_wrong_span_names_its_row(span: tuple[int, int]) -> None:
    rows: list[list[Edit] | None] = [None, [(*span, "")]]
    with pytest.raises(ValueError, match=rf"row 1: the edit \[{span[0]}, {span[1]}\)"):
        apply_edits(pl.Series(["ok", "éa"]), edits_of(rows))
