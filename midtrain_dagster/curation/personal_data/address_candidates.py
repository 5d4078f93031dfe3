"""Where an IP address may stand: four dotted numbers, or groups of hexadecimal digits and colons.

Of `number_candidates`, which calls these at the first of some digits.
"""

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.curation.personal_data.signs import (
    digits_end,
    is_alphanumeric,
    is_digit,
    word_at,
)


@jit
def _dotted(buffer, start, end):  # type: ignore[no-untyped-def]
    """Where four dotted groups of one to three digits stop, or ``start``."""
    position = start
    for group in range(4):
        stop = digits_end(buffer, position, min(end, position + 4))
        if not 1 <= stop - position <= 3:
            return start
        if group < 3 and (stop == end or buffer[stop] != 0x2E):
            return start
        position = stop + 1
    return position - 1


@jit
def ipv4_end(buffer, start, begin, end, words):  # type: ignore[no-untyped-def]
    """Where an address of four numbers stops, or ``start``."""
    stop = _dotted(buffer, start, end)
    if stop == start or word_at(buffer, stop, end, words):
        return start
    if stop + 1 < end:
        byte, after = buffer[stop], buffer[stop + 1]
        if byte == 0x2E and is_alphanumeric(after) and not _is_port(buffer, stop + 1, end):
            return start
        # Two addresses with a hyphen between them are a range, a word with one is a version's end.
        if byte == 0x2D and _dotted(buffer, stop + 1, end) == stop + 1 and is_alphanumeric(after):
            return start
    if start > begin:
        before = buffer[start - 1]
        if before == 0x2E or (before == 0x2D and not _closes_range(buffer, start, begin)):
            return start
        if before == 0x3A and _is_epoch(buffer, start - 1, begin):
            return start
    return stop


@inlined
def _is_port(buffer, start, end):  # type: ignore[no-untyped-def]
    """Whether a port stands here as tcpdump writes it: ``93.184.216.34.443 > ``, or ``: ``."""
    stop = digits_end(buffer, start, min(end, start + 5))
    if stop == start or stop + 1 >= end:
        return False
    one, two = buffer[stop], buffer[stop + 1]
    return (one == 0x20 and two == 0x3E) or (one == 0x3A and two == 0x20)


@inlined
def _closes_range(buffer, start, begin):  # type: ignore[no-untyped-def]
    """Whether an address ends before the hyphen before ``start``: three dots among its digits."""
    position, dots = start - 2, 0
    while position >= max(begin, start - 17):
        byte = buffer[position]
        if not (is_digit(byte) or byte == 0x2E):
            break
        dots += byte == 0x2E
        position -= 1
    return dots == 3


@inlined
def _is_epoch(buffer, colon, begin):  # type: ignore[no-untyped-def]
    """Whether one or two digits alone stand before a colon, as in a package's ``1:2.3.4.5-6``."""
    start = colon
    while start > begin and colon - start < 3 and is_digit(buffer[start - 1]):
        start -= 1
    word = start > begin and is_alphanumeric(buffer[start - 1])
    return 1 <= colon - start <= 2 and not word


@jit
def ipv6_end(buffer, start, begin, end, is_hexadecimal, words):  # type: ignore[no-untyped-def]
    """Where an address of 2000::/3 (all that is global) stops, or ``start``."""
    if start + 5 > end or not 0x32 <= buffer[start] <= 0x33 or buffer[start + 4] != 0x3A:
        return start
    if start > begin and buffer[start - 1] == 0x3A:
        # A name's colon ("host:2001:...") is not the address's own.
        name = start - 1
        while name > begin and start - name < 7 and is_alphanumeric(buffer[name - 1]):
            name -= 1
        hexadecimal = True
        for position in range(name, start - 1):
            hexadecimal = hexadecimal and is_hexadecimal[buffer[position]]
        size = start - 1 - name
        if (hexadecimal and 1 <= size <= 4) or (name > begin and buffer[name - 1] == 0x3A):
            return start
    stop, colons = start, 0
    while stop < min(end, start + 64) and (is_hexadecimal[buffer[stop]] or buffer[stop] == 0x3A):
        colons += buffer[stop] == 0x3A
        stop += 1
    if buffer[stop - 1] == 0x3A and buffer[stop - 2] != 0x3A:
        stop -= 1
    if colons < 3 or word_at(buffer, stop, end, words):
        return start
    return stop
