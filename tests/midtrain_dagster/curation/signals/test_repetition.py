from collections import Counter

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.signals.repetition import DUPLICATE, TOP, Repetition, count
from midtrain_dagster.curation.text.vocabulary import find
from midtrain_dagster.curation.text.words import split

WORDS = st.sampled_from(["a", "bb", "ccc", "dddd"])
PASSAGE = ["it", "was", "the", "best", "of", "times", "and", "the", "worst", "of", "them", "all"]
DOCUMENT = st.lists(WORDS | st.sampled_from(PASSAGE), max_size=40) | st.lists(
    st.sampled_from([["a"], ["bb"], PASSAGE, PASSAGE[3:]]), max_size=6
).map(lambda pieces: [word for piece in pieces for word in piece])
DOCUMENTS = st.lists(DOCUMENT, max_size=4)


def repetition(documents: list[list[str]]) -> Repetition:
    texts = pl.Series("text", [" ".join(document) for document in documents], pl.String)
    words = split(text_buffer(texts))
    return count(words.offsets, words.characters, find(words))


def naive_top(words: list[str], n: int) -> int:
    counted = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    repeated = [(often, len(" ".join(ngram))) for ngram, often in counted.items() if often > 1]
    often, length = max(repeated, default=(0, 0))
    return often * length


def naive_duplicates(words: list[str], n: int) -> int:
    """datatrove's ``find_all_duplicate``, but for its joining of words without a separator."""
    seen, repeated, index = set(), 0, 0
    while index < len(words) - n + 1:
        ngram = tuple(words[index : index + n])
        if ngram in seen:
            repeated += sum(map(len, ngram))
            index += n
        else:
            seen.add(ngram)
            index += 1
    return repeated


def naive_top_datatrove(words: list[str], n: int) -> int:
    """datatrove's ``find_top_duplicate``."""
    ngrams = [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
    if not ngrams:
        return 0
    ngram, often = Counter(ngrams).most_common(1)[0]
    return len(ngram) * often


def naive_repeated(words: list[str], n: int) -> int:
    """DCLM's: the characters of the words that lie in n-grams that occur twice."""
    ngrams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    often = Counter(ngrams)
    inside = {i + k for i, ngram in enumerate(ngrams) if often[ngram] > 1 for k in range(n)}
    return sum(len(words[i]) for i in inside)


@settings(max_examples=75, deadline=None)
@given(DOCUMENTS)
@example([PASSAGE * 3, [], ["a"] * 30, ["a", "bb"] * 15])
def test_ngrams_as_counted_with_strings(documents: list[list[str]]) -> None:
    found = repetition(documents)
    for row, words in enumerate(documents):
        assert found.top[row].tolist() == [naive_top(words, n) for n in TOP]
        assert found.top_datatrove[row].tolist() == [naive_top_datatrove(words, n) for n in TOP]
        assert found.duplicate[row].tolist() == [naive_duplicates(words, n) for n in DUPLICATE]
        assert found.repeated[row].tolist() == [naive_repeated(words, n) for n in DUPLICATE]
        for column, n in enumerate(TOP):
            often = max(
                Counter(zip(*(words[k:] for k in range(n)), strict=False)).values(), default=0
            )
            spaces = often * (n - 1) if often > 1 else 0
            assert found.top_words[row, column] == found.top[row, column] - spaces
