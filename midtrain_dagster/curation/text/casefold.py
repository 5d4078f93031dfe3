"""What every character becomes under NFKC_Casefold: the tables behind `normalisation`.

NFKC_Casefold is Unicode's form for comparing without regard to case and compatibility (The Unicode
Standard, section 3.13, and UAX #44): full case folding (``ß`` is ``ss``, a final sigma a sigma),
compatibility decomposition (full width, ligatures, superscripts), no default ignorable code points,
then NFC. One thing is added, so that a text in capitals is the same text in every language: **the
Turkish i's are one letter**. The dotless and the dotted one have the capital ``I`` (in Turkish the
latter has ``İ``), so the dotless is ``i``, and a dot right above an i falls.

The data are those of Python's ``unicodedata``, and Polars' regular expressions for the property
Default_Ignorable_Code_Point. A character younger than that Unicode stays as it is.
"""

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl

from midtrain_dagster.curation.text.characters import class_table

POINTS = 0x110000
CLUSTER = 1 << 31
"""The character is not simply written: it is more or less than one, or joins what is before it."""
JOINING = 1 << 30
"""It belongs to the character before it: it may compose with it, change places or vanish."""
COMBINING = 24
"""The bit from which an entry of ``parts`` holds its canonical combining class."""
SUBSCRIPT = 240
"""The class of the one mark that folds to a letter, the iota subscript: its place is among marks,
the last, and what it folds to is a letter."""

_IOTA_SUBSCRIPT = "\u0345"
_DOTLESS_I = "\u0131"
_HANGUL = range(0xAC00, 0xD7A4)
_HANGUL_LATER = range(0x1161, 0x11C3)  # vowels and final consonants
_LIVELY = (
    *range(0x3400),
    *range(0xA000, 0xAC00),
    *range(0xF900, 0x20000),
    *range(0x2F800, 0x2FA20),
)
"""Every character with a case, a decomposition or a combining class but Hangul's syllables: all
but ideographs, Hangul and what is for private use."""


class Casefold(NamedTuple):
    """The tables, by code point."""

    written: np.ndarray
    """uint32: bits 0 to 20 hold the folded character and 24 to 29 its class, where it is one that
    nothing else touches and that has no more bytes; else CLUSTER, and perhaps JOINING."""
    first: np.ndarray
    """int32, one more than there are code points: where a character's parts begin in ``parts``."""
    parts: np.ndarray
    """uint32: folded and fully decomposed characters, the combining class from bit COMBINING."""
    classes: np.ndarray
    """uint8: the class (see `characters`)."""
    pairs: np.ndarray
    """uint64, sorted: two characters that NFC composes, the first from bit 21 (no Hangul)."""
    composed: np.ndarray
    """int32: what they compose to."""


@cache
def casefold_tables() -> Casefold:
    """The tables. They cost a second, once a process."""
    pairs = _pairs()
    ignorable = _ignorable()
    classes = class_table()
    written = np.arange(POINTS, dtype=np.uint32) | classes.astype(np.uint32) << np.uint32(24)
    parts = _changes(ignorable)
    for point, folded in parts.items():
        whole = unicodedata.normalize("NFC", folded)
        alone = len(whole) == 1 and len(whole.encode()) <= len(chr(point).encode())
        written[point] = ord(whole) | int(classes[ord(whole)]) << 24 if alone else CLUSTER
    combining = np.zeros(POINTS, np.uint32)
    combining[list(_LIVELY)] = [unicodedata.combining(chr(point)) for point in _LIVELY]
    joining = combining > 0
    joining[[ord(second) for _, second in pairs]] = True
    joining[_HANGUL_LATER.start : _HANGUL_LATER.stop] = True
    joining[[point for point, folded in parts.items() if not folded or joining[ord(folded[0])]]] = 1
    written[joining] = CLUSTER | JOINING
    keys = sorted((ord(one) << 21 | ord(two), ord(both)) for (one, two), both in pairs.items())
    return Casefold(
        written,
        *_pool(parts, combining),
        classes,
        np.array([key for key, _ in keys], np.uint64),
        np.array([both for _, both in keys], np.int32),
    )


def _pairs() -> dict[tuple[str, str], str]:
    """What composes in NFC, by its two parts."""
    found = {}
    for character in map(chr, _LIVELY):
        parts = unicodedata.decomposition(character).split()
        if len(parts) == 2 and parts[0][0] != "<":
            one, two = (chr(int(part, 16)) for part in parts)
            if unicodedata.normalize("NFC", one + two) == character:
                found[one, two] = character
    return found


def _ignorable() -> set[str]:
    """Unicode's Default_Ignorable_Code_Point: what a reader does not see."""
    points = np.arange(POINTS, dtype="<u4")
    every = np.delete(points, np.arange(0xD800, 0xE000)).tobytes().decode("utf-32-le")
    return set(pl.Series([every]).str.extract_all(r"\p{Default_Ignorable_Code_Point}").item())


def _changes(ignorable: set[str]) -> dict[int, str]:
    """Of each character that does not stay as it is, folded and taken apart."""
    found = {point: unicodedata.normalize("NFD", chr(point)) for point in _HANGUL}
    for point in _LIVELY:
        character = chr(point)
        folded = unicodedata.normalize("NFKD", character).casefold()
        if folded != character:
            found[point] = _folded(unicodedata.normalize("NFD", character), ignorable)
    return found | {ord(character): "" for character in ignorable} | {ord(_DOTLESS_I): "i"}


def _folded(text: str, ignorable: set[str]) -> str:
    """The form that folds to itself, decomposed: in a round or two."""
    while True:
        folded = unicodedata.normalize("NFKD", text).casefold().replace(_DOTLESS_I, "i")
        folded = unicodedata.normalize("NFKD", folded)
        folded = "".join(character for character in folded if character not in ignorable)
        if folded == text:
            return text
        text = folded


def _pool(parts: dict[int, str], combining: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``first`` and ``parts`` of the tables."""
    counts = np.ones(POINTS, np.int32)
    counts[list(parts)] = [len(each) for each in parts.values()]
    first = np.zeros(POINTS + 1, np.int32)
    np.cumsum(counts, out=first[1:])
    pool = np.zeros(first[-1], np.uint32)
    pool[first[:-1][counts == 1]] = np.flatnonzero(counts == 1)
    for point, each in parts.items():
        pool[first[point] : first[point + 1]] = [ord(part) for part in each]
    pool |= combining[pool] << np.uint32(COMBINING)
    for point in parts:
        if _IOTA_SUBSCRIPT in unicodedata.normalize("NFKD", chr(point)):
            pool[first[point + 1] - 1] |= np.uint32(SUBSCRIPT << COMBINING)
    return first, pool
