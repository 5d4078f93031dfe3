"""spaCy's English words: the tokens that datatrove counts.

spaCy 3.8's tokeniser rewritten over bytes, with its rules (`spacy_rules`). Text is cut at white
space; of each chunk prefixes and suffixes are taken off one by one until what is left is an
exception (``don't``, ``e.g.``) or has none; an exception becomes its pieces, a URL stays whole,
anything else is cut at infixes (hyphens between letters and the like); at last, runs of tokens that
spell an exception are put together again (emoticons, ``a.m.``). White space is no token here, as in
datatrove. Most chunks are letters alone, or letters and a mark behind, where only the exceptions
can change anything; they take a short cut.

Not reproduced: exceptions that white space interrupts, which spaCy leaves as they are but lets them
hide shorter ones that overlap; and URLs with other than ASCII digits.

The file is long because a kernel never calls one of another file (`core.jit`).
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.text.characters import CONTINUATION, LETTER, SPACE, classify, eights
from midtrain_dagster.curation.text.spacy_rules import (
    AFTER_DIGIT,
    ALPHA,
    BEFORE_FINAL_DOT,
    BITS,
    EXCEPTION,
    ICON,
    LONGEST,
    LOWER,
    MULTIPLIER,
    PREFIX,
    QUOTE,
    REJOINED,
    SUFFIX,
    UPPER,
    WORD,
    rules,
)
from midtrain_dagster.curation.text.words import Words, described

_EXCEPTION_TOKENS = 12
"""No exception is longer, in tokens."""

_SUFFIX, _STARTS, _STOPS, _TAKEN, _USED, _SLOT = range(6)
"""The rows of the scratch of a chunk: where its suffixes start; of its tokens where they start and
stop, whether an exception took it, how many tokens the one has that begins there, and which."""


def split(text: Text, classes: np.ndarray | None = None) -> Words:
    """Find the words of each document. ``classes`` are the buffer's, if the caller has them."""
    if classes is None:
        classes = classify(text.buffer)
    eight = (eights(text.buffer), eights(classes))
    offsets, starts, stops = _split(text.buffer, classes, *eight, text.offsets, rules())
    return described(text, offsets, starts, stops, classes)


@intrinsic
def _trailing_zeros(typing, value):  # type: ignore[no-untyped-def]
    """Bits below the lowest one of a uint64; 64 of zero."""

    def count(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), count


@inlined
def _find(buffer, eight, rules, start, stop, kind):  # type: ignore[no-untyped-def]
    """Where in the table the string ``start:stop`` stands, if it is of that kind, else -1."""
    size = stop - start
    if not 0 < size <= LONGEST:
        return -1
    place = (np.int64(buffer[start]) << 5 ^ np.int64(buffer[stop - 1])) & 0xFFF
    if rules.lengths[place] >> np.uint32(size) & np.uint32(1) == 0:
        return -1
    state = np.uint64(size) * np.uint64(MULTIPLIER)
    while stop - start > 8:
        state = (state ^ eight[start]) * np.uint64(MULTIPLIER)
        state ^= state >> np.uint64(32)
        start += 8
    # The last seven bytes of the buffer begin no eight: they are the upper part of the last one.
    back = max(start + 1 - eight.size, 0)
    rest = eight[start - back] >> np.uint64(8 * back)
    rest &= ~np.uint64(0) >> np.uint64(64 - 8 * (stop - start))
    state = (state ^ rest) * np.uint64(MULTIPLIER)
    state ^= state >> np.uint64(32)
    slot = np.int64(state >> np.uint64(64 - BITS))
    while rules.kinds[slot] and rules.keys[slot] != state:
        slot = (slot + 1) & (rules.keys.size - 1)
    return slot if rules.kinds[slot] & kind else -1


@inlined
def _size(buffer, position):  # type: ignore[no-untyped-def]
    """The bytes of the character at ``position``."""
    first = buffer[position]
    return 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4


@inlined
def _before(buffer, position):  # type: ignore[no-untyped-def]
    """Where the character before ``position`` starts."""
    position -= 1
    while buffer[position] & 0xC0 == 0x80:
        position -= 1
    return position


