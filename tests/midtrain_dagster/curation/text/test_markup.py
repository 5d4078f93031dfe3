import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.curation.text.markdown import MARKDOWN
from midtrain_dagster.curation.text.markup import Language, prose
from midtrain_dagster.curation.text.restructuredtext import RESTRUCTUREDTEXT

LANGUAGES = [MARKDOWN, RESTRUCTUREDTEXT]

PIECES = st.sampled_from(
    [
        *("\n", "\n\n", "    ", "  ", "\t", " ", "- ", "1. ", "> ", "# ", "---\n", "===\n", "::\n"),
        *(
            "```\n",
            "````\n",
            "~~~",
            "`",
            "``",
            "$$\n",
            "<!--",
            "-->",
            "<pre>",
            "</pre>",
            "<b>",
            "|",
        ),
        *(
            "[a](b)",
            "[",
            "](",
            ")",
            "![x](y)",
            "|---|",
            ".. note::",
            ".. code-block::",
            ":role:`x`",
        ),
        *("word", "other words.", "a colon:", ">>> x", "=== ===\n", "`t <u>`_", "é", "{", "*", "_"),
    ]
)
TEXT = st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=40)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXT, min_size=1, max_size=4))
def test_prose_is_part_of_its_text_and_depends_on_no_other(
    language: Language, texts: list[str]
) -> None:
    found = prose(pl.Series("text", texts), language)
    assert (found.name, found.len()) == ("text", len(texts))
    for text, left in zip(texts, found, strict=True):
        assert prose(pl.Series([text]), language).to_list() == [left]
        assert "\n\n" not in left and left == left.strip(" \t\n")
        # Letters stay in their order, and none is added.
        letters = iter(text)
        assert all(each in letters for each in left if each.isalpha())


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=40, deadline=None)
@given(words=st.lists(st.from_regex(r"[a-z]{3,9}", fullmatch=True), min_size=5, max_size=40))
def test_plain_paragraphs_are_prose_a_line_each(language: Language, words: list[str]) -> None:
    lines = [" ".join(words[start : start + 5]) for start in range(0, len(words), 5)]
    text = "\n".join(lines) + "\n\n" + "\n".join(lines) + "\n"
    assert prose(pl.Series([text]), language).item() == "\n".join([" ".join(words)] * 2)
