from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from midtrain_dagster.curation.classifier import label_probability
from midtrain_dagster.curation.raters.methods.fasttext import (
    VERSION,
    Config,
    TextForm,
    _examples,
    rate,
    train,
)

PARAMETERS = Config(positives=["wikipedia"], negatives=["owt"], buckets=2_000).training


def sides(passages: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    wanted = pl.col("source") == "wikipedia"
    return passages.filter(wanted), passages.filter(~wanted)


@pytest.fixture(scope="module")
def trained(passages: pl.DataFrame) -> dict:
    return train(*sides(passages), **PARAMETERS)


@pytest.fixture(scope="module")
def model(trained: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rater") / "rater.bin"
    path.write_bytes(trained["model"])
    return path


@pytest.fixture(scope="module")
def models(
    passages: pl.DataFrame, model: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    path = tmp_path_factory.mktemp("plain") / "plain.bin"
    path.write_bytes(train(*sides(passages), **(PARAMETERS | {"text": "plain"}))["model"])
    return {"normalised": model, "plain": path}


def test_the_rater_learns_and_is_measured_on_held_out_documents(trained: dict) -> None:
    metrics = dict(trained["metrics"].iter_rows())
    assert metrics["training_positives"] + metrics["held_out_positives"] == 1000
    assert metrics["training_negatives"] + metrics["held_out_negatives"] == 1000
    assert 70 < metrics["held_out_positives"] < 130
    assert metrics["accuracy"] > 0.85
    assert metrics["auc"] > 0.93
    assert len(trained["model"]) < 2_000_000


def test_the_same_documents_in_any_order_give_the_same_bytes(
    passages: pl.DataFrame, trained: dict
) -> None:
    positives, negatives = sides(passages.sample(fraction=1, shuffle=True, seed=5))
    again = train(positives, negatives, **PARAMETERS)
    assert again["model"] == trained["model"]
    assert_frame_equal(again["metrics"], trained["metrics"])


def test_another_seed_gives_another_model(passages: pl.DataFrame, trained: dict) -> None:
    other = train(*sides(passages), **(PARAMETERS | {"seed": 2**63 - 1}))
    assert other["model"] != trained["model"]


def test_ratings(passages: pl.DataFrame, model: Path) -> None:
    documents = pl.concat(
        [
            passages.select("id", "text"),
            pl.DataFrame({"id": ["null", "empty"], "text": [None, " \n "]}),
        ]
    )
    table = rate(documents, model=model)["ratings"]
    assert table.schema == {"id": pl.String, "rating": pl.Float32, "error": pl.String}
    assert table["id"].to_list() == documents["id"].to_list()
    assert table["rating"].is_null().sum() == 2
    assert table["error"].to_list()[-2:] == ["the text is null", "the text is empty"]
    rated = table.head(passages.height).hstack(passages.select("source"))
    means = dict(rated.group_by("source").agg(pl.col("rating").mean()).iter_rows())
    assert means["wikipedia"] > 0.7 > 0.3 > means["owt"]
    assert table["rating"].drop_nulls().is_between(0, 1).all()


def test_a_rating_does_not_hang_on_the_other_documents(passages: pl.DataFrame, model: Path) -> None:
    documents = passages.select("id", "text").sample(200, shuffle=True, seed=1)
    whole = rate(documents, model=model)["ratings"]
    halves = [rate(half, model=model)["ratings"] for half in (documents[:77], documents[77:])]
    assert_frame_equal(pl.concat(halves), whole)
    assert rate(documents.clear(), model=model)["ratings"].height == 0


def test_a_model_may_want_plain_text_and_another_label(
    passages: pl.DataFrame, model: Path, tmp_path: Path
) -> None:
    documents = passages.select("id", "text").head(50)
    ratings = rate(documents, model=model, label="negative", text="plain")["ratings"]["rating"]
    plain = documents["text"].str.replace_all(r"\s+", " ")
    expected = label_probability(plain, model, "negative")
    np.testing.assert_allclose(ratings, expected, atol=2e-5)
    other = train(*sides(passages), **(PARAMETERS | {"text": "plain"}))
    assert dict(other["metrics"].iter_rows())["accuracy"] > 0.8


def test_a_quantised_model_is_left_to_the_library(language_model: Path) -> None:
    documents = pl.DataFrame(
        {
            "id": ["en", "de", "none"],
            "text": ["This is a plain\nEnglish sentence.", "Das ist\nein deutscher Satz.", ""],
        }
    )
    table = rate(documents, model=language_model, label="de", text="plain")["ratings"]
    assert table["rating"][0] < 0.1 < 0.9 < table["rating"][1]
    assert table["error"].to_list() == [None, None, "the text is empty"]


def test_a_text_cannot_label_itself(passages: pl.DataFrame, trained: dict) -> None:
    positives, negatives = sides(passages)
    cheating = negatives.with_columns(text=pl.lit("__label__positive ") + pl.col("text"))
    for text in ("normalised", "plain"):
        made = train(positives, cheating, **(PARAMETERS | {"text": text}))
        assert made["model"].count(b"__label__") == 2


marks = st.sampled_from(["</s>", "__label__positive", "__label__", "\n", " ", "\0", "</s>\n"])


@settings(max_examples=40, deadline=None)
@given(st.lists(marks, min_size=1, max_size=4), st.integers(0, 1999), st.data())
@pytest.mark.parametrize("form", ["plain", "normalised"])
def test_a_rating_is_of_the_line_that_was_trained_on(
    passages: pl.DataFrame,
    models: dict[str, Path],
    form: TextForm,
    spelt: list[str],
    row: int,
    data: st.DataObject,
) -> None:
    """fastText's own marks in a text change no rating: they are spaces, in both forms."""
    words = passages["text"][row].split()[:30]
    at = data.draw(st.lists(st.integers(0, len(words)), min_size=len(spelt), max_size=len(spelt)))
    marked = [*words]
    for place, mark in sorted(zip(at, spelt, strict=True), reverse=True):
        marked.insert(place, mark)
    texts = [" ".join(words), " ".join(marked)]
    if form == "normalised":  # where the end of a line falls apart, and a label keeps its name
        texts[1] = texts[1].replace("</s>", " ")
    texts[1] = texts[1].replace("__label__positive", "__label__")
    documents = pl.DataFrame({"id": ["clean", "marked"], "text": texts})
    clean, with_marks = rate(documents, model=models[form], text=form)["ratings"]["rating"]
    assert clean == with_marks
    trained_on = _examples(documents, "positive", form)["line"]
    assert trained_on[0] == trained_on[1]


@pytest.mark.parametrize("form", ["plain", "normalised"])
def test_a_text_of_marks_alone_is_empty(models: dict[str, Path], form: TextForm) -> None:
    texts = ["__label__ \n__label__", "" if form == "normalised" else "</s>"]
    documents = pl.DataFrame({"id": ["a", "b"], "text": texts})
    table = rate(documents, model=models[form], text=form)["ratings"]
    assert table["error"].to_list() == ["the text is empty"] * 2
    assert table["rating"].null_count() == 2


def test_errors(passages: pl.DataFrame, language_model: Path) -> None:
    positives, negatives = sides(passages)
    with pytest.raises(ValueError, match="no positive document"):
        train(positives.with_columns(text=pl.lit(" ")), negatives, **PARAMETERS)
    with pytest.raises(ValueError, match="'owt-0000' is given twice"):
        train(positives, pl.concat([negatives, negatives.head(1)]), **PARAMETERS)
    with pytest.raises(ValueError, match=r"has no label 'positive', only af, als"):
        rate(pl.DataFrame({"id": ["a"], "text": ["the house"]}), model=language_model)


def test_golden(trained: dict, passages: pl.DataFrame, model: Path) -> None:
    metrics = {name: round(value, 3) for name, value in trained["metrics"].iter_rows()}
    ratings = rate(passages.select("id", "text").head(3), model=model)["ratings"]["rating"]
    expected = {
        "training_positives": 904,
        "training_negatives": 896,
        "held_out_positives": 96,
        "held_out_negatives": 104,
        "accuracy": 0.92,
        "auc": 0.983,
    }
    assert (VERSION, metrics) == (3, expected)
    assert [round(value, 4) for value in ratings] == [0.0036, 0.0351, 0.0012]
