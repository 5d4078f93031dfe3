import random
from collections import defaultdict
from hashlib import sha256

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation import repeated_text as module
from midtrain_dagster.curation.repeated_text import (
    REPEATED_TEXT,
    UNITS,
    VERSION,
    RepeatedText,
    Unit,
    edits,
    first_occurrences,
    keepers,
    repeated_text,
    units,
)
from midtrain_dagster.curation.text import text_units
from midtrain_dagster.tokens.edits import apply_edits

SENTENCES = ("One is. ", "Two\u00a0is?\n", "three. ", "THREE. ", "é 四。", "\n", "five", " \n")
CORPUS = st.lists(st.lists(st.sampled_from(SENTENCES), max_size=12).map("".join), max_size=6)


def documents(texts: list[str]) -> pl.DataFrame:
    ids = [f"{(7 * number) % 11:02d}" for number in range(len(texts))]
    return pl.DataFrame({"id": ids, "text": texts}, schema={"id": pl.String, "text": pl.String})


def run(
    parts: list[pl.DataFrame], unit: Unit, words: int = 1, ranges: int = 1
) -> list[pl.DataFrame]:
    """All three steps, as the graph runs them; the spans of each part."""
    measured = [units(part, unit=unit, minimum_words=words, hash_ranges=ranges) for part in parts]
    names = measured[0].keys() if measured else []
    kept = [first_occurrences(pl.concat([part[name] for part in measured])) for name in names]
    return [
        repeated_text(pl.concat(part.values()), pl.concat(kept).lazy(), unit=unit)["repeated_text"]
        for part in measured
    ]


def cut(table: pl.DataFrame, spans: pl.DataFrame) -> list[str]:
    joined = table.join(edits(spans), on="id", how="left", maintain_order="left")
    return apply_edits(joined["text"], joined["edits"]).to_list()


def naive_blocks(table: pl.DataFrame, unit: Unit, words: int) -> list[str]:
    """The texts without repeated units, document by document in the order of ids."""
    seen: set[int] = set()
    left: dict[str, str] = {}
    split = text_units.lines if unit == "line" else text_units.paragraphs
    for id_, text in table.sort("id").iter_rows():
        data, kept, reached = text.encode(), b"", 0
        found = split(text_buffer(pl.Series([text])))
        for start, stop, hash_, count in zip(*(c.tolist() for c in found[1:5]), strict=True):
            kept += data[reached:start]
            if hash_ not in seen or count < words:
                kept += data[start:stop]
            if count >= words:
                seen.add(hash_)
            reached = stop
        left[id_] = (kept + data[reached:]).decode()
    return [left[id_] for id_ in table["id"]]


def naive_sentences(table: pl.DataFrame, words: int) -> dict[str, list[int]]:
    """The hashes of the sentences that stay in each document, by the rule."""
    hashes: dict[str, list[int]] = {}
    where = defaultdict(list)
    for id_, text in table.iter_rows():
        found = text_units.sentences(text_buffer(pl.Series([text])))
        hashes[id_], counts = found.hashes.tolist(), found.words.tolist()
        for at in range(len(counts) - 2):
            if sum(counts[at : at + 3]) >= words:
                where[tuple(hashes[id_][at : at + 3])].append((id_, at))
    dropped, kept = set(), set()
    for occurrences in where.values():
        first, *others = sorted(occurrences)
        if others:
            kept |= {(first[0], first[1] + step) for step in range(3)}
            dropped |= {(id_, at + step) for id_, at in others for step in range(3)}
    return {
        id_: [hash_ for at, hash_ in enumerate(all_) if (id_, at) not in dropped - kept]
        for id_, all_ in hashes.items()
    }


@settings(max_examples=75, deadline=None)
@given(CORPUS, st.sampled_from(["line", "paragraph"]), st.integers(1, 3), st.integers(1, 3))
def test_all_lines_and_paragraphs_but_the_first_are_cut(
    texts: list[str], unit: Unit, words: int, ranges: int
) -> None:
    table = documents(texts)
    (spans,) = run([table], unit, words, ranges)
    assert spans.schema == REPEATED_TEXT
    assert cut(table, spans) == naive_blocks(table, unit, words)


@settings(max_examples=75, deadline=None)
@given(CORPUS, st.integers(1, 6), st.integers(1, 3))
def test_sentences_in_repeated_spans_are_cut_but_where_one_stays(
    texts: list[str], words: int, ranges: int
) -> None:
    table = documents(texts)
    (spans,) = run([table], "three_sentences", words, ranges)
    left = cut(table, spans)
    expected = naive_sentences(table, words)
    for id_, text in zip(table["id"], left, strict=True):
        found = text_units.sentences(text_buffer(pl.Series([text])))
        assert found.hashes.tolist() == expected[id_]


