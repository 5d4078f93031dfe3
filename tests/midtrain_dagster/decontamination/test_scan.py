import random
import re
import unicodedata
from collections.abc import Callable
from hashlib import blake2b
from itertools import groupby

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.decontamination import scan as module
from midtrain_dagster.decontamination.item_texts import KINDS
from midtrain_dagster.decontamination.methods.qwen_math import Config
from midtrain_dagster.decontamination.scan import (
    HITS,
    VERSION,
    searched_of,
)
from midtrain_dagster.decontamination.scan import scan as scan_with

from ..curation.invariance import same_to_a_reader
from .conftest import document_table, item_table

GOLDEN = (3, "eb5f8329ba91ee07")

QUESTION = (
    "Janet's ducks lay 16 eggs per day. She eats three for breakfast every morning and bakes "
    "muffins for her friends every day with four."
)


def scan(documents: pl.DataFrame, items: pl.DataFrame, **config: float) -> dict[str, pl.DataFrame]:
    return scan_with(documents, items, config=Config(**config))


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
    """The definition, over strings: best occurrence per document and item, as (id, item, ..).

    Of items that share too little to have templates, each in a benchmark of its own.
    """
    texts = searched_of(items, config=Config(ngram=ngram, shortest=shortest)).texts
    for identity, text in documents.select("id", "text").iter_rows():
        spans = [match.span() for match in re.finditer(r"[a-z0-9]+", text)]
        words = [text[a:b] for a, b in spans]
        best: dict[str, tuple] = {}
        for item, kind, tested in texts.select("item", "kind", "text").iter_rows():
            wanted = re.findall(r"[a-z0-9]+", tested.lower())
            n, m = min(ngram, len(wanted)), len(wanted)
            if n < (ngram if kind == "answer" else shortest):
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
                    order = -KINDS.index(kind)
                    found = (score, len(set(group)), -start, stop, order)
                    best[item] = max(best.get(item, found), found)
        for item, (score, count, start, stop, kind) in sorted(best.items()):
            yield identity, item, KINDS[-kind], -start, stop, text[-start:stop], count, score


WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=14).map(" ".join)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(WORDS, min_size=1, max_size=3),
    st.lists(st.tuples(WORDS, WORDS, st.lists(WORDS, max_size=2)), min_size=1, max_size=3),
)
def test_scan_is_its_definition(texts: list[str], questions: list[tuple]) -> None:
    documents = document_table(*texts)
    rows = [(f"b{i}", str(i), q, c, None, a) for i, (q, a, c) in enumerate(questions)]
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
    assert searched_of(items, config=Config()).untestable().rows() == [
        ("b", "2", 4, "too_short"),
        ("b", "3", 0, "too_short"),
    ]


def test_real_items_are_all_testable(benchmark_items: pl.DataFrame) -> None:
    assert searched_of(benchmark_items, config=Config()).untestable().is_empty()


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
        Config(ngram=5)
    with pytest.raises(ValidationError, match="lcs_ratio"):
        Config(lcs_ratio=1.0)


def test_an_answer_alone_is_found_and_a_short_one_is_not() -> None:
    long = "he sold 16 - 3 = <<16-3=13>>13 eggs at the market and went home with the money"
    items = item_table(
        ("b", "1", QUESTION, [], None, long), ("b", "2", QUESTION[:60], [], None, "18")
    )
    page = f"Once upon a time. {long.replace('<<16-3=13>>', '')}. The end of the tale."
    (hit,) = scan(document_table(page, "it is 18"), items)["hits"].rows(named=True)
    assert (hit["item"], hit["found_by"], hit["lcs_ratio"]) == ("1", "answer", 1.0)


def test_code_is_found_without_its_documentation(benchmark_items: pl.DataFrame) -> None:
    (item,) = benchmark_items.filter(item="HumanEval/1").rows(named=True)
    code = item["question"].split('"""')[0] + item["answer"]
    hits = scan(document_table(code), benchmark_items)["hits"]
    assert hits.select("item", "found_by").rows() == [("HumanEval/1", "signature_answer")]


FORM = (
    "find the degree of the field that is made from the rationals by the roots of {} and {} alone"
)


def test_a_form_accuses_no_sibling() -> None:
    items = item_table(*(("b", str(n), FORM.format(n, n + 50), [], None, None) for n in range(9)))
    hits = scan(document_table(FORM.format(70, 3), FORM.format(4, 54)), items)["hits"]
    assert hits.select("id", "item").rows() == [("d1", "4")]
    assert searched_of(items, config=Config()).templates()["items"].to_list() == [9]


@pytest.mark.parametrize(
    "written",
    [
        lambda text: "<p>" + text.replace(" ", "</span> <span class='w'>") + "</p>",
        lambda text: text.replace("'", "&rsquo;").replace(" ", "&nbsp;"),
        lambda text: text.replace("'", "\\'").replace(". ", ".\\n"),
        lambda text: text.replace("breakfast", "break-\n> fast").replace("muffins", "muf-\nfins"),
    ],
)
def test_items_are_found_in_the_notation_of_a_file(written: Callable[[str], str]) -> None:
    items = item_table(("gsm8k", "0", QUESTION, [], None, "9"))
    hits = scan(document_table(f"Before it. {written(QUESTION)} Behind it."), items)["hits"]
    assert hits["lcs_ratio"].to_list() == [1]


