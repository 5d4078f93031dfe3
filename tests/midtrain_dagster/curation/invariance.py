"""Other spellings of a text that a reader does not tell from it."""

import unicodedata

import polars as pl
from hypothesis import strategies as st

_EVERY = pl.Series([chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000])
IGNORABLE = frozenset(
    _EVERY.filter(_EVERY.str.contains(r"\p{Default_Ignorable_Code_Point}")).to_list()
)
WIDE = {point: point + 0xFEE0 for point in range(0x21, 0x7F)} | {0x20: 0x3000}
FORMS = ("NFC", "NFD", "NFKC", "NFKD")


@st.composite
def same_to_a_reader(draw: st.DrawFn, text: str) -> str:
    """The text in another case, width and normal form, with ignorable characters anywhere."""
    for _ in range(draw(st.integers(1, 3))):
        text = draw(st.sampled_from((cased, formed, widened, hidden)))(draw, text)
    return text


def cased(draw: st.DrawFn, text: str) -> str:
    """Python moves a mark behind an iota subscript when it makes that a letter: not then."""
    text = unicodedata.normalize("NFC", text)
    if "\u0345" in unicodedata.normalize("NFKD", text):
        return text
    return draw(st.sampled_from((str.upper, str.lower, str.title, str.swapcase)))(text)


def formed(draw: st.DrawFn, text: str) -> str:
    return unicodedata.normalize(draw(st.sampled_from(FORMS)), text)


def widened(draw: st.DrawFn, text: str) -> str:
    return text.translate(WIDE)


def hidden(draw: st.DrawFn, text: str) -> str:
    character = st.sampled_from(sorted(IGNORABLE))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(character) + text[place:]
    return text
