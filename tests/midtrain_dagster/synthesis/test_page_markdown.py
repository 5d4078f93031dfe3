from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.synthesis.page_markdown import agreement, form, joined, plain, unfenced, words

COLUMNS = (
    "The sea otter keeps a stone in a pocket of loose skin",
    "Kelp grows half a metre in a day where the water is cold",
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12)
)
def test_agreement_is_that_of_counted_words(one: list[str], other: list[str]) -> None:
    found = agreement(" ".join(one), " ".join(other))
    both = sum(min(one.count(each), other.count(each)) for each in set(one))
    assert found.words == pytest.approx(2 * both / (len(one) + len(other)) if one or other else 1.0)
    assert 0 <= found.pairs <= 1
    assert agreement(" ".join(other), " ".join(one)) == found
    assert found == (1, 1) or Counter(one) != Counter(other) or one != other


def test_columns_in_another_order_agree_and_shuffled_words_do_not() -> None:
    layer = " ".join(COLUMNS)
    assert agreement(" ".join(reversed(COLUMNS)), layer).pairs > 0.9
    shuffled = agreement(" ".join(sorted(layer.split())), layer)
    assert shuffled.words == 1
    assert shuffled.pairs < 0.3


def test_words_are_whole_where_a_line_parts_them() -> None:
    assert words("mus-\nsels\ufffe\n and well-known _emph_") == [
        *("mussels", "and", "well", "known", "emph"),
    ]


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("# Head\n\n```\ncode\n```", "# Head\n\n\ncode\n"),
        ("a $x^2$ b $$y$$ c", "a   b   c"),
        ("<b>bold</b> ![a page](data.png) end", " bold    end"),
    ],
)
def test_plain_has_what_is_read(markdown: str, text: str) -> None:
    assert words(plain(markdown)) == words(text)


@pytest.mark.parametrize(
    ("markdown", "layer", "found"),
    [
        ("| a | b |\n|---|:-:|\n| 1 | 2 |", "", (1, 0, 0, True)),
        ("| a | b |\n|---|\n| 1 | 2 |", "", (0, 1, 0, True)),
        ("| a | b |\n| 1 | 2 |", "", (0, 1, 0, True)),
        ("| a | b |\n|---|---|\n| 1 |", "", (0, 1, 0, True)),
        ("| a | b |", "", (0, 1, 0, True)),
        ("| a \\| b |\n|---|\n| 1 |\n\n| x |\n|-|\n| y |", "", (2, 0, 0, True)),
        ("$a$ and $$b\n= c$$", "", (0, 0, 2, True)),
        ("$a and b", "", (0, 0, 1, False)),
        ("$$a and b", "", (0, 0, 1, False)),
        ("$\\frac{1}{2$", "", (0, 0, 1, False)),
        ("it costs $5", "it costs $5", (0, 0, 0, True)),
        ("it costs $5, or $x$", "it costs $5, or x", (0, 0, 2, True)),
        ("it costs \\$5 in `a$b`", "", (0, 0, 0, True)),
        ("", "", (0, 0, 0, True)),
    ],
)
def test_form_counts_tables_and_formulas(markdown: str, layer: str, found: tuple) -> None:
    assert form(markdown, layer) == found


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("```markdown\n# A\n```", "# A"),
        (" # A\n", "# A"),
        ("```\ncode\n```\nmore", "```\ncode\n```\nmore"),
        ("```", "```"),
        ("", ""),
    ],
)
def test_a_fence_around_all_goes(completion: str, text: str) -> None:
    assert unfenced(completion) == text


def test_sentences_go_on_on_the_next_page() -> None:
    assert joined(["The otter", "keeps a stone.", "It floats", "# Kelp"]) == (
        "The otter keeps a stone.\n\nIt floats\n\n# Kelp"
    )


def test_hostile_pages_take_linear_time() -> None:
    for text in ("|" * 200_000, "| -" + " " * 200_000 + "x", "$" * 200_001, "<a" * 50_000):
        form(f"{text}\n{text}")
        plain(text)
