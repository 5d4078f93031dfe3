"""Keys that their vendors mark: the rules of Kingfisher and Betterleaks, run by Vectorscan.

The patterns of some hundred vendors are those of a maintained scanner, taken with the package
``kingfisher-secret-scanner`` (Apache 2.0); `vendor_keys.yaml` adds what these find only beside a
word or a second key. All are searched in one pass of an automaton, in linear time and without the
network. Rules that only help others (accounts' names, addresses of services) find no secrets.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text

if TYPE_CHECKING:
    from kingfisher_sdk import Scanner

SHORTEST = 16
"""Signs that a key has at the least, with what belongs to it."""

BEFORE, BEHIND = 128, 48
"""Bytes around such a run of signs that are scanned too, for the words that rules ask for."""

PIECE, LONGEST = 2**16, 2**14
"""Bytes of windows scanned at a time, and of the longest key."""

_RULES = Path(__file__).with_name("vendor_keys.yaml")
_REST = re.compile(rb"[A-Za-z0-9_-]*")
_DIGITS, _LOWER = b"0123456789", b"abcdefghijklmnopqrstuvwxyz"
_IS_RUN = np.zeros(256, np.bool_)
_IS_RUN[list(_DIGITS + _LOWER + _LOWER.upper() + b"_-=+/.:~$%@|!")] = True
_IS_TOKEN = np.zeros(256, np.bool_)
_IS_TOKEN[list(_DIGITS + _LOWER + _LOWER.upper() + b"_-=")] = True
_ENDS, _MAY_END = 1, 2
_PUNCTUATION = np.zeros(256, np.uint8)
_PUNCTUATION[list(b")]<,&*#|")] = _ENDS
_PUNCTUATION[list(b".:!?>}~")] = _MAY_END  # before a further word they belong to what stands there


def marked_keys(text: Text) -> Iterator[tuple[int, int, int]]:
    """Document's number, start and stop in the buffer of each key, in the order of documents."""
    copied, windows = _windows(text.buffer, text.offsets, _IS_RUN, _IS_TOKEN, _PUNCTUATION)
    data = copied.tobytes()
    documents = np.unique(windows[:, 0], return_index=True)[1].tolist()
    for first, last in pairwise([*documents, len(windows)]):
        number, begin, _ = windows[first].tolist()
        end = int(windows[last, 1]) if last < len(windows) else len(data)
        for start, stop in _found(data, begin, end):
            # Of a key longer than its vendor's oldest ones nothing is left standing.
            rest = _REST.match(data, stop, end) if _IS_TOKEN[data[stop - 1]] else None
            shift = int(windows[windows[:, 1].searchsorted(start, side="right") - 1, 2])
            yield number, start + shift, (rest.end() if rest else stop) + shift


def _found(data: bytes, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Start and stop of each key in a document's windows.

    The scanner counts the lines before each finding, so long documents are read in pieces; one
    reaches as far into the next as the longest private key.
    """
    scan = _scanner().scan
    for piece in range(begin, end, PIECE):
        first = max(begin, piece - BEFORE)
        for finding in scan(data[first : min(end, piece + PIECE + LONGEST)]):
            place = finding.location
            start = first + place["start_offset"]
            if finding.visible and piece <= start < piece + PIECE:
                yield start, first + place["end_offset"]


@cache
def _scanner() -> "Scanner":
    from kingfisher_sdk import Rules, Scanner

    return Scanner(Rules([_RULES], confidence="low"), base64=False)


@inlined
def _holds_key(buffer, start, stop):  # type: ignore[no-untyped-def]
    """Whether a digit or an inner capital is among a run of signs."""
    before = 0
    for place in range(start, stop):
        byte = buffer[place]
        if 0x30 <= byte <= 0x39 or (0x41 <= byte <= 0x5A and 0x61 <= before <= 0x7A):
            return True
        before = byte
    return False


@inlined
def _copy(buffer, first, last, begin, end, out, size, is_run, is_token, punctuation):  # type: ignore[no-untyped-def]
    """Write a window behind ``size`` bytes of ``out``; returns how many there are then."""
    for place in range(first, last):
        byte = buffer[place]
        if byte >= 0x80:
            byte = 0x3B
        elif punctuation[byte] and place > begin and is_token[buffer[place - 1]]:
            last_sign = place + 1 == end or not is_run[buffer[place + 1]]
            if punctuation[byte] == 1 or last_sign:
                byte = 0x3B
        out[size] = byte
        size += 1
    return size


@jit
def _windows(buffer, offsets, is_run, is_token, punctuation):  # type: ignore[no-untyped-def]
    """The parts of a text where keys may stand, and where they come from.

    A key is a run of signs with a digit or an inner capital. Of ordinary text a small part is left,
    which the scanner reads at once for each document. In the copy semicolons stand for the
    punctuation behind a word, and for all that is not ASCII: many rules ask for white space, a
    quote or a semicolon there. Windows are int64 of shape (windows, 3): the document's number,
    where the window begins in the copy, and what leads from there to the text.
    """
    size, found, room = 0, 0, 1024
    out = np.empty(buffer.size, np.uint8)
    windows = np.empty((room, 3), np.int64)
    for document in range(offsets.size - 1):
        begin, end = offsets[document], offsets[document + 1]
        free, copied = begin, begin
        while free + SHORTEST <= end:
            # Backwards, so that the first sign that parts runs is the furthest to go on behind.
            start = free + SHORTEST - 1
            while start >= free and is_run[buffer[start]]:
                start -= 1
            if start >= free:
                free = start + 1
                continue
            start, stop = free, free + SHORTEST
            while stop < end and is_run[buffer[stop]]:
                stop += 1
            free = stop + 1
            if not _holds_key(buffer, start, stop):
                continue
            first, last = max(copied, start - BEFORE), min(end, stop + BEHIND)
            joined = first == copied and copied > begin
            if not joined:
                while first < start and first > begin and buffer[first] > 0x20:
                    first += 1
                if found and windows[found - 1, 0] == document:
                    out[size] = 0x0A  # in the place of what is left out
                    size += 1
                if found == room:
                    grown = np.empty((2 * room, 3), np.int64)
                    grown[:room] = windows
                    windows, room = grown, 2 * room
                windows[found, 0] = document
                windows[found, 1] = size
                windows[found, 2] = first - size
                found += 1
            size = _copy(buffer, first, last, begin, end, out, size, is_run, is_token, punctuation)
            copied = last
    return out[:size], windows[:found]