@settings(max_examples=60, deadline=None)
@given(CORPUS, st.sampled_from(["line", "paragraph", "three_sentences"]), st.integers(0, 9))
def test_the_order_of_parts_and_documents_changes_nothing(
    texts: list[str], unit: Unit, seed: int
) -> None:
    table = documents(texts)
    (whole,) = run([table], unit)
    parts = [table[row] for row in range(table.height)]
    random.Random(seed).shuffle(parts)
    pieces = [REPEATED_TEXT.to_frame(), *run(parts, unit, ranges=2)]
    assert_frame_equal(pl.concat(pieces).sort("id", "start"), whole)


def test_cuts_leave_clean_text() -> None:
    table = pl.DataFrame(
        {
            "id": ["a", "b", "c", "d"],
            "text": [
                "One is. Two is. Three is.\n",
                "Start.\n\nOne is. Two is.\nThree is. And more.\nEnd.\n",
                "Start here. one is. TWO  is. Three is.\nEnd here.\n",
                "Only this. One is.\nTwo is.\nThree is.\n",
            ],
        }
    )
    (spans,) = run([table], "three_sentences")
    assert cut(table, spans) == [
        "One is. Two is. Three is.\n",
        "Start.\n\nAnd more.\nEnd.\n",
        "Start here.\nEnd here.\n",
        "Only this.\n",
    ]


def test_a_span_that_stays_is_left_whole_by_its_neighbours() -> None:
    table = pl.DataFrame(
        {
            "id": ["a", "b", "c"],
            "text": [
                "S two. S three. S four.",
                "S one. S two. S three. S four.",
                "S one. S two. S three.",
            ],
        }
    )
    (spans,) = run([table], "three_sentences")
    # a keeps "two three four", b keeps "one two three", so only b's "four" and all of c go.
    assert cut(table, spans) == ["S two. S three. S four.", "S one. S two. S three.", ""]


def test_what_only_a_dropped_document_repeats_stays() -> None:
    table = documents(["same line\n", "same line\nother\n", "same line\n"])
    measured = units(table, unit="line", minimum_words=1)["units_0000"]
    judged = table.select("id", reason=pl.when(pl.col("id") == "00").then(pl.lit("rating:quality")))
    alone = pl.DataFrame(schema={"id": pl.String, "kept": pl.Boolean})
    assert keepers(measured, judged.lazy(), alone)["keepers"]["id"].to_list() == ["03"]
    copy = pl.DataFrame({"id": ["03"], "kept": [False]})
    assert keepers(measured, judged.lazy(), copy)["keepers"].is_empty()


def test_null_texts_and_no_documents_have_no_units() -> None:
    table = pl.DataFrame({"id": ["a"], "text": [None]}, schema={"id": pl.String, "text": pl.String})
    blocks: tuple[Unit, ...] = ("line", "paragraph", "three_sentences")
    for unit in blocks:
        for some in (table, table.clear()):
            found = units(some, unit=unit, minimum_words=1, hash_ranges=2)
            assert [part.schema for part in found.values()] == [UNITS, UNITS]
            assert run([some], unit)[0].is_empty()


def test_chunks_change_nothing(passages: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    some = passages.head(60).select("id", "text")
    whole = units(some, unit="three_sentences", minimum_words=1)
    monkeypatch.setattr(module, "CHUNK_BYTES", 500)
    pieces = units(some, unit="three_sentences", minimum_words=1)
    assert_frame_equal(pieces["units_0000"], whole["units_0000"])


def test_the_section_is_dolma_s_by_default() -> None:
    assert RepeatedText().model_dump() == {
        "unit": "paragraph",
        "minimum_words": 13,
        "maximum_share": 0.5,
        "hash_ranges": 1,
    }
    assert RepeatedText(unit="substring").minimum_words == 50
    assert RepeatedText(unit="substring", minimum_words=20).minimum_words == 20


def test_golden(passages: pl.DataFrame) -> None:
    both = pl.concat(
        [
            passages.select("id", "text"),
            passages.select(pl.format("{}-copy", "id"), text=pl.format("Begin.\n{}", "copy")),
        ]
    )
    tables = [run([both], "line", 5)[0], run([both], "three_sentences", 13)[0]]
    digest = sha256(pl.concat(tables).write_csv().encode()).hexdigest()
    assert (VERSION, [table.height for table in tables], digest[:16]) == (
        2,
        [258, 316],
        "6b73aa2f02835090",
    )
