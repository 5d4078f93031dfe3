import random
import re
from hashlib import blake2b
from itertools import groupby

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.decontamination import scan as module
from midtrain_dagster.decontamination.scan import (
    HITS,
    VERSION,
    ContaminationConfig,
    item_texts,
    untestable_items,
)
from midtrain_dagster.decontamination.scan import scan as scan_with

from .conftest import document_table, item_table

GOLDEN = (1, "aad643bfe823183b")

QUESTION = (
    "Janet's ducks lay 16 eggs per day. She eats three for breakfast every morning and bakes "
    "muffins for her friends every day with four."
)


def scan(documents: pl.DataFrame, items: pl.DataFrame, **config: float) -> dict[str, pl.DataFrame]:
    return scan_with(documents, items, config=ContaminationConfig(**config))


def lcs(left: list[str], right: list[str]) -> int:
    row = [0] * (len(right) + 1)
    for word in left:
        diagonal = 0
        for index, other in enumerate(right, start=1):
            diagonal, row[index] = (
                row[index],
                diagonal + 1 if word == other else max(row[index], row[index - 1]),
            )
    return row[-1]


def naive(documents: pl.DataFrame, items: pl.DataFrame, ngram: int, ratio: float, shortest: int):
    """The definition, over strings: best occurrence per document and item, as (id, item, ..)."""
    texts = item_texts(items)
    for identity, text in documents.select("id", "text").iter_rows():
        spans = [match.span() for match in re.finditer(r"[a-z0-9]+", text)]
        words = [text[a:b] for a, b in spans]
        best: dict[str, tuple] = {}
        for item, tested in texts.select("item", "text").iter_rows():
            wanted = re.findall(r"[a-z0-9]+", tested.lower())
            n, m = min(ngram, len(wanted)), len(wanted)
            if n < shortest:
                continue
            matches = sorted(
                (p - q, p)
                for p in range(len(words) - n + 1)
                for q in range(m - n + 1)
                if words[p : p + n] == wanted[q : q + n]
            )
            while matches:
                diagonal = matches[0][0]
                group = [p for d, p in matches if d - diagonal <= m // 2]
                matches = matches[len(group) :]
                window = words[max(0, diagonal - m // 2) : max(0, diagonal + m + m // 2)]
                score = lcs(window, wanted) / min(m, len(words))
                if score > ratio:
                    start, stop = spans[min(group)][0], spans[max(group) + n - 1][1]
                    found = (score, len(set(group)), -start, stop)
                    best[item] = max(best.get(item, found), found)
        for item, (score, count, start, stop) in sorted(best.items()):
            yield identity, item, -start, stop, text[-start:stop], count, score


WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=14).map(" ".join)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(WORDS, min_size=1, max_size=3),
    st.lists(st.tuples(WORDS, WORDS, st.lists(WORDS, max_size=2)), min_size=1, max_size=3),
)
def test_scan_is_its_definition(texts: list[str], questions: list[tuple]) -> None:
    documents = document_table(*texts)
    rows = [("b", str(i), q, c, None, a) for i, (q, a, c) in enumerate(questions)]
    items = item_table(*rows)
    hits = scan(documents, items, ngram=4, shortest=2)["hits"]
    assert hits.schema == HITS
    assert hits.drop("benchmark").rows() == list(naive(documents, items, 4, 0.6, 2))


def test_clean_pages_are_not_accused(pages: list[str], benchmark_items: pl.DataFrame) -> None:
    assert len(pages) == 2000
    assert scan(document_table(*pages), benchmark_items)["hits"].rows() == []


def shouted(text: str, draw: random.Random) -> str:
    return re.sub(r"[.,;:?!]", " -- ", text.upper()).replace(" ", "\n\t ")


def edited(text: str, draw: random.Random) -> str:
    """One word in twenty is another."""
    words = text.split(" ")
    for index in range(draw.randrange(15, 20), len(words), 20):
        words[index] = "something"
    return " ".join(words)


@pytest.mark.parametrize(
    ("change", "recall"), [(lambda text, draw: text, 1.0), (shouted, 1.0), (edited, 0.97)]
)
def test_planted_items_are_found(pages, benchmark_items, change, recall) -> None:
    draw = random.Random(7)
    long = benchmark_items.filter(pl.col("question").str.split(" ").list.len() >= 20)
    planted = long.sample(300, seed=3).select("benchmark", "item", "question").rows()
    documents = []
    for page, (_, _, question) in zip(pages, planted, strict=False):
        seams = [match.end() for match in re.finditer(r"\. ", page)] or [len(page)]
        at = draw.choice(seams)
        documents.append(f"{page[:at]} {change(question, draw)} {page[at:]}")
    hits = scan(document_table(*documents), benchmark_items)["hits"]
    found = set(hits.select("id", "benchmark", "item").rows())
    wanted = {(f"d{i}", benchmark, item) for i, (benchmark, item, _) in enumerate(planted)}
    assert len(found & wanted) >= recall * len(wanted)
    clean = set(document_table(*pages)["id"]) - {identity for identity, _, _ in wanted}
    assert not clean & {identity for identity, _, _ in found}


def test_spans_are_bytes_of_the_text() -> None:
    text = f"Œuvre — “{QUESTION.upper()}” ☃ end"
    (hit,) = scan(document_table(text), item_table(("b", "1", QUESTION, [], None, "18")))[
        "hits"
    ].rows(named=True)
    assert text.encode()[hit["start"] : hit["stop"]].decode() == hit["text"]
    assert hit["text"] == QUESTION.upper().rstrip(".")
    assert (hit["lcs_ratio"], hit["ngrams"]) == (1.0, 24 - 13 + 1)


def test_a_stock_phrase_is_no_contamination() -> None:
    phrase = "let x and y be real numbers such that the sum of the two is"
    item = f"{phrase} equal to seven and their product is ten what is the larger one of them"
    page = f"{phrase} never negative; this inequality has a famous geometric proof by Cauchy"
    items = item_table(("b", "1", item, [], None, None))
    assert scan(document_table(page), items)["hits"].is_empty()
    assert scan(document_table(page), items, lcs_ratio=0.3)["hits"].height == 1


def test_other_numbers_make_another_problem() -> None:
    item = "a farmer has 12 cows and buys 7 more then sells 4 at 350 each how much is 12 plus 7"
    other = "a farmer has 90 cows and buys 8 more then sells 5 at 275 each how much is 90 plus 8"
    items = item_table(("b", "1", item, [], None, None))
    assert scan(document_table(other), items)["hits"].is_empty()
    assert scan(document_table(item), items)["hits"].height == 1


def test_a_short_item_must_occur_whole() -> None:
    items = item_table(("b", "1", "What is the deepest lake of all Africa?", [], None, None))
    whole, part = "so: what is the DEEPEST lake of all africa", "what is the deepest lake of all"
    assert scan(document_table(part, whole), items)["hits"]["id"].to_list() == ["d1"]


def test_answers_and_choices_make_short_questions_testable() -> None:
    choices = ["are a thing of the past.", "are very severe depressions.", "decline."]
    items = item_table(
        ("b", "0", "Recessions", choices, 1, choices[1]),
        ("b", "1", "Why?", [], None, "because a pipe had burst on the second floor of it"),
        ("b", "2", "Capital of Peru?", [], None, "Lima"),
        ("b", "3", None, None, None, None),
    )
    leak = "Recessions\n(a) are a thing of the past. (b) are very severe depressions. (c) decline."
    why = "Why? Because a pipe had burst on the second floor of it."
    hits = scan(document_table(leak, why, "the capital of Peru? Lima"), items)["hits"]
    assert hits.select("id", "item").rows() == [("d0", "0"), ("d1", "1")]
    assert untestable_items(items, config=ContaminationConfig()).rows() == [
        ("b", "2", 4),
        ("b", "3", 0),
    ]


def test_real_items_are_all_testable(benchmark_items: pl.DataFrame) -> None:
    assert untestable_items(benchmark_items, config=ContaminationConfig()).is_empty()


def test_the_cut_into_pieces_changes_nothing(pages, benchmark_items, monkeypatch) -> None:
    leaks = [
        f"{page} {q}" for page, q in zip(pages[:40], benchmark_items["question"], strict=False)
    ]
    documents = document_table(*leaks, *pages[40:60])
    whole = scan(documents, benchmark_items)["hits"]
    monkeypatch.setattr(module, "PIECE_BYTES", 3000)
    assert scan(documents, benchmark_items)["hits"].equals(whole)
    assert [k for k, _ in groupby(whole["id"])] == [f"d{i}" for i in range(40)]


@pytest.mark.parametrize("texts", [[], [""], [None, "a"]])
def test_nothing_to_find(texts: list) -> None:
    documents = pl.DataFrame({"id": [str(i) for i in range(len(texts))], "text": texts},
                             schema={"id": pl.String, "text": pl.String})  # fmt: skip
    assert scan(documents, item_table(("b", "1", QUESTION, [], None, None)))["hits"].is_empty()
    assert scan(documents, item_table())["hits"].is_empty()


def test_parameters_are_checked() -> None:
    with pytest.raises(ValidationError, match="shortest"):
        ContaminationConfig(ngram=5)
    with pytest.raises(ValidationError, match="lcs_ratio"):
        ContaminationConfig(lcs_ratio=1.0)


def test_golden(pages: list[str], benchmark_items: pl.DataFrame) -> None:
    """Bump VERSION when this changes: stored hits were found by the old method."""
    leaks = [
        f"{page}\n{question} {answer[:60]}"
        for page, question, answer in zip(
            pages[:30], benchmark_items["question"][1300:], benchmark_items["answer"][1300:],
            strict=False,
        )
    ]  # fmt: skip
    hits = scan(document_table(*leaks), benchmark_items)["hits"]
    assert hits["id"].n_unique() == 30
    assert (VERSION, blake2b(repr(hits.rows()).encode(), digest_size=8).hexdigest()) == GOLDEN
