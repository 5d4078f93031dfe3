import random
import re
from base64 import b64encode

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.signals.letters import QUARTER_BITS, surprise
from midtrain_dagster.curation.text.vocabulary import find
from midtrain_dagster.curation.text.words import split

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def surprises(*texts: str) -> list[float]:
    text = text_buffer(pl.Series(texts))
    words = split(text)
    return surprise(text, words, find(words)).tolist()


def test_the_table_is_that_of_the_passages(passages: pl.DataFrame) -> None:
    alone = re.compile(r"(?<![^\W_])[A-Za-z]+(?![^\W_])")
    words = {word.lower() for text in passages["text"] for word in alone.findall(text)}
    assert len(words) == 23_593
    counts = np.ones((27, 27))
    for word in words:
        letters = [0, *(ord(letter) - ord("a") + 1 for letter in word), 0]
        np.add.at(counts, (letters[:-1], letters[1:]), 1)
    bits = -np.log2(counts / counts.sum(axis=1, keepdims=True))
    rows = ["".join(DIGITS[round(each * 4)] for each in row) for row in bits]
    assert QUARTER_BITS.split() == rows


def test_the_surprise_of_a_word_is_the_mean_of_its_pairs() -> None:
    rows = QUARTER_BITS.split()
    pairs = [rows[0][1], rows[1][20], rows[20][0]]  # edge a, a t, t edge
    expected = sum(map(DIGITS.index, pairs)) / 4 / 3
    assert surprises("at", "AT at!", "at 7", "at été", "42") == pytest.approx(
        [expected, expected, expected, surprises("at t")[0], 0], abs=1e-6
    )


def test_nonsense_surprises_and_prose_does_not(passages: pl.DataFrame) -> None:
    prose = passages["text"].head(200).to_list()
    rng = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz"
    nonsense = [
        *("".join(rng.choices(letters + "     ", k=600)) for _ in range(50)),
        *(" ".join("".join(rng.choices("asdfghjkl", k=8)) for _ in range(80)) for _ in range(50)),
        *(b64encode(rng.randbytes(500)).decode() for _ in range(50)),
    ]
    assert max(surprises(*prose)) < 4.4 < min(surprises(*nonsense))