@inlined
def _classes(buffer, rules, position):  # type: ignore[no-untyped-def]
    """The classes of the character at ``position``."""
    point = np.int64(buffer[position])
    if point >= 0x80:
        size = _size(buffer, position)
        point &= 0xFF >> (size + 1)
        for step in range(1, size):
            point = (point << 6) | (np.int64(buffer[position + step]) & 0x3F)
    return rules.classes[point]


@inlined
def _is_digit(byte):  # type: ignore[no-untyped-def]
    return 0x30 <= byte <= 0x39


@inlined
def _is_punctuation_80(buffer, position, third):  # type: ignore[no-untyped-def]
    """Whether one of U+2000 to U+203F stands there, by its third byte."""
    return (
        buffer[position] == 0xE2 and buffer[position + 1] == 0x80 and buffer[position + 2] == third
    )


@inlined
def _prefix(buffer, rules, start, stop):  # type: ignore[no-untyped-def]
    """The bytes of the prefix of the string ``start:stop``, or 0."""
    first = buffer[start]
    size = stop - start
    if _classes(buffer, rules, start) & PREFIX:
        return _size(buffer, start)
    if first == 0x2B:  # + before anything but a digit
        return 0 if size > 1 and _is_digit(buffer[start + 1]) else 1
    if first == 0x2E:  # two dots or more
        dots = start
        while dots < stop and buffer[dots] == 0x2E:
            dots += 1
        return dots - start if dots - start > 1 else 0
    if first == 0x55 and size >= 3 and buffer[start + 1] == 0x53 and buffer[start + 2] == 0x24:
        return 3  # US$
    return 2 if first in (0x41, 0x43) and size >= 2 and buffer[start + 1] == 0x24 else 0  # A$ C$


@inlined
def _final_dots(buffer, rules, start, stop):  # type: ignore[no-untyped-def]
    """How many of the dots at the end are a suffix."""
    last = stop - 1
    while last > start and buffer[last - 1] == 0x2E:
        last -= 1
    if stop - last > 1 or last == start:
        return stop - last if stop - last > 1 else 0
    before = _before(buffer, last)
    kind = _classes(buffer, rules, before)
    if kind & BEFORE_FINAL_DOT:
        return 1
    if before == start:
        return 0
    second = _before(buffer, before)
    capitals = kind & UPPER and _classes(buffer, rules, second) & UPPER
    degrees = buffer[second] == 0xC2 and buffer[second + 1] == 0xB0
    return 1 if capitals or (degrees and buffer[before] in (0x43, 0x46, 0x4B)) else 0


@inlined
def _suffix(buffer, eight, rules, start, stop):  # type: ignore[no-untyped-def]
    """The bytes of the suffix of the string ``start:stop``, or 0: the longest any rule allows."""
    if start == stop:
        return 0
    last = _before(buffer, stop)
    byte = buffer[last]
    size = 0
    if _classes(buffer, rules, last) & SUFFIX:
        size = stop - last
        if size == 3 and stop - start >= 6 and _is_punctuation_80(buffer, last, 0xA6):
            size = 6 if _is_punctuation_80(buffer, last - 3, 0xA6) else 3  # two ellipses are one
    elif byte == 0x2E:
        size = _final_dots(buffer, rules, start, stop)
    elif byte == 0x2B:
        size = 1 if last > start and _is_digit(buffer[last - 1]) else 0
    elif byte in (0x53, 0x73) and last > start:  # 's
        before = _before(buffer, last)
        if buffer[before] == 0x27 or _is_punctuation_80(buffer, before, 0x99):
            size = stop - before
    # Units and currencies stand right behind a digit and hold none.
    digit = stop - 1
    while digit > start and stop - digit < 12 and not _is_digit(buffer[digit]):
        digit -= 1
    unit = stop - digit - 1 if _is_digit(buffer[digit]) else 0
    if unit > size and _find(buffer, eight, rules, stop - unit, stop, AFTER_DIGIT) >= 0:
        size = unit
    return size


