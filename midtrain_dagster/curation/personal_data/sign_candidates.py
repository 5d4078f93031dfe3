"""Where an e-mail address, a key or a token may stand: a pass over the bytes.

The kernel stops at ``@``, at ``=`` and ``:`` (behind the name of a key), and at the rarest byte of
the prefixes by which issuers mark their keys.
"""

import numpy as np

from midtrain_dagster.core.jit import inlined, jit

EMAIL, ASSIGNED_SECRET, KNOWN_SECRET = range(3)

KEY_PREFIXES = (
    "AKIA", "ASIA", "AIza", "eyJ",
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "sk_live_", "rk_live_", "hf_", "npm_",
    "glpat-", "sk-", "xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "-----BEGIN ",
)  # fmt: skip
"""How keys begin that are known by their first letters; `secrets` judges what follows."""

KEY_NAMES = ("key", "token", "secret", "passw", "pwd", "credential")
"""What the name of a variable holds, in any case, whose value may be a secret."""

SHORTEST_SECRET, LONGEST_SECRET = 16, 256
"""Bytes that an assigned value has if it may be a secret."""


def _table(characters: str) -> np.ndarray:
    table = np.zeros(256, np.bool_)
    table[list(characters.encode())] = True
    return table


def _packed(words: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Words as one array of bytes and the bounds of each in it."""
    data = np.frombuffer("".join(words).encode(), np.uint8)
    return data, np.cumsum([0, *map(len, words)])


_DIGITS = "0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_IS_LOCAL = _table(_DIGITS + _LETTERS + "._%+-")
_IS_DOMAIN = _table(_DIGITS + _LETTERS + ".-")
_IS_VALUE = _table(_DIGITS + _LETTERS + "+/_=.-")
_IS_NAME = _table(_DIGITS + _LETTERS + "_.-")
# A prefix is looked for where its rarest byte stands, not at every word that begins like it.
_ANCHORS = np.array(
    [next(at for at in range(9) if prefix[at] in "AJ_-") for prefix in KEY_PREFIXES]
)


_AT, _ASSIGN, _PREFIX = 1, 2, 3
_TRIGGERS = np.zeros(256, np.uint8)
_TRIGGERS[list(b"@")] = _AT
_TRIGGERS[list(b"=:")] = _ASSIGN
_TRIGGERS[list(b"AJ_-")] = _PREFIX


def sign_candidates(buffer: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Kind, start and stop of each candidate, in order: int64 of shape (candidates, 3).

    ``buffer`` and ``offsets`` are those of a `core.text_buffer.Text`. Of a KNOWN_SECRET only its
    prefix is spanned.
    """
    tables = _IS_LOCAL, _IS_DOMAIN, _IS_VALUE, _IS_NAME
    prefixes, names = _packed(KEY_PREFIXES), _packed(KEY_NAMES)
    return _candidates(buffer, offsets, _TRIGGERS, *tables, *prefixes, _ANCHORS, *names)


@inlined
def _is_digit(byte):  # type: ignore[no-untyped-def]
    return 0x30 <= byte <= 0x39


@inlined
def _is_alphanumeric(byte):  # type: ignore[no-untyped-def]
    return 0x30 <= byte <= 0x39 or 0x41 <= byte <= 0x5A or 0x61 <= byte <= 0x7A


@inlined
def _run(buffer, position, end, table):  # type: ignore[no-untyped-def]
    """Where the run of the table's bytes stops that begins at ``position``."""
    while position < end and table[buffer[position]]:
        position += 1
    return position


@inlined
def _email(buffer, at, begin, end, is_local, is_domain):  # type: ignore[no-untyped-def]
    """The span around ``@``, or an empty one."""
    start = at
    while start > begin and at - start < 64 and is_local[buffer[start - 1]]:
        start -= 1
    while start < at and not _is_alphanumeric(buffer[start]):
        start += 3 if buffer[start] == 0x25 else 1  # a URL's escape such as %20
    stop = _run(buffer, at + 1, min(end, at + 254), is_domain)
    while stop > at and not _is_alphanumeric(buffer[stop - 1]):
        stop -= 1
    dotted = False
    for position in range(at + 1, stop):
        dotted = dotted or buffer[position] == 0x2E
    if start >= at or not dotted or not _is_alphanumeric(buffer[at + 1]):
        return at, at
    return start, stop


@inlined
def _names_key(buffer, begin, stop, is_name, names, bounds):  # type: ignore[no-untyped-def]
    """Whether the name that ends before ``stop`` (spaces and a quote aside) names a secret."""
    while stop > begin and buffer[stop - 1] in (0x20, 0x22, 0x27, 0x5D):
        stop -= 1
    start = stop
    while start > begin and stop - start < 40 and is_name[buffer[start - 1]]:
        start -= 1
    for name in range(bounds.size - 1):
        first, last = bounds[name], bounds[name + 1]
        for position in range(start, stop - (last - first) + 1):
            index = first
            while index < last and buffer[position + index - first] | 0x20 == names[index]:
                index += 1
            if index == last:
                return True
    return False


@inlined
def _assigned(buffer, sign, begin, end, is_value, is_name, names, bounds):  # type: ignore[no-untyped-def]
    """The value behind ``=`` or ``:`` if it may be a secret, or an empty span."""
    start = sign + 1
    if start < end and buffer[start] == 0x3E:
        start += 1
    while start < end and start - sign < 4 and buffer[start] == 0x20:
        start += 1
    quoted = start < end and buffer[start] in (0x22, 0x27)
    start += quoted
    stop = _run(buffer, start, min(end, start + LONGEST_SECRET + 1), is_value)
    if not SHORTEST_SECRET <= stop - start <= LONGEST_SECRET or not _is_alphanumeric(buffer[start]):
        return sign, sign
    if quoted and (stop == end or buffer[stop] != buffer[start - 1]):
        return sign, sign
    if not quoted and stop < end and buffer[stop] in (0x28, 0x40):  # a call, or an address
        return sign, sign
    digit = False
    for position in range(start, stop):
        digit = digit or _is_digit(buffer[position])
    if not digit or not _names_key(buffer, begin, sign, is_name, names, bounds):
        return sign, sign
    return start, stop


@inlined
def _known_prefix(buffer, position, begin, end, prefixes, bounds, anchors):  # type: ignore[no-untyped-def]
    """The span of a key's known prefix whose anchor stands at ``position``, or an empty one."""
    for prefix in range(bounds.size - 1):
        first, last = bounds[prefix], bounds[prefix + 1]
        start = position - anchors[prefix]
        stop = start + last - first
        if prefixes[first + anchors[prefix]] != buffer[position] or start < begin or stop > end:
            continue
        if start > begin and (_is_alphanumeric(buffer[start - 1]) or buffer[start - 1] == 0x5F):
            continue
        index = first
        while index < last and buffer[start + index - first] == prefixes[index]:
            index += 1
        if index == last:
            return start, stop
    return position, position


@jit
def _candidates(  # type: ignore[no-untyped-def]
    buffer, offsets, triggers, is_local, is_domain, is_value, is_name,
    prefixes, prefix_bounds, anchors, names, name_bounds,
):  # fmt: skip
    found, room = 0, 1024
    places = np.empty((room, 3), np.int64)
    for document in range(offsets.size - 1):
        begin, end = offsets[document], offsets[document + 1]
        position = begin - 1
        while position < end:
            position += 1
            while position < end and triggers[buffer[position]] == 0:
                position += 1
            if position >= end:
                break
            trigger = triggers[buffer[position]]
            if trigger == _AT:
                kind = EMAIL
                start, stop = _email(buffer, position, begin, end, is_local, is_domain)
            elif trigger == _ASSIGN:
                kind = ASSIGNED_SECRET
                start, stop = _assigned(
                    buffer, position, begin, end, is_value, is_name, names, name_bounds
                )
            else:
                kind = KNOWN_SECRET
                start, stop = _known_prefix(
                    buffer, position, begin, end, prefixes, prefix_bounds, anchors
                )
            if stop > start:
                if found == room:
                    grown = np.empty((2 * room, 3), np.int64)
                    grown[:room] = places
                    places, room = grown, 2 * room
                places[found, 0] = kind
                places[found, 1] = start
                places[found, 2] = stop
                found += 1
    return places[:found]
