import polars as pl

from midtrain_dagster.curation.text.prose import LANGUAGES, judged

TEXT = "# Title\n\nWords of `code` here.\n\n```\n{}\n```\n"


def documents(*rows: tuple[str, str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["kind", "format", "text"], orient="row")


def test_running_prose_of_prose_in_markup_is_judged_and_all_else_as_it_stands() -> None:
    table = documents(
        ("prose", "markdown", TEXT),
        ("prose", "plain", TEXT),
        ("qa", "markdown", TEXT),
        ("prose", "restructuredtext", "Title\n=====\n\nWords of ``code`` here."),
        ("prose", "markdown", None),
        ("prose", "markdown", "```\nonly code\n```"),
    )
    words = "Words of here."
    assert judged(table).to_list() == [words, TEXT, TEXT, words, None, ""]
    assert judged(table.select("text")).to_list() == table["text"].to_list()
    assert judged(table.head(0)).to_list() == []
    assert {*LANGUAGES} == {"markdown", "restructuredtext"}
