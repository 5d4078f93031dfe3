import html
import unicodedata
from collections.abc import Callable
from hashlib import sha256
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.curation.text.spoken import CHARACTERS, PARTS, VERSION, spoken

WORDS = (
    *(
        "Straße",
        "naïve",
        "don't",
        "Ærø",
        "čtyři",
        "ёлка",
        "ΟΔΟΣ",
        "किताबें",
        "น้ำตาล",
        "東京",
        "한국어",
    ),
    *("القاهرة", "mot", "Und", "å", "ﬁnd"),
)
SENTENCE = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)
NOISE = (
    *(" 😀👩\u200d👧 ", " 12.50 ", " https://example.com/a_b?c=d ", " me@example.org ", " a1b2c3 "),
    *(
        " if(x==y){f(x)} ",
        " <br/> ",
        '<p class="a b">',
        " foo_bar ",
        " /usr/share/doc ",
        " — ",
        "\n|\t",
    ),
)


def line(text: str) -> str:
    return str(spoken(pl.Series([text])).item())


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


@pytest.mark.parametrize(
    "typed",
    [
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: f"  {text}\n\n",
        lambda text: text.replace(" ", " \u00ad\u2060"),
        "\u200b".join,
        lambda text: html.escape(text).replace(" ", "&nbsp;"),
        lambda text: "".join(f"&#{ord(c)};" for c in text),
        lambda text: " ".join(f"**{word}**, #{word}:" for word in text.split()),
        full_width,
    ],
)
@given(text=SENTENCE)
def test_how_a_text_was_typed_makes_no_difference(typed: Callable[[str], str], text: str) -> None:
    expected = line(text)
    if "**" in typed("a"):
        expected = " ".join(f"{word} {word}" for word in expected.split())
    assert line(typed(text)) == expected


@given(SENTENCE, st.lists(st.sampled_from(NOISE), min_size=1, max_size=8))
def test_what_is_no_word_leaves_nothing(text: str, noise: list[str]) -> None:
    words = text.split()
    mixed = "".join(f"{words[at % len(words)]}{noise[at % len(noise)]} " for at in range(12))
    clean = " ".join(words[at % len(words)] for at in range(12))
    assert line(mixed) == line(clean)


def test_case_makes_no_difference() -> None:
    text = "Die Straßen von İzmir und ΟΔΟΣ, don\u2019t: ИЛИ"
    assert line(text) == line(text.title()) == "die straßen von izmir und οδος don\u2019t или"
    assert line("THE END") == line("The end") == line("the end")


def test_joiners_stay_where_they_are_letters() -> None:
    assert line(joined := "\u0645\u06cc\u200c\u062e") == joined
    assert line("क्\u200dष") == "क्\u200dष"
    assert line("co\u200cop\u200derate 👩\u200d👧") == "cooperate"


def test_letters_set_apart_are_words_again() -> None:
    text = "die alte straße in der stadt"
    assert line("  ".join(" ".join(word) for word in text.split())) == line(" ".join(text)) == text
    assert line("a b or c, d e f or g") == "a b or c d e f or g"


def test_marks_that_are_no_part_of_a_letter_go() -> None:
    assert line("".join(f"{letter}\u0336" for letter in "naïve")) == "naïve"
    assert line("\x01".join("ende")) == "ende"
    assert line("\u05d1\u05b0\u05bc\u05e8") == "\u05d1\u05e8"
    assert line("\u0643\u0640\u0640\u062a\u064e") == "\u0643\u062a"
    assert line("das f\ufffdr uns") == "das uns"


def test_a_danda_stays_and_makes_no_word() -> None:
    assert line("यो घर हो। 12 यो घर") == "यो घर हो। यो घर"
    assert line("। 1 '' 2 \u2019") == ""


def test_nulls_and_no_texts_stay() -> None:
    texts = pl.Series(["", None, "x " * 20_000, "&amp; 1"])
    before = texts.to_list()
    assert spoken(texts).null_count() == 1
    assert texts.to_list() == before
    assert spoken(pl.Series([], dtype=pl.String)).is_empty()


def test_a_long_text_is_judged_by_words_spread_over_it() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [
        "".join(letters[int(figure)] for figure in f"{number:05d}") for number in range(50_000)
    ]
    found = line(" ".join(words)).split()
    place = {word: number for number, word in enumerate(words)}
    assert {*found} <= place.keys()
    assert CHARACTERS * 0.9 < sum(len(word) + 1 for word in found) <= CHARACTERS
    places = [place[word] for word in found]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, 49_999)
    assert sum(after > before + 1 for before, after in pairwise(places)) == PARTS - 1
    short = " ".join(words)[:CHARACTERS]
    assert line(short) == short


@pytest.mark.parametrize(
    "piece", ["a", "<a", "&a", "a/", "ab@", "/", "www.", "a1", "&#1", "這", "\u200d", "I\u0307"]
)
def test_a_hostile_text_is_cut_to_what_is_judged(piece: str) -> None:
    assert len(line(piece * 300_000)) <= CHARACTERS


def test_golden(passages: pl.DataFrame) -> None:
    digest = sha256("\n".join(spoken(passages["text"])).encode()).hexdigest()
    assert (VERSION, digest[:16]) == (1, "84a55f285790adaa")
