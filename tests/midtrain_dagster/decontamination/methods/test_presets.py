"""What the presets tell apart, on one item in one page, and what holds for all of them."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.decontamination.config import ContaminationMethod
from midtrain_dagster.decontamination.methods import gpt3, llama3, marin, phi4, qwen_math, tulu3
from midtrain_dagster.decontamination.scan import scan, versions_for

from ..conftest import document_table, item_table

METHODS = ("qwen_math", "decon", "gpt3", "llama3", "marin", "phi4", "tulu3")

FIRST = "a farmer has twelve brown cows and buys seven more of them at the fair in spring"
SECOND = "in summer his neighbour sells him three old bulls for half of what they had cost"
QUESTION = f"{FIRST}. {SECOND}."
ITEMS = item_table(("b", "1", QUESTION, [], None, None))
PAGE = " ".join(f"word{n} of the page" for n in range(40))
TYPE = TypeAdapter(ContaminationMethod)


def found(config, *texts: str) -> list[str]:
    return scan(document_table(*texts), ITEMS, config=config)["hits"]["id"].to_list()


@pytest.mark.parametrize("method", METHODS)
def test_every_preset_finds_a_copy_and_spares_a_page(method: str) -> None:
    config = TYPE.validate_python({"method": method})
    assert found(config, f"{PAGE}\n{QUESTION}\n{PAGE}", PAGE) == ["d0"]


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(METHODS),
    st.lists(st.sampled_from([FIRST, SECOND, QUESTION, PAGE, "so\n"]), min_size=1, max_size=6),
    st.integers(1, 5),
)
def test_how_documents_are_cut_into_parts_changes_nothing(method, pieces, step) -> None:
    config = TYPE.validate_python({"method": method})
    documents = document_table(*(" ".join(pieces[n:] + pieces[:n]) for n in range(len(pieces))))
    whole = scan(documents, ITEMS, config=config)["hits"]
    parts = [scan(each, ITEMS, config=config)["hits"] for each in documents.iter_slices(step)]
    assert pl.concat(parts).equals(whole)


def test_a_recipe_names_a_method_and_the_first_is_the_default() -> None:
    assert TYPE.validate_python({"ngram": 9}) == qwen_math.Config(ngram=9)
    assert TYPE.validate_python({"method": "hybrid"}) == qwen_math.Config()
    with pytest.raises(ValidationError, match="decon"):
        TYPE.validate_python({"method": "dacon"})


def test_what_the_first_method_made_before_there_were_others_is_found() -> None:
    assert canonical(qwen_math.Config()) == {
        "method": "hybrid",
        "ngram": 13,
        "lcs_ratio": 0.6,
        "shortest": 8,
    }
    assert versions_for(qwen_math.Config()) == {"decontamination.scan": 3}
    assert canonical(qwen_math.Config(action="cut_span")) == canonical(qwen_math.Config())


def test_a_second_look_finds_reversed_sentences() -> None:
    backwards = f"{PAGE} {SECOND}. {FIRST}. {PAGE}"
    assert found(qwen_math.Config(), backwards) == []
    assert found(qwen_math.Config(order_free=0.8), backwards, PAGE) == ["d0"]


def test_gpt3_takes_its_n_from_short_items() -> None:
    rows = [("short", str(n), "one two three", [], None, None) for n in range(9)]
    rows += [("long", str(n), "word " * 40, [], None, None) for n in range(9)]
    rows += [("middle", "1", "w x y z " * 2 + "a b", [], None, None)]
    sizes = gpt3.ngram_sizes(item_table(*rows), 8, 13)
    assert sizes == {"short": 8, "middle": 10, "long": 13}
    run = " ".join(FIRST.split()[:13])
    assert found(gpt3.Config(), f"{PAGE} {run} {PAGE}", f"{PAGE} {run[:-4]} {PAGE}") == ["d0"]


def test_marin_asks_for_half_of_a_paragraph() -> None:
    inside, alone = f"{PAGE} {QUESTION} {PAGE}", f"{PAGE}\n{QUESTION} So it was.\n{PAGE}"
    assert found(marin.Config(), inside, alone) == ["d1"]
    items = item_table(("b", "1", "the deepest lake of Africa", [], None, None))
    pages = document_table(
        "so\nThe deepest lake of Africa?\nno", "The deepest lake of Africa is it"
    )
    hits = scan(pages, items, config=marin.Config())["hits"]
    assert hits.select("id", "start", "text").rows() == [("d0", 3, "The deepest lake of Africa")]


def test_phi4_asks_for_one_long_run_or_many_short_ones() -> None:
    words = FIRST.split()
    long, short = " ".join(words[:13]), " ".join(words[:12])
    assert found(phi4.Config(), f"{PAGE} {long} x", f"{PAGE} {short} x") == ["d0"]
    many = " x ".join([" ".join(words[:12]), SECOND[:-5]])
    assert found(phi4.Config(our_item_threshold=0.4), f"{PAGE} {many}") == ["d0"]


def test_tulu3_asks_for_half_of_the_item() -> None:
    less = " ".join(QUESTION.split()[:14])
    assert found(tulu3.Config(), f"{PAGE} {less} x", f"{PAGE} {FIRST} in summer x") == ["d1"]


def test_llama3_scores_items_over_all_parts() -> None:
    config = llama3.Config(shares={"other": 0.1})
    parts = [f"{PAGE} {FIRST} x", f"{SECOND} {FIRST[:60]} {PAGE}", PAGE]
    assert all(not found(config.model_copy(update={"share": 0.95}), part) for part in parts)
    tables = [
        llama3.covered_words(document_table(part), ITEMS, config=config)["covered"]
        for part in parts
    ]
    scores = llama3.item_scores(pl.concat(tables), config=config)
    assert scores.rows() == [("b", "1", 1.0, True)]
    assert config.action_on("b") == "flag_item"
