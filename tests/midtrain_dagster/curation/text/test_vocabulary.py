from math import log2

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text.vocabulary import entropy, find
from midtrain_dagster.curation.text.words import split

DOCUMENTS = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=30), max_size=4)


@settings(max_examples=75, deadline=None)
@given(DOCUMENTS)
def test_words_are_numbered_by_first_occurrence(documents: list[list[str]]) -> None:
    texts = pl.Series("text", [" ".join(document) for document in documents], pl.String)
    words = split(text_buffer(texts))
    found = find(words)
    bits = entropy(found).tolist()
    for row, document in enumerate(documents):
        different = list(dict.fromkeys(document))
        mine = slice(found.offsets[row], found.offsets[row + 1])
        numbers = found.numbers[words.offsets[row] : words.offsets[row + 1]]
        assert numbers.tolist() == [different.index(word) for word in document]
        assert found.counts[mine].tolist() == [document.count(word) for word in different]
        firsts = found.firsts[mine] - words.offsets[row]
        assert firsts.tolist() == [document.index(word) for word in different]
        shares = [document.count(word) / len(document) for word in different]
        assert bits[row] == pytest.approx(-sum(share * log2(share) for share in shares))
