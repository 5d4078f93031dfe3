from hashlib import sha256
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation import repeated_text as repetitions
from midtrain_dagster.curation.repeated_runs import (
    RUNS,
    VERSION,
    minimisers,
    repeated_minimisers,
    units,
)
from midtrain_dagster.curation.repeated_text import edits, first_occurrences, repeated_text
from midtrain_dagster.curation.text import runs
from midtrain_dagster.tokens.edits import apply_edits

PIECES = ("a ", "b ", "a\n", "c. ", "(d) ", "— ", "四。", "五", "é\u00a0", "\n\n", " ", "e's/f ")
TEXT = st.lists(st.sampled_from(PIECES), max_size=24).map("".join)
CORPUS = st.lists(TEXT, max_size=5)


def documents(texts: list[str]) -> pl.DataFrame:
    ids = [f"{(7 * number) % 11:02d}" for number in range(len(texts))]
    return pl.DataFrame({"id": ids, "text": texts}, schema={"id": pl.String, "text": pl.String})


def run(parts: list[pl.DataFrame], length: int, ranges: int = 1) -> list[pl.DataFrame]:
    """All steps, as the graph runs them; the spans of each part."""
    asked = {"minimum_words": length, "hash_ranges": ranges}
    found = [minimisers(part, **asked) for part in parts]
    names = found[0] if found else []
    repeated = [
        repeated_minimisers(pl.concat([part[name] for part in found]))["repeated"] for name in names
    ]
    measured = [units(part, pl.concat(repeated).lazy(), **asked) for part in parts]
    names = measured[0] if measured else []
    kept = [first_occurrences(pl.concat([part[name] for part in measured])) for name in names]
    return [
        repeated_text(pl.concat(part.values()), pl.concat(kept).lazy(), unit="substring")[
            "repeated_text"
        ]
        for part in measured
    ]


def cut(table: pl.DataFrame, spans: pl.DataFrame) -> list[str]:
    joined = table.join(edits(spans), on="id", how="left", maintain_order="left")
    return apply_edits(joined["text"], joined["edits"]).to_list()


def words_of(text: str) -> list[tuple[int, int, str]]:
    """Each word with its span, and its characters without white space."""
    data = text.encode()
    found = runs.words(text_buffer(pl.Series([text])))
    spans = zip(found.starts.tolist(), found.stops.tolist(), strict=True)
    return [(start, stop, "".join(data[start:stop].decode().split())) for start, stop in spans]


def naive(table: pl.DataFrame, length: int) -> dict[str, list[bool]]:
    """Whether each word of each document is cut: each run compared with all that stand before."""
    words = {id_: words_of(text) for id_, text in table.sort("id").iter_rows()}
    places = [(id_, at) for id_ in words for at in range(len(words[id_]) - length + 1)]

    def said(place: tuple[str, int]) -> list[str]:
        return [word for _, _, word in words[place[0]][place[1] : place[1] + length]]

    dropped = {id_: [False] * len(words[id_]) for id_ in words}
    for number, (id_, at) in enumerate(places):
        apart = (p for p in places[:number] if p[0] != id_ or p[1] + length <= at)
        if any(said(place) == said((id_, at)) for place in apart):
            dropped[id_][at : at + length] = [True] * length
    return dropped


def of_a_suffix_array(table: pl.DataFrame, length: int) -> dict[str, list[bool]]:
    """The same by the reference's way: neighbours in a suffix array that share ``length`` words."""
    words = {id_: words_of(text) for id_, text in table.sort("id").iter_rows()}
    whole: list[str] = []
    places: list[tuple[str, int]] = []
    for number, (id_, own) in enumerate(words.items()):
        whole += [word for _, _, word in own] + [f"\0{number}"]
        places += [(id_, at) for at in range(len(own) + 1)]
    array = sorted(range(len(whole)), key=lambda at: whole[at:])
    groups = [[at] for at in array[:1]]
    for before, at in pairwise(array):
        if whole[before : before + length] == whole[at : at + length]:
            groups[-1].append(at)
        else:
            groups.append([at])
    dropped = {id_: [False] * len(words[id_]) for id_ in words}
    for group in groups:
        first, *others = sorted(group)
        for at in others:
            id_, word = places[at]
            if places[first][0] != id_ or at - first >= length:
                dropped[id_][word : word + length] = [True] * length
    return dropped


