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


def test_a_long_document_is_judged_by_all_of_it(language_model: Path) -> None:
    german, english = (
        "Das Haus steht am Ende der Straße. ",
        "This house is at the end of the street. ",
    )
    menu = "Home | About us | Log in | Sign up | Search\n" * 100
    texts = [menu + german * 600, german * 200 + english * 100_000, english * 900 + german * 200]
    documents = pl.DataFrame({"id": list("abc"), "text": texts})
    found = identify(documents, model=language_model)["language"]
    assert found["language"].to_list() == ["de", "en", "en"]
    assert (found["language_score"] > 0.65).all()


def test_capitals_addresses_and_figures_change_no_decision(language_model: Path) -> None:
    text = "Das alte Haus steht am Ende der Straße, und niemand wohnt darin."
    shouted = pl.DataFrame({"id": ["a", "b", "c"], "text": [text, text.upper(), text.title()]})
    table = identify(shouted, model=language_model)["language"]
    assert table["language"].to_list() == ["de"] * 3
    figures = "1234 | 5.67 | 89 https://example.com/a-long-way?from=the&town=now "
    mixed = pl.DataFrame({"id": ["a", "b"], "text": [text, figures + text + " x@y.org" * 40]})
    scores = identify(mixed, model=language_model)["language"]["language_score"]
    assert scores[0] == scores[1] > 0.65


def test_a_page_of_figures_is_of_no_language(language_model: Path) -> None:
    texts = [
        "1 2 3\n4.5 6e7 0xFF",
        "https://example.com/in-english",
        "=== --- ***",
        "\u200b",
        "\0 ",
    ]
    documents = pl.DataFrame({"id": list("abcde"), "text": texts})
    table = identify(documents, model=language_model)["language"]
    assert table["language"].to_list() == ["und", "und", "und", "und", None]
    assert table["error"].to_list() == [None, None, None, None, "the text is empty"]


def test_golden(passages: pl.DataFrame, language_model: Path) -> None:
    table = identify(passages, model=language_model)["language"]
    english = table.filter(pl.col("language") == "en")
    assert (VERSION, english.height) == (3, 1933)
    assert (english["language_score"] >= 0.65).sum() == 1925
