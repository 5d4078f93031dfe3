"""Unicode classes of a text column: one class for every byte of UTF-8.

Everything the heuristics ask of a character (is it a letter, a space, the end of a sentence?) is
decided here once, so that the kernels behind it walk over bytes and never decode. A character's
class stands at its first byte; its other bytes are ``CONTINUATION``.

The classes follow the general categories of Python's ``unicodedata``, so a Python with a newer
Unicode may move a rare character. The price is one more byte of memory per byte of text, which is
why callers work in chunks of a few megabytes.
"""

import unicodedata
from functools import cache

import numpy as np

from midtrain_dagster.core.jit import jit

# The kernels compare ranges: LETTER to SPACELESS make words, APOSTROPHE to WIDE_STOP end lines.
CONTINUATION = 0
LETTER = 1
NUMBER = 2
SPACELESS = 3  # a letter of a script that puts no space between words
MARK = 4  # combining marks and invisible format characters: they belong to the word around them
SPACE = 5
APOSTROPHE = 6
STOP = 7  # may end a sentence if a space follows
WIDE_STOP = 8  # ends a sentence in scripts without spaces
CLOSING = 9  # a quotation mark or bracket that may follow the end of a sentence
OTHER = 10

_CLASS_OF_CATEGORY = {"L": LETTER, "N": NUMBER, "M": MARK, "Z": SPACE}
_CLASS_OF_CHARACTER = (
    dict.fromkeys("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85", SPACE)
    | dict.fromkeys("\u00ad\u200c\u200d", MARK)
    | dict.fromkeys("'\u2019", APOSTROPHE)
    | dict.fromkeys(".!?\u2026", STOP)
    | dict.fromkeys("\u3002\uff01\uff1f", WIDE_STOP)
    | dict.fromkeys('")]}\u201d\u00bb\u300d\u300f', CLOSING)
)
_SPACELESS_SCRIPTS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x3005, 0x3007),
    (0x3031, 0x303C),  # marks of repetition
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3100, 0x312F),  # Bopomofo
    (0x31A0, 0x31BF),
    (0x31F0, 0x31FF),
    (0x3400, 0x9FFF),  # Han
    (0xA000, 0xA4CF),  # Yi
    (0xA980, 0xA9FF),  # Javanese, Myanmar
    (0xAA60, 0xAADF),  # Myanmar, Tai Viet
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9D),
    (0x11700, 0x1174F),  # Ahom
    (0x17000, 0x18D8F),  # Tangut, Khitan
    (0x1AFF0, 0x1B2FF),  # Kana, Nushu
    (0x20000, 0x323AF),
)
"""Scripts that put no space between words: those of UAX #14's classes ID and SA, kana, Bopomofo,
Balinese and Javanese. Hangul, Tibetan and Ethiopic part their words or syllables."""
_LAST_LETTER = 0x323AF  # beyond it Unicode has only variation selectors, tags and private use


def eights(buffer: np.ndarray) -> np.ndarray:
    """The eight bytes from each byte on, as little-endian uint64: a view, seven shorter, no copy.

    Kernels hash and compare by them instead of by single bytes. A buffer of less than nine bytes is
    filled up with zeros, so that the view has two items: one with a single item is contiguous, and
    kernels would be compiled once more for it.
    """
    if buffer.size < 9:
        writeable = buffer.flags.writeable
        buffer = np.concatenate([buffer, np.zeros(9 - buffer.size, np.uint8)])
        buffer.flags.writeable = writeable
    return np.ndarray(buffer.size - 7, "<u8", buffer, strides=(1,))


def class_of(character: str) -> int:
    """The class of one character."""
    return int(class_table()[ord(character)])


@cache
def class_table() -> np.ndarray:
    """The class of every code point, as uint8: by its category, then by its script, then its own.

    Each process that reads words makes it: of whole ranges, in some hundredths of a second.
    """
    table = np.full(0x110000, OTHER, np.uint8)
    categories = "".join(map(unicodedata.category, map(chr, range(_LAST_LETTER + 1))))
    first = np.frombuffer(categories.encode(), np.uint8)[::2]
    for category, kind in _CLASS_OF_CATEGORY.items():
        table[: _LAST_LETTER + 1][first == ord(category)] = kind
    for low, high in _SPACELESS_SCRIPTS:
        script = table[low : high + 1]
        script[script == LETTER] = SPACELESS
    table[[ord(character) for character in _CLASS_OF_CHARACTER]] = [*_CLASS_OF_CHARACTER.values()]
    table[0xE0100:0xE01F0] = MARK  # variation selectors
    return table


def classify(buffer: np.ndarray) -> np.ndarray:
    """The class of every byte of valid UTF-8, as uint8 of the same length."""
    return _classify(buffer, class_table())


@jit
def _classify(buffer, table):  # type: ignore[no-untyped-def]
    classes = np.zeros(buffer.size, np.uint8)
    position = 0
    while position < buffer.size:
        first = np.int64(buffer[position])
        if first < 0x80:
            classes[position] = table[first]
            position += 1
            continue
        if first < 0xE0:
            point, length = first & 0x1F, 2
        elif first < 0xF0:
            point, length = first & 0x0F, 3
        else:
            point, length = first & 0x07, 4
        for step in range(1, length):
            point = (point << 6) | (np.int64(buffer[position + step]) & 0x3F)
        classes[position] = table[point]
        position += length
    return classes
