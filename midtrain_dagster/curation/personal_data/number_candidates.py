"""Where an IP address, a telephone, an account or a card's number may stand: a pass over the bytes.

It reads a folded text (`folding`), stops at the first of some digits and at ``+``, reads on over
digits and what may part them, and proposes what has the right number of digits and no word,
sign or further digits at its ends. Columns of numbers, which documents are full of, end here. From
each stop it reads a bounded number of bytes, so time is linear whatever the text holds.
"""

from functools import cache

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.curation.personal_data.address_candidates import ipv4_end, ipv6_end
from midtrain_dagster.curation.personal_data.folding import word_signs
from midtrain_dagster.curation.personal_data.signs import (
    digits_end,
    is_alphanumeric,
    is_digit,
    is_letter,
    word_at,
    word_before,
)

IP_ADDRESS, INTERNATIONAL_PHONE, NATIONAL_PHONE, IBAN, CARD = range(5)

_TRIGGERS = np.zeros(256, np.bool_)
_TRIGGERS[list(b"0123456789+")] = True
_UNDERSCORE = ord("_")
_IS_HEXADECIMAL = np.zeros(256, np.bool_)
_IS_HEXADECIMAL[list(b"0123456789abcdefABCDEF")] = True


def number_candidates(buffer: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Kind, start and stop of each candidate: int64 of shape (candidates, 3).

    They are in the order of the documents and, but for accounts and what opens with a bracket, of
    their starts. ``buffer`` and ``offsets`` are those of a folded `core.text_buffer.Text`.
    """
    tables = _TRIGGERS, _IS_HEXADECIMAL, word_signs(), account_lengths()
    return _candidates(buffer, offsets, *tables)


@cache
def account_lengths() -> np.ndarray:
    """Characters of an IBAN by its country (26 * first letter + second), 0 where there is none."""
    import re
    from string import ascii_uppercase

    from stdnum import numdb

    registry = numdb.get("iban")
    lengths = np.zeros(26 * 26, np.int64)
    for first, one in enumerate(ascii_uppercase):
        for second, other in enumerate(ascii_uppercase):
            structure = registry.info(one + other)[0][1].get("bban", "")
            parts = [int(length) for length in re.findall(r"(\d+)!", structure)]
            lengths[26 * first + second] = 4 + sum(parts) if parts else 0
    return lengths


@jit
def _ends(buffer, stop, end, words):  # type: ignore[no-untyped-def]
    """Whether a number may stop here: neither a word nor a further group of digits follows."""
    if word_at(buffer, stop, end, words):
        return False
    if stop >= end:
        return True
    byte = buffer[stop]
    joins = byte == 0x20 or 0x2B <= byte <= 0x2F  # a space or one of + , - . /
    return not (joins and stop + 1 < end and is_digit(buffer[stop + 1]))


@inlined
def _begins(buffer, start, begin):  # type: ignore[no-untyped-def]
    """Whether a number may start here: no sign, decimal or other group of digits precedes."""
    if start == begin:
        return True
    byte = buffer[start - 1]
    if byte in (0x2B, 0x2D, 0x2F, 0x5C, 0x24, 0x23, 0x25, 0x2E):  # one of + - / \ $ # % .
        # An abbreviation's stop ("Tel.030") is no decimal's, nor is a sentence's.
        return byte == 0x2E and start - 1 > begin and is_letter(buffer[start - 2])
    if byte == 0x3A and start - 1 > begin and is_digit(buffer[start - 2]):
        return False  # a time, or a map of memory
    joins = byte in (0x20, 0x2C)
    return not (joins and start - 1 > begin and is_digit(buffer[start - 2]))


@jit
def _card(buffer, start, end, words):  # type: ignore[no-untyped-def]
    """Where 12 to 19 digits stop, together or in groups of 3 and more, or ``start``."""
    position = digits_end(buffer, start, min(end, start + 20))
    digits = position - start
    if digits == 4 and position < end and buffer[position] in (0x20, 0x2D, 0x2E):
        separator = buffer[position]
        while position < end and buffer[position] == separator and digits < 20:
            stop = digits_end(buffer, position + 1, min(end, position + 8))
            if stop - position < 4:
                break
            digits += stop - position - 1
            position = stop
    fits = 12 <= digits <= 19 and buffer[start] != 0x30
    # A date or further fields may follow with a comma or a space; another group of four may not.
    if not fits or word_at(buffer, position, end, words):
        return start
    if position + 1 < end and buffer[position] in (0x20, 0x2D, 0x2E):
        following = digits_end(buffer, position + 1, min(end, position + 6)) - position - 1
        last = position + 1 + following
        date = following == 2 and last < end and buffer[last] == 0x2F  # until when it is valid
        if following > 2 or (following and buffer[position] != 0x20):
            return start
        if following and position - start > digits and not date:
            return start
    return position


@inlined
def _is_separator(byte):  # type: ignore[no-untyped-def]
    return byte == 0x20 or 0x2D <= byte <= 0x2F or byte in (0x28, 0x29)


@jit
def _phone(buffer, start, end):  # type: ignore[no-untyped-def]
    """Read groups of digits with up to three separators (`` -./()``) between them.

    Returns where they stop, the digits and the groups. Of three separators one is more than a
    space; if the digits are too many for one number, only those before the first such gap are read.
    """
    position, stop, digits, groups = start, start, 0, 0
    wide_stop, wide_digits, wide_groups = start, 0, 0
    limit = min(end, start + 40)
    while position < limit:
        after = digits_end(buffer, position, limit)
        if after > position:
            digits += after - position
            groups += 1
            stop = after
            position = after
        gap, spaces = 0, 0
        while position < limit and gap < 4 and _is_separator(buffer[position]):
            spaces += buffer[position] == 0x20
            position += 1
            gap += 1
        if position == limit or not is_digit(buffer[position]) or gap > 3 or spaces == gap > 1:
            break
        if gap == 3 and wide_digits == 0:
            wide_stop, wide_digits, wide_groups = stop, digits, groups
    if digits > 15 and wide_digits:
        return wide_stop, wide_digits, wide_groups
    return stop, digits, groups


@inlined
def _opened(buffer, start, stop, begin):  # type: ignore[no-untyped-def]
    """Where the number starts: at the bracket before it, if that is closed within the number."""
    if start > begin and buffer[start - 1] == 0x28:
        for position in range(start, stop):
            if buffer[position] == 0x28:
                return start
            if buffer[position] == 0x29:
                return start - 1
    return start


@inlined
def _number(buffer, position, after, begin, end, is_hexadecimal, words):  # type: ignore[no-untyped-def]  # noqa: PLR0911
    """What may begin with the digits up to ``after``: kind, start and stop, or an empty span."""
    length = after - position
    grouped = after + 1 < end and _is_separator(buffer[after])
    colon = position + 5 < end and buffer[position + 4] == 0x3A
    if not (grouped or colon or 7 <= length <= 19) or word_before(buffer, position, begin, words):
        return NATIONAL_PHONE, position, position
    if colon:
        stop = ipv6_end(buffer, position, begin, end, is_hexadecimal, words)
        if stop > position:
            return IP_ADDRESS, position, stop
    if length <= 3 and buffer[after] == 0x2E:
        stop = ipv4_end(buffer, position, begin, end, words)
        if stop > position:
            return IP_ADDRESS, position, stop
    if not (grouped or length >= 7) or not _begins(buffer, position, begin):
        return NATIONAL_PHONE, position, position
    if length == 4 or length >= 12:
        stop = _card(buffer, position, end, words)
        if stop > position:
            return CARD, position, stop
    stop, digits, groups = _phone(buffer, position, end)
    fits = 7 <= digits <= 19 and (groups > 1 or digits >= 8) and groups < 8
    if fits and _ends(buffer, stop, end, words):
        start = _opened(buffer, position, stop, begin)
        abroad = buffer[position] == 0x30 and digits > 9 and after > position + 1
        if abroad and buffer[position + 1] == 0x30:
            return INTERNATIONAL_PHONE, start, stop
        return NATIONAL_PHONE, start, stop
    return NATIONAL_PHONE, position, position


@jit
def _iban(buffer, start, end, lengths, words):  # type: ignore[no-untyped-def]
    """Where an account's number stops whose check digits are right (ISO 7064), or ``start``.

    It has its country's length; single spaces or hyphens may stand between its groups.
    """
    country = (int(buffer[start]) | 0x20) - 0x61
    country = 26 * country + (int(buffer[start + 1]) | 0x20) - 0x61
    length = lengths[country]
    if length == 0:
        return start
    remainder, count, position, head = 0, 0, start, 0
    while position < end and count < length:
        byte = int(buffer[position])
        if byte in (0x20, 0x2D):
            position += 1
            if count < 4 or position == end or not is_alphanumeric(buffer[position]):
                return start
            continue
        if is_digit(byte):
            value, scale = byte - 0x30, 10
        elif is_letter(byte):
            value, scale = (byte | 0x20) - 0x61 + 10, 100
        else:
            return start
        if count < 4:  # the country and its check digits are read last
            head = head * scale + value
        else:
            remainder = (remainder * scale + value) % 97
        count += 1
        position += 1
    remainder = (remainder * 1_000_000 + head) % 97
    if count < length or remainder != 1:
        return start
    if word_at(buffer, position, end, words) and buffer[position] != _UNDERSCORE:
        return start
    return position


@jit
def _candidates(  # type: ignore[no-untyped-def]
    buffer, offsets, triggers, is_hexadecimal, words, lengths
):
    found, room = 0, 1024
    places = np.empty((room, 3), np.int64)
    for document in range(offsets.size - 1):
        begin, end = offsets[document], offsets[document + 1]
        position = begin
        while position < end:
            while position < end and not triggers[buffer[position]]:
                position += 1
            if position == end:
                break
            kind, start, stop, following = -1, position, position, position + 1
            if not is_digit(buffer[position]):
                if (
                    position + 1 < end
                    and 0x31 <= buffer[position + 1] <= 0x39
                    and not word_before(buffer, position, begin, words)
                ):
                    stop, digits, _ = _phone(buffer, position + 1, end)
                    kind, start = INTERNATIONAL_PHONE, _opened(buffer, position, stop, begin)
                    if digits < 8:
                        stop = start
            else:
                # Of a longer run of digits no part is a number of its own.
                following = digits_end(buffer, position, end)
                if position == begin or not is_letter(buffer[position - 1]):
                    kind, start, stop = _number(
                        buffer, position, following, begin, end, is_hexadecimal, words
                    )
                elif (
                    following > position + 1
                    and position > begin + 1
                    and is_letter(buffer[position - 2])
                    and (
                        position - 2 == begin
                        or buffer[position - 3] == _UNDERSCORE  # emphasis, or a name's
                        or not word_before(buffer, position - 2, begin, words)
                    )
                ):
                    kind, start = IBAN, position - 2
                    stop = _iban(buffer, start, end, lengths, words)
            position = following
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
