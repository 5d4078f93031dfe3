"""N-grams that many documents hold count for nothing, however the documents are cut into parts."""

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.decontamination import acquittals
from midtrain_dagster.decontamination.common_ngrams import COUNTS, common_of, ngram_hashes
from midtrain_dagster.decontamination.method import Method
from midtrain_dagster.decontamination.methods import decon, edited, gpt3, llama3, marin, qwen_math
from midtrain_dagster.decontamination.options import CommonNgrams
from midtrain_dagster.decontamination.scan import occurrences, scan, searched_of

from .conftest import document_table, item_table
from .test_sketch_scan import by_sketch

LIMIT = CommonNgrams(documents=3)
WORDS = ["a", "be", "sea", "dunes", "elk", "café", "cafe"]
LINES = st.lists(st.sampled_from(WORDS), min_size=2, max_size=14).map(" ".join)
METHODS: list[Method] = [
    qwen_math.Config(ngram=3, shortest=2, lcs_ratio=0.3, common_ngrams=LIMIT),
    edited.Config(common_ngrams=LIMIT),
    marin.Config(ngram=3, shortest=2, common_ngrams=LIMIT),
    gpt3.Config(shortest=2, longest=4, common_ngrams=LIMIT),
    decon.Config(ngram=2, shortest=2, unique_words=1, answers=False, common_ngrams=LIMIT),
]


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Documents of several lines, some of them those of items; and the items."""
    items = draw(st.lists(LINES, min_size=1, max_size=4))
    lines = st.one_of(st.sampled_from(items), LINES)
    texts = draw(st.lists(st.lists(lines, max_size=4).map("\n".join), min_size=1, max_size=7))
    return texts, items


def table_of(items: list[str]) -> pl.DataFrame:
    return item_table(*(("b", str(n), text, [], None, None) for n, text in enumerate(items)))


def listed(parts: list[pl.DataFrame], items: pl.DataFrame, config: Method) -> dict:
    counts = [scan(each, items, config=config.alone(), counting=True)["ngrams"] for each in parts]
    assert config.common_ngrams is not None
    needed = config.common_ngrams.needed(sum(each.height for each in parts))
    return acquittals.common(pl.concat(counts).lazy(), items, config=config.alone(), needed=needed)


def stood(parts: list[pl.DataFrame], items: pl.DataFrame, config: Method) -> dict:
    """What stands, and what was spared, as the asset makes them: part by part."""
    keys = listed(parts, items, config)["common_keys"]
    made = []
    for each in parts:
        hits = scan(each, items, config=config.alone())["hits"]
        made.append(acquittals.standing(each.lazy(), hits, items, keys, config=config))
    return {name: pl.concat(each[name] for each in made) for name in ("hits", "spared")}


def windows(words: list[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)}


def same(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Word by word; an accent may be lost, but not exchanged."""
    return [word.replace("é", "e") for word in left] == [word.replace("é", "e") for word in right]


@pytest.mark.parametrize("config", METHODS, ids=lambda each: each.method)
@settings(max_examples=25, deadline=None)
@given(corpora())
def test_counts_are_those_of_a_naive_count(config: Method, corpus) -> None:
    texts, written = corpus
    items, documents = table_of(written), document_table(*texts)
    searched = searched_of(items, config=config.alone())
    counts = dict(
        scan(documents, items, config=config.alone(), counting=True)["ngrams"].iter_rows()
    )
    lines = [text.split("\n") if config.by_paragraph else [text] for text in texts]
    hashes = ngram_hashes(searched)
    for number, (text, position, size) in enumerate(zip(*searched.windows, strict=True)):
        if not searched.is_evidence[number]:
            continue
        said = tuple(searched.texts["text"][int(text)].split()[position : position + size])
        holding = sum(
            any(same(said, each) for line in own for each in windows(line.split(), size))
            for own in lines
        )
        assert counts.get(int(hashes[number]), 0) == holding, said


@pytest.mark.parametrize("config", METHODS, ids=lambda each: each.method)
@settings(max_examples=15, deadline=None)
@given(corpora(), st.integers(1, 7))
def test_the_cut_into_parts_changes_nothing(config: Method, corpus, step: int) -> None:
    """What is common, what stands, what is spared; and of what was found nothing is lost."""
    texts, written = corpus
    items, documents = table_of(written), document_table(*texts)
    whole, cut = [documents], list(documents.iter_slices(step))
    assert all(
        listed(cut, items, config)[name].equals(table)
        for name, table in listed(whole, items, config).items()
    )
    once, parts = stood(whole, items, config), stood(cut, items, config)
    assert all(parts[name].equals(table) for name, table in once.items())
    before = scan(documents, items, config=config.alone())["hits"].select("id", "item")
    after = pl.concat(once[name].select("id", "item") for name in once)
    assert after.sort("id", "item").equals(before.sort("id", "item"))


