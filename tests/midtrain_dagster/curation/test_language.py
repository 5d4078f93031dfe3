from pathlib import Path

import polars as pl

from midtrain_dagster.curation.language import VERSION, identify


def test_languages_of_sentences(language_model: Path) -> None:
    texts = {
        "en": "The house stands\nat the end of the street.",
        "de": "Das Haus steht am Ende der Straße.",
        "fr": "La maison se trouve au bout de la rue.",
        "ru": "Дом стоит в конце улицы.",
        "zh": "这座房子在街道的尽头旁边有一所学校。",
        "none": " \n ",
        "null": None,
    }
    documents = pl.DataFrame({"id": list(texts), "text": list(texts.values())})
    table = identify(documents, model=language_model)["language"]
    assert table.columns == ["id", "language", "language_score", "error"]
    assert table["language"].to_list() == ["en", "de", "fr", "ru", "zh", None, None]
    assert table["error"].to_list()[5:] == ["the text is empty", "the text is null"]
    assert table["language_score"].null_count() == 2
    assert (table["language_score"].drop_nulls() > 0.8).all()


def test_what_has_no_prose_is_of_no_language(language_model: Path) -> None:
    texts = ["```\nein Haus am Ende der Straße\n```", "# Haus\n\nThe house stands here.", "", None]
    documents = pl.DataFrame({"id": list("abcd"), "text": texts, "kind": "prose"}).with_columns(
        format=pl.lit("markdown")
    )
    table = identify(documents, model=language_model)["language"]
    assert table["language"].to_list() == ["und", "en", None, None]
    assert table["error"].is_null().to_list() == [True, True, False, False]


def test_a_long_document_is_judged_by_its_beginning(language_model: Path) -> None:
    text = "Das Haus steht am Ende der Straße. " * 200 + "This is English. " * 100_000
    documents = pl.DataFrame({"id": ["long"], "text": [text]})
    assert identify(documents, model=language_model)["language"]["language"].to_list() == ["de"]


def test_golden(passages: pl.DataFrame, language_model: Path) -> None:
    table = identify(passages, model=language_model)["language"]
    english = table.filter(pl.col("language") == "en")
    assert (VERSION, english.height) == (2, 1969)
    assert (english["language_score"] >= 0.65).sum() == 1922
