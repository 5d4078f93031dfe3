"""Where an e-mail address or the value of a key may stand: a pass over the bytes.

It reads a folded text (`folding`) and stops at ``@``, and behind the name of a key at what hands it
a value: ``=`` and ``:``, a bracket or a comma before a quoted one, the end of its tag. Around each
it reads a bounded number of bytes, so time is linear whatever the text holds.
"""

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.curation.personal_data.signs import is_alphanumeric, is_digit

EMAIL, ASSIGNED_SECRET = range(2)

_AT = ord("@")
_TRIGGERS = np.zeros(256, np.bool_)
_TRIGGERS[list(b"@=:(,>")] = True

KEY_NAMES = (
    *("key", "token", "secret", "passw", "pwd", "credential", "authorization", "kennwort"),
    *("contrase", "senha", "пароль", "токен", "ключ", "密码", "密碼", "密钥", "密鑰", "令牌"),
    *("パスワード", "トークン", "비밀번호", "토큰"),
)
"""What the name of a variable holds, in any case, whose value may be a secret."""

SHORTEST_SECRET, LONGEST_SECRET = 16, 256
"""Bytes that an assigned value has if it may be a secret."""


def _table(characters: str) -> np.ndarray:
    table = np.zeros(256, np.bool_)
    table[list(characters.encode())] = True
    return table