@pytest.mark.parametrize("label", ["", "A. ", "a) ", "(1) ", "1. ", "① ", "<li>"])
def test_short_questions_are_found_by_choices_under_any_label(label: str) -> None:
    choices = ["the left kidney", "the heart", "the small intestine", "the liver"]
    items = item_table(("mmlu", "0", "Which organ pumps blood?", choices, 1, "the heart"))
    labels = [
        "".join(chr(ord(sign) + place) if sign in "Aa1①" else sign for sign in label)
        for place in range(4)
    ]
    lines = [f"{each}{choice}" for each, choice in zip(labels, choices[::-1], strict=True)]
    page = "\n".join(["Test your biology.", "Which organ pumps blood?", *lines, "Next one."])
    assert scan(document_table(page), items)["hits"]["found_by"].to_list() == ["question_choices"]


def test_items_that_are_the_same_are_no_template() -> None:
    items = item_table(*(("b", str(n), QUESTION, [], None, "18") for n in range(5)))
    hits = scan(document_table(QUESTION), items)["hits"]
    assert hits["item"].to_list() == list("01234")


def test_a_passage_is_laid_to_the_item_that_explains_it_best() -> None:
    other = QUESTION.replace("four", "five").replace("muffins", "bread")
    items = item_table(("b", "1", QUESTION, [], None, None), ("b", "2", other, [], None, None))
    apart = f"{QUESTION} {'and so on ' * 60}{other}"
    hits = scan(document_table(other, apart), items)["hits"]
    assert hits.select("id", "item").rows() == [("d0", "2"), ("d1", "1"), ("d1", "2")]


def test_choices_in_any_order_make_a_short_question_testable() -> None:
    choices = ["the red one", "the green one over there", "a blue one", "none of them all"]
    items = item_table(("b", "1", "Which is it?", choices, 0, choices[0]))
    page = "Which is it?\n(A) a blue one (B) none of them all (C) the red one "
    page += "(D) the green one over there"
    assert scan(document_table(page), items)["hits"]["found_by"].to_list() == ["question_choices"]


QUESTIONS = (
    QUESTION,
    "भारत की राजधानी का नाम क्या है और वहाँ की जनसंख्या आज कितनी बताई जाती है",
    "ร้านหนึ่งขายส้มกิโลกรัมละสี่สิบบาท ถ้าซื้อสามกิโลกรัมต้องจ่ายเงินกี่บาท",
    "كم عدد الكُتُب التي قرأها أحمد في شهرين إذا كان يقرأ كتابا واحدا كل أسبوع",
    "서울에서 부산까지 기차로 두 시간 반이 걸린다면 왕복하는 데 모두 몇 시간이 걸립니까",
    "小明有二十个苹果\uff0c他给了小红五个\uff0c又买了八个\uff0c现在他有多少个苹果",
    "一郎さんはりんごを十二個もっていて、友だちに五個あげました。のこりは何個ですか",
    "Một cửa hàng bán cam giá bốn mươi nghìn đồng một cân, mua ba cân thì phải trả bao nhiêu",
    "\u0130stanbul'da bir k\u0131rtasiyede \u0131\u015f\u0131kl\u0131 kalem on iki lira "
    "ise be\u015f kalem i\u00e7in ka\u00e7 lira \u00f6denir",
    "Wie groß ist die Straße, wenn ein Fußgänger für zwei Maße davon zehn Minuten braucht",
    "Ποιος είναι \u03bf αριθμός των μαθητών της τάξης όταν λείπουν τρεις από τους είκοσι πέντε",
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(QUESTIONS), st.data())
def test_what_a_reader_does_not_see_hides_no_item(question: str, data: st.DataObject) -> None:
    items = item_table(*(("b", str(n), each, [], None, None) for n, each in enumerate(QUESTIONS)))
    other = data.draw(same_to_a_reader(f"so: {question}. the end"))
    expected = [("d0", str(QUESTIONS.index(question)), 1.0)]
    hits = scan(document_table(other), items)["hits"]
    assert hits.select("id", "item", "lcs_ratio").rows() == expected


def test_thai_is_found_whatever_its_spacing() -> None:
    items = item_table(("b", "1", QUESTIONS[2], [], None, None))
    spaced = " ".join(QUESTIONS[2])
    assert scan(document_table(spaced), items)["hits"].height == 0  # a mark without its letter
    spaced = QUESTIONS[2].replace("ส้ม", " ส้ม ").replace("บาท", " บาท").replace("ถ้า", "ถ้า ")
    assert scan(document_table(spaced), items)["hits"].height == 1


def test_other_vowels_are_another_question() -> None:
    """Copies without their accents are found, other words are not."""
    hindi, vietnamese = QUESTIONS[1], QUESTIONS[7]
    items = item_table(*(("b", str(n), q, [], None, None) for n, q in enumerate(QUESTIONS)))
    other = hindi.translate(str.maketrans("ाीि", "ेुू"))
    bare = unicodedata.normalize("NFD", vietnamese)
    bare = "".join(char for char in bare if not unicodedata.combining(char))
    tones = unicodedata.normalize("NFD", vietnamese).translate(
        str.maketrans("\u0300\u0301\u0309", "\u0323\u0303\u0303")
    )
    hits = scan(document_table(other, bare, tones), items)["hits"]
    assert hits.select("id", "item").rows() == [("d1", "7")]


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