@inlined
def _infix(  # type: ignore[no-untyped-def]  # noqa: PLR0911
    buffer, rules, start, position, stop
):
    """The bytes of the infix at ``position`` of the string ``start:stop``, or 0."""
    byte = buffer[position]
    after = position
    while after < stop and buffer[after] == 0x2E:
        after += 1
    if after - position > 1:
        return after - position
    kind = _classes(buffer, rules, position)
    if kind & ICON:
        return _size(buffer, position)
    after = position + _size(buffer, position)
    if position == start or after >= stop or kind & ALPHA or _is_digit(byte):
        return 0
    before = _before(buffer, position)
    left, left_digit = _classes(buffer, rules, before), _is_digit(buffer[before])
    right = _classes(buffer, rules, after)
    operator = left_digit and byte in (0x2A, 0x2B, 0x2D, 0x5E)  # * + - ^ between digits
    if operator and (_is_digit(buffer[after]) or buffer[after] == 0x2D):
        return 1
    if byte == 0x2E:
        return 1 if left & (LOWER | QUOTE) and right & (UPPER | QUOTE) else 0
    if byte == 0x2C:
        return 1 if left & ALPHA and right & ALPHA else 0
    if not (left & ALPHA or left_digit):
        return 0
    if byte in (0x3A, 0x3C, 0x3E, 0x3D, 0x2F, 0x7E):  # : < > = / ~
        return 1 if right & ALPHA else 0
    # One to three hyphens, an en dash, one or two em dashes.
    em_dash = _is_punctuation_80(buffer, position, 0x94)
    if byte != 0x2D and not em_dash and not _is_punctuation_80(buffer, position, 0x93):
        return 0
    dashes = 1
    while not right & ALPHA and (
        (byte == 0x2D and dashes < 3 and buffer[after] == 0x2D)
        or (em_dash and dashes < 2 and _is_punctuation_80(buffer, after, 0x94))
    ):
        dashes += 1
        after += _size(buffer, after)
        if after >= stop:
            return 0
        right = _classes(buffer, rules, after)
    return after - position if right & ALPHA else 0


@inlined
def _ends_url(buffer, position, stop):  # type: ignore[no-untyped-def]
    """Whether a port, a path or nothing follows the host."""
    if position < stop and buffer[position] == 0x3A:
        first = position + 1
        position = first
        while position < stop and _is_digit(buffer[position]):
            position += 1
        if not 2 <= position - first <= 5:
            return False
    return position == stop or buffer[position] in (0x2F, 0x3F, 0x23)


@inlined
def _is_address(buffer, position, stop):  # type: ignore[no-untyped-def]
    """Whether a public IPv4 address starts there and a URL ends with it."""
    first, second = 0, 0
    for number in range(4):
        begin, octet = position, 0
        while position < stop and position - begin < 4 and _is_digit(buffer[position]):
            octet = 10 * octet + buffer[position] - 0x30
            position += 1
        digits = position - begin
        zero = digits > 0 and buffer[begin] == 0x30
        if digits == 0 or digits > 3 or octet > 255 or (digits == 3 and zero):
            return False
        if number in (0, 3) and (zero or octet > (223 if number == 0 else 254)):
            return False
        if number < 3:
            if position >= stop or buffer[position] != 0x2E:
                return False
            position += 1
        first = octet if number == 0 else first
        second = octet if number == 1 else second
    private = (
        first in (10, 127)
        or (first == 169 and second == 254)
        or (first == 192 and second == 168)
        or (first == 172 and 16 <= second <= 31)
    )
    return not private and _ends_url(buffer, position, stop)


@inlined
def _is_host(buffer, rules, position, stop):  # type: ignore[no-untyped-def]
    """Whether a host's name starts there and a URL ends with it."""
    labels, label = 0, 0  # labels before this one, its characters
    letters = 0  # of the label, all of them lower case or caseless; -1 if any is not
    edge = False  # whether the character before may begin or end a label
    while position < stop:
        byte = buffer[position]
        if byte == 0x2E:
            if not edge or label > 64:
                return False
            labels += 1
            label, letters, edge = 0, 0, False
            position += 1
            continue
        alphanumeric = (
            _is_digit(byte)
            or 0x61 <= byte | 0x20 <= 0x7A
            or (0xC2 <= byte < 0xF0 and not (byte == 0xC2 and buffer[position + 1] < 0xA1))
        )
        if not alphanumeric and (byte not in (0x2D, 0x5F) or label == 0):
            break
        label += 1
        edge = alphanumeric
        low = letters >= 0 and _classes(buffer, rules, position) & LOWER
        letters = letters + 1 if low else -1
        position += _size(buffer, position)
    return labels > 0 and 2 <= letters <= 63 and _ends_url(buffer, position, stop)


