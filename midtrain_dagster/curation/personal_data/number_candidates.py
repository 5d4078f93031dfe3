"""Where an IP address, a telephone, an account or a card's number may stand: a pass over the bytes.

The kernel stops at the first of some digits, at ``+``, and at two capitals before two digits. It
reads on over digits and what may part them, and proposes what has the right number of digits and no
word, sign or further digits at its ends. Columns of numbers, which documents are full of, end here.
"""

import numpy as np

from midtrain_dagster.core.jit import inlined, jit

IP_ADDRESS, INTERNATIONAL_PHONE, NATIONAL_PHONE, IBAN, CARD = range(5)

_DIGIT, _PLUS, _CAPITAL = 1, 2, 3
_TRIGGERS = np.zeros(256, np.uint8)
_TRIGGERS[list(b"0123456789")] = _DIGIT
_TRIGGERS[list(b"+")] = _PLUS
_TRIGGERS[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")] = _CAPITAL

_IS_HEXADECIMAL = np.zeros(256, np.bool_)
_IS_HEXADECIMAL[list(b"0123456789abcdefABCDEF")] = True


def number_candidates(buffer: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Kind, start and stop of each candidate, in order of starts: int64 of shape (candidates, 3).

    ``buffer`` and ``offsets`` are those of a `core.text_buffer.Text`.
    """
    return _candidates(buffer, offsets, _TRIGGERS, _IS_HEXADECIMAL)


@inlined
def _is_digit(byte):  # type: ignore[no-untyped-def]
    return 0x30 <= byte <= 0x39


@inlined
def _is_alphanumeric(byte):  # type: ignore[no-untyped-def]
    return 0x30 <= byte <= 0x39 or 0x41 <= byte <= 0x5A or 0x61 <= byte <= 0x7A


@inlined
def _digits(buffer, position, end):  # type: ignore[no-untyped-def]
    """Where the run of digits stops that begins at ``position``."""
    while position < end and _is_digit(buffer[position]):
        position += 1
    return position


@inlined
def _ends(buffer, stop, end):  # type: ignore[no-untyped-def]
    """Whether a number may stop here: neither a word nor a further group of digits follows."""
    if stop == end:
        return True
    byte = buffer[stop]
    if _is_alphanumeric(byte) or byte == 0x5F:
        return False
    joins = byte == 0x20 or 0x2C <= byte <= 0x2F  # a space or one of , - . /
    return not (joins and stop + 1 < end and _is_digit(buffer[stop + 1]))


@inlined
def _begins(buffer, start, begin):  # type: ignore[no-untyped-def]
    """Whether a number may start here: no word, sign, decimal or other group of digits precedes."""
    if start == begin:
        return True
    byte = buffer[start - 1]
    if _is_alphanumeric(byte) or byte in (0x5F, 0x2B, 0x2D, 0x2E, 0x2F, 0x5C, 0x24, 0x23, 0x25):
        return False  # a word, or one of _ + - . / \ $ # %
    joins = byte in (0x20, 0x2C)
    return not (joins and start - 1 > begin and _is_digit(buffer[start - 2]))


@inlined
def _ipv4(buffer, start, end):  # type: ignore[no-untyped-def]
    """Where four dotted groups of one to three digits stop, or ``start``."""
    position = start
    for group in range(4):
        stop = _digits(buffer, position, end)
        if not 1 <= stop - position <= 3:
            return start
        if group < 3 and (stop == end or buffer[stop] != 0x2E):
            return start
        position = stop + 1
    stop = position - 1
    if stop < end:
        byte = buffer[stop]
        if _is_alphanumeric(byte) or byte in (0x5F, 0x2D):
            return start
        if byte == 0x2E and stop + 1 < end and _is_alphanumeric(buffer[stop + 1]):
            return start
    return stop


@inlined
def _ipv6(buffer, start, end, is_hexadecimal):  # type: ignore[no-untyped-def]
    """Where an address of 2000::/3 (all that is global) stops, or ``start``."""
    if start + 5 > end or not 0x32 <= buffer[start] <= 0x33 or buffer[start + 4] != 0x3A:
        return start
    stop, colons = start, 0
    while stop < end and (is_hexadecimal[buffer[stop]] or buffer[stop] == 0x3A):
        colons += buffer[stop] == 0x3A
        stop += 1
    if buffer[stop - 1] == 0x3A and buffer[stop - 2] != 0x3A:
        stop -= 1
    if colons < 3 or (stop < end and _is_alphanumeric(buffer[stop])):
        return start
    return stop


@inlined
def _card(buffer, start, end):  # type: ignore[no-untyped-def]
    """Where 14 to 19 digits stop, together or in groups of 3 and more, or ``start``."""
    position = _digits(buffer, start, end)
    digits = position - start
    if digits == 4 and position < end and buffer[position] in (0x20, 0x2D):
        separator = buffer[position]
        while position < end and buffer[position] == separator:
            stop = _digits(buffer, position + 1, end)
            if stop - position < 4:
                break
            digits += stop - position - 1
            position = stop
    return position if 14 <= digits <= 19 and _ends(buffer, position, end) else start


@inlined
def _is_separator(byte):  # type: ignore[no-untyped-def]
    return byte == 0x20 or 0x2D <= byte <= 0x2F or byte in (0x28, 0x29)


@inlined
def _phone(buffer, start, end):  # type: ignore[no-untyped-def]
    """Read groups of digits with up to two separators (`` -./()``) between them.

    Returns where they stop, the digits, the groups, the size of the first and whether any separator
    is more than a space.
    """
    position, stop, digits, groups, first, marked = start, start, 0, 0, 0, False
    limit = min(end, start + 32)
    while position < limit:
        after = _digits(buffer, position, end)
        if after > position:
            digits += after - position
            groups += 1
            if groups == 1:
                first = after - position
            stop = after
            position = after
        gap = 0
        seen = False
        while position < limit and gap < 2 and _is_separator(buffer[position]):
            seen = seen or buffer[position] != 0x20
            position += 1
            gap += 1
        if position == limit or not _is_digit(buffer[position]):
            break
        marked = marked or seen
    return stop, digits, groups, first, marked


@inlined
def _national_phone(buffer, start, end):  # type: ignore[no-untyped-def]
    """Where a number without a country's code stops, or ``start``."""
    stop, digits, groups, first, marked = _phone(buffer, start, end)
    enclosed = buffer[start] == 0x28
    fits = 9 <= digits <= 12 and groups + enclosed >= 3 and (first > 1 or groups >= 4)
    # Columns of numbers are parted by spaces alone, but seldom begin with a zero.
    fits = fits and (marked or enclosed or buffer[start] == 0x30)
    return stop if fits and _ends(buffer, stop, end) else start


@inlined
def _number(buffer, position, begin, end, is_hexadecimal):  # type: ignore[no-untyped-def]
    """What may begin with the digits at ``position``: kind, start and stop, or an empty span."""
    after = _digits(buffer, position, end)
    grouped = after + 1 < end and _is_separator(buffer[after])
    alone = position == begin or buffer[position - 1] not in (0x2E, 0x2D, 0x3A)
    if alone:
        stop = _ipv6(buffer, position, end, is_hexadecimal)
        if stop == position and grouped:
            stop = _ipv4(buffer, position, end)
        if stop > position:
            return IP_ADDRESS, position, stop
    if (grouped or after - position >= 14) and _begins(buffer, position, begin):
        stop = _card(buffer, position, end)
        if stop > position:
            return CARD, position, stop
        enclosed = position > begin and buffer[position - 1] == 0x28
        stop = _national_phone(buffer, position - enclosed, end)
        if stop > position:
            return NATIONAL_PHONE, position - enclosed, stop
    return NATIONAL_PHONE, position, position


@inlined
def _iban(buffer, start, end):  # type: ignore[no-untyped-def]
    """Where capitals and digits, with single spaces, stop; or ``start``."""
    if start + 15 > end or not 0x41 <= buffer[start + 1] <= 0x5A:
        return start
    if not (_is_digit(buffer[start + 2]) and _is_digit(buffer[start + 3])):
        return start
    stop, group, characters = start, start, 0
    while stop < end and characters < 35:
        byte = buffer[stop]
        if byte == 0x20 and buffer[stop - 1] != 0x20:
            group = stop
        elif _is_digit(byte) or 0x41 <= byte <= 0x5A:
            characters += 1
        else:
            break
        stop += 1
    if buffer[stop - 1] == 0x20 or (
        stop < end and (_is_alphanumeric(buffer[stop]) or buffer[stop] == 0x5F)
    ):
        stop = group
    return stop if stop - start >= 15 else start


@jit
def _candidates(buffer, offsets, triggers, is_hexadecimal):  # type: ignore[no-untyped-def]
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
            if position > begin and (
                _is_alphanumeric(buffer[position - 1]) or buffer[position - 1] == 0x5F
            ):
                continue
            kind, start, stop = -1, position, position
            if trigger == _DIGIT:
                kind, start, stop = _number(buffer, position, begin, end, is_hexadecimal)
                position = _digits(buffer, position, end) - 1
            elif trigger == _CAPITAL:
                kind, stop = IBAN, _iban(buffer, position, end)
            elif position + 1 < end and 0x31 <= buffer[position + 1] <= 0x39:
                stop, digits, _, _, _ = _phone(buffer, position + 1, end)
                kind = INTERNATIONAL_PHONE
                if digits < 8:
                    stop = position
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