def left(table: pl.DataFrame, dropped: dict[str, list[bool]]) -> list[str]:
    """The words that stay, white space apart, with the signs at the ends of documents."""
    texts = []
    for id_, text in table.iter_rows():
        data = bytearray(text.encode())
        for (start, stop, _), gone in reversed(
            list(zip(words_of(text), dropped[id_], strict=True))
        ):
            if gone:
                del data[start:stop]
        texts.append("".join(data.decode().split()))
    return texts


@settings(max_examples=120, deadline=None)
@given(CORPUS, st.integers(1, 5), st.integers(1, 3))
def test_what_is_cut_is_what_a_suffix_array_shows(
    texts: list[str], length: int, ranges: int
) -> None:
    table = documents(texts)
    spans = run([table], length, ranges)[0]
    assert spans.schema == repetitions.REPEATED_TEXT
    expected = naive(table, length)
    assert of_a_suffix_array(table, length) == expected
    assert ["".join(text.split()) for text in cut(table, spans)] == left(table, expected)


@settings(max_examples=40, deadline=None)
@given(CORPUS, st.integers(1, 4))
def test_the_order_of_parts_and_documents_changes_nothing(texts: list[str], length: int) -> None:
    table = documents(texts)
    (whole,) = run([table], length)
    parts = [table[row] for row in range(table.height)][::-1]
    pieces = [repetitions.REPEATED_TEXT.to_frame(), *run(parts, length, ranges=2)]
    assert_frame_equal(pl.concat(pieces).sort("id", "start"), whole)


def test_cuts_leave_clean_text() -> None:
    said = "The quick brown fox jumps over it."
    texts = [
        f"{said}\n",
        f"Here: {said} And more.\n",
        f"Here it ends: {said}\n\nMore.\n",
        f"Before.\n\n{said}\n\nBehind.\n",
        f"Above.\n\n{said} Then on.\n",
        f"Over.\n\n{said}\n",
        f'He said "{said}" again. — {said} —',
        f"({said.replace(' ', chr(10))})",
    ]
    table = pl.DataFrame({"id": list("abcdefgh"), "text": texts})
    assert cut(table, run([table], 5)[0]) == [
        f"{said}\n",
        "Here: And more.\n",
        "Here it ends:\n\nMore.\n",
        "Before.\n\nBehind.\n",
        "Above.\n\nThen on.\n",
        "Over.\n",
        'He said "The it." again. — The —',
        "(The\nit.)",
    ]


def test_a_run_that_repeats_itself_stays_once() -> None:
    table = documents(["a " * 30, "x " + "d b c " * 10 + "y"])
    assert cut(table, run([table], 6)[0]) == ["a a a a a a ", "x d b c d b c y"]


def test_a_hostile_corpus_is_cut_to_what_it_says_once() -> None:
    page = " ".join(f"word{number}" for number in range(60))
    texts = [page, "a " * 20_000, "a b c d e f g " * 3_000, "四五六" * 5_000, "." * 50_000]
    table = pl.DataFrame({"id": [str(at) for at in range(9)], "text": [*texts, *[page] * 4]})
    kept = cut(table, run([table], 10)[0])
    assert [len(text) for text in kept] == [len(page), 20, 28, 12, 50_000, 0, 0, 0, 0]


def test_chunks_change_nothing(passages: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    both = pl.concat([passages.head(60), passages.head(20).with_columns(pl.format("{}c", "id"))])
    some = both.select("id", "text")
    (whole,) = run([some], 13)
    monkeypatch.setattr("midtrain_dagster.curation.repeated_runs.CHUNK_BYTES", 500)
    assert_frame_equal(run([some], 13)[0], whole)
    assert whole["id"].n_unique() == 20


def test_null_texts_and_no_documents_have_no_runs() -> None:
    table = pl.DataFrame({"id": ["a"], "text": [None]}, schema={"id": pl.String, "text": pl.String})
    for some in (table, table.clear()):
        none = pl.LazyFrame(schema={"hash": pl.UInt64})
        found = units(some, none, minimum_words=1, hash_ranges=2)
        assert [part.schema for part in found.values()] == [RUNS, RUNS]
        assert run([some], 3)[0].is_empty()


def test_golden(passages: pl.DataFrame) -> None:
    both = pl.concat(
        [
            passages.select("id", "text"),
            passages.select(
                pl.format("{}-copy", "id"),
                text=pl.format("Begin.\n{}", pl.col("text").str.slice(9)),
            ),
        ]
    )
    (spans,) = run([both], 20)
    digest = sha256(spans.write_csv().encode()).hexdigest()
    assert (VERSION, spans.height, digest[:16]) == (1, 1932, "33c5643f1276f04b")
