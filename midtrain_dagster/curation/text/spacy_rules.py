"""spaCy's rules for English tokens, as tables that kernels read.

``spacy_english.json`` holds them: which characters are prefixes, suffixes, letters and so on, as
ranges of code points; the exceptions with their pieces; units and currencies.
`benchmarks.spacy_english` writes it from spaCy 3.8 itself, whose patterns it asks of every
character. spaCy: MIT licence, (C) 2016-2024 ExplosionAI GmbH, 2016 spaCy GmbH, 2015 Matthew
Honnibal.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

CLASSES = (
    "prefix",
    "suffix",
    "before_final_dot",
    "alpha",
    "lower",
    "upper",
    "quote",
    "icon",
    "word",
    "punctuation",
    "sentence_stop",
)
(
    PREFIX,
    SUFFIX,
    BEFORE_FINAL_DOT,
    ALPHA,
    LOWER,
    UPPER,
    QUOTE,
    ICON,
    WORD,
    PUNCTUATION,
    SENTENCE_STOP,
) = (1 << bit for bit in range(len(CLASSES)))

EXCEPTION, REJOINED, AFTER_DIGIT = 1, 2, 4
"""Kinds of strings: one with pieces of its own; one of these that is put together again where
tokens spell it; a unit or currency, which is a suffix behind a digit."""

LONGEST = 31
"""Bytes of the longest string, so that its cuts fit into 32 bits."""

BITS = 13
MULTIPLIER = 0x9E3779B97F4A7C15


class Rules(NamedTuple):
    """What the kernel asks of characters and strings."""

    classes: np.ndarray
    """uint16 for every code point, the sum of its classes."""
    keys: np.ndarray
    """uint64, a table of the hashes of strings with open addressing."""
    kinds: np.ndarray
    """uint8, the sum of the kinds of each string, 0 in free places."""
    pieces: np.ndarray
    """uint32, at which bytes an exception is cut: bit k for byte k."""
    plain: np.ndarray
    """uint32, at which bytes it would be cut if it were none."""
    lengths: np.ndarray
    """uint32, for the first and last byte of a string (`place`) the lengths in bytes that occur:
    most strings need no look into the table."""


@cache
def rules() -> Rules:
    """The rules of ``spacy_english.json``."""
    file = files("midtrain_dagster.curation.text") / "spacy_english.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    return Rules(_characters(content["classes"]), *_strings(content))


def string_hash(string: bytes) -> int:
    """The hash by which the kernel looks a string up: eight bytes at a time, multiply and fold."""
    bits = (1 << 64) - 1
    state = len(string) * MULTIPLIER & bits
    for start in range(0, len(string), 8):
        state = (state ^ int.from_bytes(string[start : start + 8], "little")) * MULTIPLIER & bits
        state ^= state >> 32
    return state


def place(first: int, last: int) -> int:
    """Where `Rules.lengths` has the strings with this first and last byte."""
    return (first << 5 ^ last) & 0xFFF


def _characters(classes: dict[str, str]) -> np.ndarray:
    table = np.zeros(0x110000, np.uint16)
    for bit, name in enumerate(CLASSES):
        for each in classes[name].split():
            first, _, last = each.partition("-")
            table[int(first, 16) : int(last or first, 16) + 1] |= 1 << bit
    return table


def _strings(content: dict[str, Any]) -> tuple[np.ndarray, ...]:
    exceptions, after_digit = content["exceptions"], set(content["after_digit"])
    keys, lengths = np.zeros(1 << BITS, np.uint64), np.zeros(1 << 12, np.uint32)
    kinds, pieces, plain = (np.zeros(keys.size, kind) for kind in (np.uint8, np.uint32, np.uint32))
    for string in (*exceptions, *(after_digit - exceptions.keys())):
        spelt = string.encode()
        lengths[place(spelt[0], spelt[-1])] |= 1 << len(spelt)
        key = string_hash(spelt)
        slot = key >> (64 - BITS)
        while kinds[slot]:
            slot = (slot + 1) % keys.size
        keys[slot], kinds[slot] = key, AFTER_DIGIT * (string in after_digit)
        if string in exceptions:
            rule, *cut = exceptions[string]
            kinds[slot] |= EXCEPTION | REJOINED * bool(cut)
            pieces[slot] = _cuts(rule)
            plain[slot] = _cuts(cut[0]) if cut else 0
    return keys, kinds, pieces, plain, lengths


def _cuts(pieces: list[str]) -> int:
    """Bit k for every piece but the first that starts at byte k."""
    ends = np.cumsum([len(piece.encode()) for piece in pieces])
    return sum(1 << int(end) for end in ends[:-1])