def _packed(words: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Words as one array of bytes, of ASCII those in lower case, and the bounds of each in it."""
    written = [word.encode() for word in words]
    data = np.frombuffer(b"".join(written), np.uint8) | 0x20
    return data, np.cumsum([0, *map(len, written)])


_SCHEMES, _SCHEME_BOUNDS = _packed(("bearer ", "basic ", "token "))
_DIGITS = "0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_IS_LOCAL = _table(_DIGITS + _LETTERS + ".!#$%&'*+/=?^_`{|}~-")
_IS_DOMAIN = _table(_DIGITS + _LETTERS + ".-")
_IS_LOCAL[0x80:] = True  # RFC 6531; `emails` tells letters from other signs
_IS_DOMAIN[0x80:] = True
_IS_QUOTED = _IS_LOCAL | _table(" .,:;<>()[]")
_IS_VALUE = _table(_DIGITS + _LETTERS + "+/_=.-")
_IS_NAME = _table(_DIGITS + _LETTERS + "_.-")
_IS_NAME[0x80:] = True


def sign_candidates(buffer: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Kind, start and stop of each candidate, in order: int64 of shape (candidates, 3).

    ``buffer`` and ``offsets`` are those of a folded `core.text_buffer.Text`. An e-mail address's
    candidate is all that may belong to one; `emails` says where it begins and ends.
    """
    tables = _IS_LOCAL, _IS_QUOTED, _IS_DOMAIN, _IS_VALUE, _IS_NAME
    return _candidates(buffer, offsets, _TRIGGERS, *tables, *_packed(KEY_NAMES))


@inlined
def _run(buffer, position, end, table):  # type: ignore[no-untyped-def]
    """Where the run of the table's bytes stops that begins at ``position``."""
    while position < end and table[buffer[position]]:
        position += 1
    return position


@inlined
def _email(buffer, at, begin, end, is_local, is_quoted, is_domain):  # type: ignore[no-untyped-def]
    """The span around ``@``, or an empty one: at most 256 bytes on either side."""
    start, least = at, max(begin, at - 256)
    if at > begin + 1 and buffer[at - 1] == 0x22:
        start -= 1
        while start > least and is_quoted[buffer[start - 1]]:
            start -= 1
        if start == least or start == at - 1 or buffer[start - 1] != 0x22:
            return at, at
        start -= 1
    else:
        while start > least and is_local[buffer[start - 1]]:
            start -= 1
        while start < at and buffer[start] & 0xC0 == 0x80:  # a sign that the limit has cut
            start += 1
    stop = _run(buffer, at + 1, min(end, at + 256), is_domain)
    while stop < end and stop > at + 1 and buffer[stop] & 0xC0 == 0x80:
        stop -= 1
    dotted = False
    for position in range(at + 2, stop - 1):
        dotted = dotted or buffer[position] == 0x2E
    if start >= at or not dotted:
        return at, at
    return start, stop


@inlined
def _names_key(buffer, begin, stop, is_name, names, bounds):  # type: ignore[no-untyped-def]
    """Whether the name that ends before ``stop`` names a secret; spaces, a quote, a bracket and
    emphasis (``\\ ` * ]``) may stand between."""
    while stop > begin and buffer[stop - 1] in (0x20, 0x22, 0x27, 0x2A, 0x5C, 0x5D, 0x60):
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
def _behind_scheme(buffer, start, end):  # type: ignore[no-untyped-def]
    """Where credentials begin behind the scheme of an Authorization header (RFC 9110, 11.6.2)."""
    for scheme in range(_SCHEME_BOUNDS.size - 1):
        first, last = _SCHEME_BOUNDS[scheme], _SCHEME_BOUNDS[scheme + 1]
        index = first
        while index < last and start + index - first < end:
            if buffer[start + index - first] | 0x20 != _SCHEMES[index]:
                break
            index += 1
        if index == last:
            return start + last - first
    return start


@inlined
def _assigned(buffer, sign, begin, end, is_value, is_name, names, bounds):  # type: ignore[no-untyped-def]  # noqa: PLR0911
    """The value that the sign hands to a key, if it may be a secret, or an empty span."""
    kind, start = buffer[sign], sign + 1
    argument = kind == 0x28 or kind == 0x2C  # noqa: PLR1714 (`in` is slow)
    if kind == 0x2C and not (sign > begin and buffer[sign - 1] in (0x22, 0x27)):
        return sign, sign
    if start < end and (buffer[start] == 0x3E or (kind == 0x3A and buffer[start] == 0x3D)):
        start += 1
    while start < end and start - sign < 4 and buffer[start] == 0x20:
        start += 1
    quote = start
    while quote < end and quote - start < 3 and buffer[quote] == 0x5C:  # a string within a string
        quote += 1
    quoted = quote < end and buffer[quote] in (0x22, 0x27, 0x60)
    if quoted != argument and (argument or kind == 0x3E):
        return sign, sign
    escapes = quote - start if quoted else 0
    start = _behind_scheme(buffer, quote + 1 if quoted else start, end)
    stop = _run(buffer, start, min(end, start + LONGEST_SECRET + 1), is_value)
    if not SHORTEST_SECRET <= stop - start <= LONGEST_SECRET or not is_alphanumeric(buffer[start]):
        return sign, sign
    closed = stop + escapes
    if quoted and (closed >= end or buffer[closed] != buffer[quote]):
        return sign, sign
    if not quoted and stop < end and buffer[stop] in (0x28, 0x40):  # a call, or an address
        return sign, sign
    if kind == 0x3E and (stop == end or buffer[stop] != 0x3C):  # no element's content
        return sign, sign
    digit = False
    for position in range(start, stop):
        digit = digit or is_digit(buffer[position])
    if not digit or not _names_key(buffer, begin, sign, is_name, names, bounds):
        return sign, sign
    return start, stop


@jit
def _candidates(  # type: ignore[no-untyped-def]
    buffer, offsets, triggers, is_local, is_quoted, is_domain, is_value, is_name, names, name_bounds
):
    found, room = 0, 1024
    places = np.empty((room, 3), np.int64)
    for document in range(offsets.size - 1):
        begin, end = offsets[document], offsets[document + 1]
        position = begin - 1
        while position < end:
            position += 1
            while position < end and not triggers[buffer[position]]:
                position += 1
            if position >= end:
                break
            if buffer[position] == _AT:
                kind = EMAIL
                start, stop = _email(buffer, position, begin, end, is_local, is_quoted, is_domain)
            else:
                kind = ASSIGNED_SECRET
                start, stop = _assigned(
                    buffer, position, begin, end, is_value, is_name, names, name_bounds
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
