import unicodedata
from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.personal_data.folding import folded, stand_ins, word_signs

SIGNS = "a1 é世😀\u00a0\u2011\uff10\u0660\u200b\u00ad\uff21\u202f"


def naive(text: str) -> str:
    table = stand_ins()
    out = []
    for sign in text:
        stand_in = int(table[ord(sign)]) if ord(sign) < 0x10000 else 0
        out.append(sign if stand_in == 0 else "" if stand_in == 1 else chr(stand_in))
    return "".join(out)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(alphabet=SIGNS, max_size=12), max_size=4))
def test_folding_is_that_of_each_sign(texts: list[str]) -> None:
    fold = folded(text_buffer(pl.Series("text", texts, pl.String)))
    bounds = fold.text.offsets
    assert [
        fold.text.buffer[start:stop].tobytes().decode() for start, stop in pairwise(bounds)
    ] == [naive(text) for text in texts]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=SIGNS, max_size=12), st.text(alphabet=SIGNS, max_size=12))
def test_spans_lead_back_to_what_was_written(before: str, behind: str) -> None:
    text = f"{before}xy\u200bz{behind}"
    fold = folded(text_buffer(pl.Series("text", [text], pl.String)))
    start = len(naive(before).encode())
    (span,) = fold.spans(np.array([[start, start + 3]])).tolist()
    assert text.encode()[span[0] : span[1]].decode() == "xy\u200bz"


def test_what_is_folded() -> None:
    table = stand_ins()
    assert {chr(table[ord(sign)]) for sign in "\u00a0\u2009\u202f\u3000"} == {" "}
    assert {chr(table[ord(sign)]) for sign in "\u2010\u2011\u2013\u2212\uff0d"} == {"-"}
    assert [chr(table[ord(sign)]) for sign in "\uff13\u0663\u0969\uff20"] == ["3", "3", "3", "@"]
    assert {int(table[ord(sign)]) for sign in "\u00ad\u200b\u200d\u202a\ufeff"} == {1}
    assert {int(table[ord(sign)]) for sign in "é世\u3002\u2014"} == {0}


def test_numbers_stand_beside_letters_of_scripts_without_spaces() -> None:
    words = word_signs()
    assert all(words[ord(sign)] for sign in "aZ9_éяלपह")
    assert not any(words[ord(sign)] for sign in "-.世かカ한ไ\u3002")
    assert words[ord(unicodedata.normalize("NFD", "é")[1])]
