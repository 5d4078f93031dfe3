# ruff: noqa: RUF001 - signs of many scripts
import html
import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.decontamination.notation import meant
from midtrain_dagster.decontamination.notation_names import TAGS, TEX_COMMANDS, name_number, names
from midtrain_dagster.decontamination.words import read_words

SIGNS = st.sampled_from(
    [
        *"ant7é世 \n-‐<>/=\"'`´\\&#x;\u00ad🙂",
        "<b>", "<a h=", "&amp;", "&#233;", "&#x4e00;", "&ne;",
        "\\n", "\\u00e9", "\\ud835", "\\udc65", "-\n", "\n7\n",
    ]
)  # fmt: skip


def column(*texts: str) -> pl.Series:
    return pl.Series("text", texts, dtype=pl.String)


def words(text: str) -> list[str]:
    found = read_words(column(text))
    letters = found.letters.tobytes()
    return [letters[a:b].decode() for a, b in zip(found.start, found.stop, strict=True)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(SIGNS, max_size=25).map("".join), max_size=4))
def test_texts_stay_texts_of_their_length(texts: list[str]) -> None:
    read = meant(column(*texts))
    given, got = ([text.encode() for text in each] for each in (texts, read))
    assert [len(text) for text in got] == [len(text) for text in given]
    assert read.to_list() == [meant(column(text))[0] for text in texts]


@settings(max_examples=75, deadline=None)
@given(st.text("aé世'\"<&> ж\U0001d465", max_size=20), st.data())
def test_entities_and_escapes_are_what_they_name(text: str, data: st.DataObject) -> None:
    text = f"{text} ."
    forms = (
        lambda sign: sign,
        lambda sign: f"&#{ord(sign)};",
        lambda sign: f"&#x{ord(sign):X};",
        html.escape,
        lambda sign: json.dumps(sign)[1:-1] if ord(sign) > 0x7F else sign,
    )
    written = "".join(data.draw(st.sampled_from(forms))(sign) for sign in text)
    assert words(written) == words(text)


@pytest.mark.parametrize(
    "between",
    [
        "<br>", "<br/>", "<BR />", "</p>\n<p>", '<a href="x?y=1&z">', "<span class='w 1'>",
        "&nbsp;", "&mdash;", "&#160;", "\\n", "\\r\\n", "\\t", "\\\\n", "\n-17-\n",
        "\n\n- 17 -\n\n", "\n\x0c 17 \n",
    ],
)  # fmt: skip
def test_what_nobody_reads_parts_words(between: str) -> None:
    for left, right in (("How", "Many"), ("ten", "cups"), ("a", "7")):
        assert words(f"{left}{between}{right}") == words(f"{left} {right}")


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("doesn\\'t", "doesn't"), ("doesn&#39;t", "doesn't"), ("doesn&rsquo;t", "doesn't"),
        ("doesn`t", "doesn't"), ("doesn´t", "doesn't"), ("li-\ntres", "litres"),
        ("li‐\r\n  tres", "litres"), ("Stra-\n> ße", "Straße"), ("мо-\nлоко", "молоко"),
        ("caf\\u00e9", "café"), ("\\ud835\\udc65", "x"), ("&eacute;t&eacute;", "été"),
    ],
)  # fmt: skip
def test_letters_that_are_meant(text: str, same: str) -> None:
    assert words(f"a {text} b") == words(f"a {same} b")


@pytest.mark.parametrize(
    "text",
    [
        "List<String> x", "if a <b and c> d", "i<s && s>0", "x<y>z", "&foo; &;", "a&b",
        "&#xZZ; &#0;",
        "\\nu + \\theta \\times \\neq \\right \\text{x} \\rho", "\\u12 \\uD835 \\q", "co-op -\n x",
        "a -\nb", "a-\n\nb", "7\n42", "7\n42\n7", "`a` b `c`", "7\n17 18\n9",
        "12\n12345\n1", "´ a´ é", "1-\n2",
    ],
)  # fmt: skip
def test_what_is_no_notation_stays(text: str) -> None:
    assert meant(column(text))[0] == text


def test_names_are_told_apart_by_their_numbers() -> None:
    known = names()
    assert known.tags.size == len({name_number(name) for name in TAGS}) == len(TAGS)
    assert known.commands.size <= len(TEX_COMMANDS)  # triangle and triangleleft begin alike
    for table in (known.tags, known.commands, known.entities):
        assert (table[1:] > table[:-1]).all()
