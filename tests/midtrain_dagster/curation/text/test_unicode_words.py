"""Against the rules of UAX #29 one by one, asked of every place between two characters."""

import itertools

import polars as pl
import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text.characters import classify
from midtrain_dagster.curation.text.unicode_words import VALUES, split

PIECES = [
    *("a", "Z", "é", "1", "²", "_", ".", ",", ":", "'", "\u2019", '"', "\u0308", "\u200d"),
    *(
        "א",
        "ア",
        "あ",
        "漢",
        "ก",
        "\n",
        "\r",
        " ",
        "  ",
        "\u2003",
        "🇩",
        "🇪",
        "👩",
        "\u2139",
        "\u00ad",
    ),
]
TEXT = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=20)

LETTER = ("ALetter", "Hebrew_Letter")
PASSED_OVER = ("Extend", "Format", "ZWJ")
ENDS = ("CR", "LF", "Newline")
BETWEEN = ("MidNumLet", "Single_Quote")
EXTENDED = (*LETTER, "Numeric", "Katakana")


def word_break(character: str) -> str:
    names = VALUES[1:]
    return next((n for n in names if regex.match(rf"\p{{Word_Break={n}}}", character)), "Other")


def parts(text: str, kinds: list[str], place: int) -> bool:
    """Whether there is a boundary before the character at ``place``."""
    last, kind = kinds[place - 1], kinds[place]
    if (last, kind) == ("CR", "LF"):
        return False
    if last in ENDS or kind in ENDS:
        return True
    if last == "ZWJ" and regex.match(r"\p{Extended_Pictographic}", text[place]):
        return False
    if (last, kind) == ("WSegSpace", "WSegSpace") or kind in PASSED_OVER:
        return False
    # From here on, what WB4 passes over is not there; it belongs to what it follows.
    start = max((at + 1 for at in range(place) if kinds[at] in ENDS), default=0)
    before = [
        each for at, each in enumerate(kinds[start:place]) if at == 0 or each not in PASSED_OVER
    ]
    after = [each for each in kinds[place + 1 :] if each not in PASSED_OVER]
    one, two = before[-1], before[-2] if len(before) > 1 else "Other"
    following = after[0] if after else "Other"
    flags = 0
    while flags < len(before) and before[-1 - flags] == "Regional_Indicator":
        flags += 1
    together = (
        (one in (*LETTER, "Numeric") and kind in (*LETTER, "Numeric"))
        or (one in LETTER and kind in ("MidLetter", *BETWEEN) and following in LETTER)
        or (two in LETTER and one in ("MidLetter", *BETWEEN) and kind in LETTER)
        or (one == "Hebrew_Letter" and kind == "Single_Quote")
        or ((one, kind, following) == ("Hebrew_Letter", "Double_Quote", "Hebrew_Letter"))
        or ((two, one, kind) == ("Hebrew_Letter", "Double_Quote", "Hebrew_Letter"))
        or (one == "Numeric" and kind in ("MidNum", *BETWEEN) and following == "Numeric")
        or (two == "Numeric" and one in ("MidNum", *BETWEEN) and kind == "Numeric")
        or (one == kind == "Katakana")
        or (one in (*EXTENDED, "ExtendNumLet") and kind == "ExtendNumLet")
        or (one == "ExtendNumLet" and kind in EXTENDED)
        or (kind == "Regional_Indicator" and flags % 2 == 1)
    )
    return not together


def naive(text: str) -> list[str]:
    kinds = list(map(word_break, text))
    places = [place for place in range(1, len(text)) if parts(text, kinds, place)]
    bounds = [0, *places, len(text)]
    segments = [text[start:stop] for start, stop in itertools.pairwise(bounds)]
    return [segment for segment in segments if segment[:1].isalnum()]


def words(*texts: str) -> list[list[str]]:
    text = text_buffer(pl.Series("text", texts, pl.String))
    found = split(text, classify(text.buffer))
    spans = zip(found.starts.tolist(), found.stops.tolist(), strict=True)
    data = text.buffer.tobytes()
    flat = [data[start:stop].decode() for start, stop in spans]
    assert found.characters.tolist() == list(map(len, flat))
    return [flat[first:last] for first, last in zip(found.offsets, found.offsets[1:], strict=False)]


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=3))
@example(["a\u200d👩", "1'1", 'א"א', "א'", "🇩🇪🇩a", "a:\u0308b", "_a", "a__1", "\n\u0308a"])
def test_words_lie_between_unicodes_boundaries(texts: list[str]) -> None:
    assert words(*texts) == list(map(naive, texts))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The standard's own example (UAX #29, section 4).
        (
            "The quick (“brown”) fox can\u2019t jump 32.3 feet, right?",
            ["The", "quick", "brown", "fox", "can\u2019t", "jump", "32.3", "feet", "right"],
        ),
        ("snake_case _private e.g. 1,000 a:b", ["snake_case", "e.g", "1,000", "a:b"]),
        ("漢字かな", ["漢", "字", "か", "な"]),
    ],
)
def test_golden(text: str, expected: list[str]) -> None:
    assert words(text) == [expected]


def test_a_word_goes_on_behind_a_long_run_of_what_is_passed_over() -> None:
    text = "a:" + "\u0308" * 200_000
    assert [len(each) for each in words(text * 2)[0]] == [200_003]
