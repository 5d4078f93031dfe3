"""What of a text tells its language: the letters of its words, in lower case.

A model of languages is trained on sentences as books and encyclopedias print them, and judges
character n-grams. Capitals, figures, addresses, markup and invisible characters are other n-grams,
and say nothing of a language; taken for words they drown those that do. So they go, and what is
left has one form however it was typed. What that gains and costs, language by language and fault by
fault, is measured in docs/curation.md ("What a language is judged by").

A long text is judged by parts spread evenly over it, which cost no more the longer it is.
"""

import html
import re

import polars as pl

VERSION = 1

CHARACTERS = 16_000
"""How much of a text is judged; a longer one by `PARTS` of it, spread evenly. The decisions are
those on the whole (docs/curation.md)."""

PARTS = 32

_TAG = r"<[A-Za-z/!][^<>]{0,300}>"
_SPACED = r"\p{Latin}\p{Greek}\p{Cyrillic}"  # a run of other letters may be a whole sentence
_NO_WORDS = "|".join(
    (
        r"(?:[A-Za-z][A-Za-z0-9+.-]*://|www\.)[!-~]*",  # addresses
        rf"[!-~{_SPACED}]*[A-Za-z0-9]@[A-Za-z0-9][!-~]*",
        # code and paths: signs of code between letters, figures and brackets
        rf"""[!-~{_SPACED}]*[{_SPACED}0-9)\]}}"'][_=/\\|{{}}\[\]<>$~^+@#*]+"""
        rf"""[{_SPACED}0-9(\[{{"'/-][!-~{_SPACED}]*""",
        rf"[{_SPACED}0-9]*[0-9][{_SPACED}0-9]*",  # figures, and letters among them
        rf"[{_SPACED}\ufffd]*\ufffd[{_SPACED}\ufffd]*",  # words that lost a letter
    )
)
_ENTITY = r"&#?[A-Za-z0-9]{2,30};"
# Joiners are letters' business in Arabic and Indic scripts, where a mark stands before them.
_STRAY_JOINERS = r"([^\p{M}\p{Arabic}])[\u200c\u200d]+"
_INVISIBLE = (
    r"[[\p{Default_Ignorable_Code_Point}\p{Cc}"
    # marks that no letter is composed of (lines through and below words), vowel points, the tatweel
    r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf-\u05c2\u05c4-\u05c7\u0640\u064b-\u0652\u0670"
    r"\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]--[\s\x1c-\x1f\u200c\u200d]]+"
)
# Letters, marks, what stands inside of words; and the danda, by which the model knows Nepali.
_NO_LETTERS = r"[^\p{L}\p{M}'\u2019\u200c\u200d\u0964]+"

_SPACE = re.compile(r"\s")


def spoken(texts: pl.Series) -> pl.Series:
    """One line of each text's words, divided by single spaces; empty if it has none.

    Null texts stay null. The work is linear in a text, and bounded by `CHARACTERS` of it.
    """
    texts = texts.clone()  # `scatter` writes in place
    long = texts.str.len_bytes() > CHARACTERS
    if long.any():
        parts = pl.Series([_parts(text) for text in texts.filter(long)], dtype=pl.String)
        texts = texts.scatter(long.arg_true(), parts)
    marked = texts.str.contains(_ENTITY).fill_null(False)
    if marked.any():
        written = pl.Series([html.unescape(text) for text in texts.filter(marked)], dtype=pl.String)
        texts = texts.scatter(marked.arg_true(), written)
    spaces = texts.str.count_matches(" ", literal=True)
    airy = (spaces * 5 > texts.str.len_chars() * 2).fill_null(False)
    if airy.any():
        texts = texts.scatter(airy.arg_true(), _together(texts.filter(airy)))
    line = (
        pl.col("text")
        .str.normalize("NFKC")
        .str.replace_all(_INVISIBLE, "")
        .str.replace_all(_STRAY_JOINERS, "$1")
        .str.replace_all(_TAG, " ")
        .str.replace_all(_NO_WORDS, " ")
        .str.to_lowercase()
        .str.replace_all("i\u0307", "i", literal=True)  # what becomes of a Turkish capital I
        .str.replace_all(_NO_LETTERS, " ")
        .str.strip_chars(" '\u2019\u0964")
    )
    return texts.to_frame("text").select(line).to_series()


def _together(texts: pl.Series) -> pl.Series:
    """Texts that are l e t t e r s p a c e d for the most part, their letters together."""
    apart = texts.str.count_matches(r"\S ") * 4 > texts.str.count_matches(r"\S") * 3
    return texts.str.replace_all(r"(\S) ", "$1").zip_with(apart, texts)


def _parts(text: str) -> str:
    """The text, or `PARTS` of it, evenly spread, each from a word's beginning where words are
    divided."""
    if len(text) <= CHARACTERS:
        return text
    size = CHARACTERS // PARTS - 1
    step = (len(text) - size) / (PARTS - 1)
    parts = []
    for number in range(PARTS):
        start = round(number * step)
        space = _SPACE.search(text, start, start + size // 2) if number else None
        begin = space.end() if space else start
        stop = min(start + size, len(text))
        end = text.rfind(" ", begin + size // 2, stop) if stop < len(text) else stop
        parts.append(text[begin : end if end > 0 else stop])
    return "\n".join(parts)
