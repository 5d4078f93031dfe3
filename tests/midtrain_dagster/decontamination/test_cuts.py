from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.decontamination.cuts import MOST_PIECES, cut_spans, cuts, left_of
from midtrain_dagster.decontamination.methods import gpt3
from midtrain_dagster.decontamination.scan import scan

from .conftest import document_table, item_table

QUESTION = "a farmer has twelve brown cows and buys seven more of them at the fair in spring"
ITEMS = item_table(("b", "1", QUESTION, [], None, None))


def test_a_match_goes_with_what_is_around_it() -> None:
    text = "é" * 1000 + QUESTION + "z" * 500
    start = 2000
    spans = cut_spans(text, [(start, start + len(QUESTION))])
    assert spans == [(start - 400, start + len(QUESTION) + 200)]
    assert left_of(text, spans) == "é" * 800 + "\n" + "z" * 300


def test_short_pieces_go_too() -> None:
    assert cut_spans("a" * 1000, [(300, 310)]) == [(0, 510)]
    assert cut_spans("a" * 1000, [(300, 310), (850, 860)]) == [(0, 1000)]


def test_a_document_of_many_matches_goes_whole() -> None:
    text = "a" * 20_000
    matches = [(1000 * n, 1000 * n + 10) for n in range(1, 1 + MOST_PIECES)]
    assert cut_spans(text, matches) == [(0, len(text))]
    assert len(cut_spans(text, matches[:-1])) == MOST_PIECES - 1


@given(
    st.text(alphabet="aé☃", max_size=3000),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 50)), max_size=6),
)
def test_cuts_are_apart_and_hold_the_matches(text: str, drawn: list[tuple[int, int]]) -> None:
    matches = [(a, min(len(text), a + n)) for a, n in drawn if a < len(text)]
    inside = [(len(text[:a].encode()), len(text[:b].encode())) for a, b in matches]
    spans = cut_spans(text, inside)
    assert spans == sorted(spans)
    assert all(stop < start for (_, stop), (start, _) in pairwise(spans))
    assert all(any(s <= a and b <= t for s, t in spans) for a, b in inside)


def test_what_is_left_is_clean() -> None:
    filler = " ".join(f"word{n} is here" for n in range(200))
    text = f"{filler} {QUESTION} {filler} {QUESTION} {filler}"
    documents = document_table(text, filler)
    config = gpt3.Config()
    hits = scan(documents, ITEMS, config=config)["hits"]
    made = cuts(documents, ITEMS, hits, config=config)["cuts"]
    assert made["id"].to_list() == ["d0", "d0"]
    left = left_of(text, list(zip(made["start"], made["stop"], strict=True)))
    assert scan(document_table(left), ITEMS, config=config)["hits"].is_empty()
    assert len(left) > 2 * len(filler)