@pytest.mark.parametrize("config", METHODS, ids=lambda each: each.method)
@settings(max_examples=15, deadline=None)
@given(corpora())
def test_what_stands_is_found_without_the_common_ones(config: Method, corpus) -> None:
    """Among the documents and items that were found with them."""
    texts, written = corpus
    items, documents = table_of(written), document_table(*texts)
    keys = listed([documents], items, config)["common_keys"]
    naive = occurrences(documents, items, config=config.alone(), common=keys)
    found = scan(documents, items, config=config.alone())["hits"]
    expected = set(naive.select("id", "item").rows()) & set(found.select("id", "item").rows())
    assert set(stood([documents], items, config)["hits"].select("id", "item").rows()) == expected


@pytest.mark.parametrize("limit", [2, 5])
@settings(max_examples=10, deadline=None)
@given(st.data())
def test_sketches_count_what_the_full_scan_counts(limit: int, data) -> None:
    config = qwen_math.Config(common_ngrams=CommonNgrams(documents=limit))
    many = st.lists(st.sampled_from([f"w{n}" for n in range(12)]), min_size=8, max_size=20)
    written = data.draw(st.lists(many.map(" ".join), min_size=1, max_size=3))
    pieces = st.lists(st.sampled_from([*written, "or else", "so it is"]), max_size=4)
    texts = data.draw(st.lists(pieces.map(" ".join), min_size=1, max_size=8))
    items, documents = table_of(written), document_table(*texts)
    parts = list(documents.iter_slices(3))
    hits, counts = by_sketch(parts, items, config.alone(), counting=True)
    full = scan(documents, items, config=config.alone(), counting=True)
    assert hits.equals(full["hits"])
    summed = counts.group_by("ngram").agg(pl.col("documents").sum()).sort("ngram").cast(COUNTS)
    assert summed.equals(full["ngrams"])


FORM = "which of the following statements about the economy of the country is true"
ITEM = f"{FORM} when its harbours freeze in winter and the ferries to the islands stop"


def test_what_rests_on_a_common_form_is_spared_and_listed() -> None:
    items = table_of([ITEM])
    pages = [f"{n} {FORM} and so on, page {n} of the handbook" for n in range(12)]
    documents = document_table(*pages, f"quoted: {ITEM}")
    config = gpt3.Config()
    assert config.common_ngrams == CommonNgrams(documents=11)
    assert scan(documents, items, config=config.alone())["hits"].height == 13
    made = stood([documents], items, config)
    assert made["hits"]["id"].to_list() == ["d12"]
    assert made["spared"]["id"].to_list() == [f"d{n}" for n in range(12)]
    assert set(made["spared"]["reason"]) == {"common_ngrams"}
    common = listed([documents], items, config)["common_ngrams"]
    assert common["documents"].to_list() == [13]
    assert common["text"][0] == FORM and common["items"].to_list() == [1]
    eleven = document_table(*pages[:10])
    assert stood([eleven], items, config)["hits"].height == 10


def test_an_item_all_of_which_is_common_cannot_be_searched() -> None:
    items, documents = table_of([FORM]), document_table(*([FORM] * 11))
    config = gpt3.Config()
    keys = listed([documents], items, config)["common_keys"]
    searched = searched_of(items, config=config.alone(), common=keys)
    assert searched.untestable().rows() == [("b", "0", 13, "common")]
    assert searched_of(items, config=config.alone()).untestable().is_empty()


def test_marin_drops_common_ngrams_from_numerator_and_denominator() -> None:
    """Of 48 n-grams 18 are common, 20 the item's alone, 10 nobody's: two thirds, not 0.42."""
    form, own, other = (" ".join(f"{kind}{n}" for n in range(30)) for kind in "fox")
    paragraph = f"{form} {' '.join(own.split()[:20])}"
    items = table_of([paragraph])
    config = marin.Config(common_ngrams=CommonNgrams(documents=5))
    pages = document_table(*[form] * 4, f"{paragraph} {' '.join(other.split()[:10])}")
    found = stood([pages], items, config)
    assert found["hits"].select("id", "lcs_ratio").rows() == [("d4", 20 / 30)]
    assert found["spared"]["id"].to_list() == [f"d{n}" for n in range(4)]


def test_a_share_of_the_corpus_bounds_from_below() -> None:
    """Marin's: half a percent of the documents, and five at least."""
    limit = marin.Config().common_ngrams
    assert limit is not None
    assert [limit.needed(n) for n in (10, 1_000, 1_001, 100_000)] == [5, 5, 6, 500]
    for few, more in pairwise(range(0, 4_000, 97)):
        assert limit.needed(few) <= limit.needed(more)


def test_common_ngrams_cover_nothing_of_llama3() -> None:
    items, documents = table_of([ITEM]), document_table(*([FORM] * 4))
    config = llama3.Config(common_ngrams=CommonNgrams(documents=4))
    keys = listed([documents], items, config)["common_keys"]
    assert llama3.covered_words(documents, items, config=config)["covered"].height
    assert llama3.covered_words(documents, items, keys, config=config)["covered"].is_empty()


def test_none_common_lists_nothing() -> None:
    items = table_of([ITEM])
    searched = searched_of(items, config=gpt3.Config().alone())
    made = common_of(COUNTS.to_frame().lazy(), searched, needed=2)
    assert all(table.is_empty() for table in made.values())