@inlined
def _is_url(buffer, rules, start, stop):  # type: ignore[no-untyped-def]
    """Whether the string is a URL, with or without a protocol, or an e-mail address."""
    position, characters = start, 0
    while position < stop and (
        buffer[position] in (0x2B, 0x2D, 0x2E) or _classes(buffer, rules, position) & WORD
    ):
        characters += 1
        position += _size(buffer, position)
    protocol = (
        characters >= 2
        and position + 3 < stop
        and buffer[position] == 0x3A
        and buffer[position + 1] == 0x2F
        and buffer[position + 2] == 0x2F
    )
    behind_protocol = position + 3 if protocol else -1
    for host in range(start, stop):
        user = host > start + 1 and buffer[host - 1] == 0x40
        if (user or host in (start, behind_protocol)) and (
            _is_address(buffer, host, stop) or _is_host(buffer, rules, host, stop)
        ):
            return True
    return False


@inlined
def _ends_word(buffer, position):  # type: ignore[no-untyped-def]
    """Whether a mark behind letters is a suffix: , : ; ! ? ) or a dot behind a small letter."""
    byte = buffer[position]
    return byte in (0x2C, 0x3A, 0x3B, 0x21, 0x3F, 0x29) or (
        byte == 0x2E and 0x61 <= buffer[position - 1] <= 0x7A
    )


@inlined
def _push(starts, stops, found, start, stop, cuts):  # type: ignore[no-untyped-def]
    """Add the string as a token, cut where ``cuts`` has a bit; how many tokens there are then."""
    starts[found] = start
    for byte in range(1, stop - start if cuts else 0):
        if cuts >> np.uint32(byte) & np.uint32(1):
            stops[found] = start + byte
            found += 1
            starts[found] = start + byte
    stops[found] = stop
    return found + 1


@inlined
def _rejoined(  # type: ignore[no-untyped-def]
    buffer, eight, rules, starts, stops, scratch, first, found
):
    """Put together the tokens ``first:found`` of one chunk that spell exceptions; how many tokens
    there are then.

    The longest go first, of these the leftmost; what any of them held is taken, used or not.
    """
    spelt = False
    for token in range(first, found - 1):
        for last in range(token + 1, min(token + _EXCEPTION_TOKENS, found)):
            spelt |= _find(buffer, eight, rules, starts[token], stops[last], REJOINED) >= 0
    if not spelt:
        return found
    size = found - first
    for token in range(size):
        scratch[_TAKEN, token], scratch[_USED, token] = 0, 0
        scratch[_STARTS, token], scratch[_STOPS, token] = (
            starts[first + token],
            stops[first + token],
        )
    for length in range(min(size, _EXCEPTION_TOKENS), 1, -1):
        for token in range(size - length + 1):
            start, stop = scratch[_STARTS, token], scratch[_STOPS, token + length - 1]
            slot = _find(buffer, eight, rules, start, stop, REJOINED)
            cuts = np.uint32(0)
            for inner in range(token + 1, token + length if slot >= 0 else 0):
                cuts |= np.uint32(1) << np.uint32(scratch[_STARTS, inner] - start)
            if slot < 0 or cuts != rules.plain[slot]:
                continue
            if not scratch[_TAKEN, token] and not scratch[_TAKEN, token + length - 1]:
                scratch[_USED, token], scratch[_SLOT, token] = length, slot
            for inner in range(token, token + length):
                scratch[_TAKEN, inner] = 1
    found, token = first, 0
    while token < size:
        used = scratch[_USED, token]
        cuts = rules.pieces[scratch[_SLOT, token]] if used else np.uint32(0)
        start, stop = scratch[_STARTS, token], scratch[_STOPS, token + max(used, 1) - 1]
        found = _push(starts, stops, found, start, stop, cuts)
        token += max(used, 1)
    return found


