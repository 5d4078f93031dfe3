"""How unlike English the letters of a document's words follow one another.

The surprise of a document is the mean of -log2 P(letter | letter before it), in bits, over its
different words; ``P`` is a table of letter pairs with the edges of words, counted over the 23,593
different words of the evaluation passages in the default data (web text and Wikipedia; the test
makes the table anew) with one added to each count. Each word counts once, because a few function
words would otherwise outweigh the rest.

English prose has about 3.6 bits, German manual pages 3.9, its own letters shuffled 4.8, random ones
6. Only ASCII letters are judged, case ignored, all else is an edge; where they are less than half
of the characters of the different words, as in other scripts or hexadecimal data, nothing is judged
(0). Plausible nonsense, such as shuffled words or the output of a Markov chain, does not surprise.
It is a cheap sieve for keyboard mash, encoded data and broken extraction, not a judge of sense.
"""

from functools import cache

import numpy as np

from midtrain_dagster.core.jit import jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.text.vocabulary import Vocabulary
from midtrain_dagster.curation.text.words import Words

QUARTER_BITS = """
wGHEHIIKJJPNJGLMFVHDHONLfUW
FXLHJUSLRJXNDIBaLcCHCNORYNU
JBMTUAZbRDVbCUXCahDJQEZelOh
HCbMbDcaCGpGIcbAdZHRFJhdpPc
6GYXOAXRTCaeOSVGaiKJWKUTlQd
BISKDMQPXPcXHKDSOYBDJTOROQZ
IDaUbBEafAffFcfCXjFQKGcafOc
7EYbXBbNHFeeKVMHYjFLSIeYgPc
D9UXV9YedBiZPOQBZdKRJJeTiMi
JHPFKHOKcYbRHK8FOaJEFVLeXbP
J8XUTAbUPEURbRTARXTQUAUUbTb
ADVWU9XXLBaRMULIWeMFRKeRiKi
DCTULASUbBeSDRZEVqaLMKUYqGe
E9JRZAbfcCfdVJTDFnWLZJbZhQh
AFVIFEQBWGYQUXMJYeXFDPSXhRW
HOOKLSQLTPcPFH9KKiBIIFLKVSX
HCZYYBcaHFdYFXbCHnBKIIcfjSj
HITXTTXXXLXTORXXTPTPX2XTXXT
DCQNLAUNWCgPQMMERfLGILRWgLc
6JWKZEZaHGiQPPUJKYYHBJbSjSf
CEYQbAZcGAldNVXFZkFHKKaVhMZ
KJJIKIPKYJcREHCUKbBCEaWZWYX
JAcec5eZe8iaYcXFeiSYXSiieUi
F8TTOARbIBdTNXHDWhLJTXhVhSb
AGSFaESaMCaUWWaKAaaUCKRWQMa
3HQNQIYWbLbXLLMLNkOHOQcTdcX
CARbQ7VVKCXXRSTFbbSRSKVXTLJ
"""
"""A row for the edge of a word and for a to z as the letter before, a column for each as the letter
that follows; the surprise in quarters of a bit, as a digit of base 62 (0-9, A-Z, a-z)."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@cache
def _table() -> np.ndarray:
    """The surprise in bits: float32 of shape (27, 27)."""
    rows = [[_DIGITS.index(digit) for digit in row] for row in QUARTER_BITS.split()]
    return np.array(rows, np.float32) / 4


def surprise(text: Text, words: Words, vocabulary: Vocabulary) -> np.ndarray:
    """Each document's mean surprise in bits (float64); 0 where too few letters are ASCII's."""
    spans = (words.starts, words.stops, words.characters)
    return _surprise(text.buffer, *spans, vocabulary.offsets, vocabulary.firsts, _table())


@jit
def _surprise(  # type: ignore[no-untyped-def]
    buffer, starts, stops, characters, offsets, firsts, table
):
    mean = np.zeros(offsets.size - 1)
    for document in range(mean.size):
        bits, pairs, letters, length = np.float32(0), 0, 0, 0
        for word in range(offsets[document], offsets[document + 1]):
            first = firsts[word]
            length += characters[first]
            before = 0
            for position in range(starts[first], stops[first]):
                letter = np.int64(buffer[position] | 0x20) - 0x60
                if not 1 <= letter <= 26 or buffer[position] < 0x41:
                    letter = 0
                if before or letter:
                    bits += table[before, letter]
                    pairs += 1
                letters += letter > 0
                before = letter
            if before:
                bits += table[before, 0]
                pairs += 1
        if letters and 2 * letters >= length:
            mean[document] = bits / pairs
    return mean