@inlined
def _split_chunk(  # type: ignore[no-untyped-def]  # noqa: PLR0912
    buffer, eight, rules, starts, stops, scratch, start, stop, found
):
    """Cut the chunk ``start:stop``, behind ``found`` tokens; how many there are then."""
    first, chunk_stop, uncut = found, stop, np.uint32(0)
    depth, size = 0, -1
    while start < stop and stop - start != size:
        if _find(buffer, eight, rules, start, stop, EXCEPTION) >= 0:
            break
        size = stop - start
        prefix = _prefix(buffer, rules, start, stop)
        if prefix:
            found = _push(starts, stops, found, start, start + prefix, uncut)
            if _find(buffer, eight, rules, start + prefix, stop, EXCEPTION) >= 0:
                start += prefix
                break
        suffix = _suffix(buffer, eight, rules, start + prefix, stop)
        if suffix:
            scratch[_SUFFIX, depth] = stop - suffix
            depth += 1
            if _find(buffer, eight, rules, start, stop - suffix, EXCEPTION) >= 0:
                found -= prefix > 0  # the exception holds the prefix
                stop -= suffix
                break
        start += prefix
        stop -= suffix
    slot = _find(buffer, eight, rules, start, stop, EXCEPTION)
    if slot >= 0:
        found = _push(starts, stops, found, start, stop, rules.pieces[slot])
    elif start < stop:
        position, token, checked, url = start, start, False, False
        while position < stop and not url:
            infix = _infix(buffer, rules, start, position, stop)
            if infix and not checked:
                checked, url = True, _is_url(buffer, rules, start, stop)
            if infix and position > start and not url:
                if token < position:
                    found = _push(starts, stops, found, token, position, uncut)
                token = position + infix
                found = _push(starts, stops, found, position, token, uncut)
            position += infix if infix else _size(buffer, position)
        if token < stop:
            found = _push(starts, stops, found, token, stop, uncut)
    while depth:
        depth -= 1
        behind = scratch[_SUFFIX, depth - 1] if depth else chunk_stop
        found = _push(starts, stops, found, scratch[_SUFFIX, depth], behind, uncut)
    if found - first > 1:
        found = _rejoined(buffer, eight, rules, starts, stops, scratch, first, found)
    return found


@jit
def _split(  # type: ignore[no-untyped-def]
    buffer, classes, eight, classes_eight, bounds, rules
):
    offsets = np.zeros(bounds.size, np.int64)
    starts = np.empty(buffer.size + 1, np.int64)
    stops = np.empty(buffer.size + 1, np.int64)
    scratch = np.empty((6, 64), np.int64)
    found = 0
    for document in range(bounds.size - 1):
        position, end = bounds[document], bounds[document + 1]
        while position < end:
            if classes[position] == SPACE or classes[position] == CONTINUATION:
                position += 1
                continue
            start, run = position, 8
            while run == 8 and position < end:
                back = max(position + 1 - classes_eight.size, 0)
                some = classes_eight[position - back] >> np.uint64(8 * back)
                differing = some ^ np.uint64(0x0101010101010101 * LETTER)
                run = np.int64(_trailing_zeros(differing) >> np.uint64(3))
                position += run
            position = min(position, end)
            word = position
            if position > start and position < end and classes[position] != SPACE:
                word += _ends_word(buffer, position)
            if (word == end or classes[word] == SPACE) and (
                _find(buffer, eight, rules, start, position, EXCEPTION) < 0
                and (word == position or _find(buffer, eight, rules, start, word, EXCEPTION) < 0)
            ):
                starts[found], stops[found] = start, position
                found += 1
                if word > position:
                    starts[found], stops[found] = position, word
                    found += 1
                position = word
                continue
            while position < end and classes[position] != SPACE:
                position += 1
            if position - start > scratch.shape[1]:
                scratch = np.empty((6, 2 * (position - start)), np.int64)
            found = _split_chunk(
                buffer, eight, rules, starts, stops, scratch, start, position, found
            )
        offsets[document + 1] = found
    return offsets, starts[:found], stops[:found]
