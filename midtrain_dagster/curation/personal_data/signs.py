"""What the kernels ask of single bytes and signs of a folded text (`folding`)."""

from midtrain_dagster.core.jit import inlined, jit


@inlined
def is_digit(byte):  # type: ignore[no-untyped-def]
    """Whether it is an ASCII digit."""
    return 0x30 <= byte <= 0x39


@inlined
def is_letter(byte):  # type: ignore[no-untyped-def]
    """Whether it is an ASCII letter."""
    return 0x61 <= byte | 0x20 <= 0x7A


@inlined
def is_alphanumeric(byte):  # type: ignore[no-untyped-def]
    """Whether it is one of both."""
    return is_digit(byte) or is_letter(byte)


@jit
def word_at(buffer, position, end, words):  # type: ignore[no-untyped-def]
    """Whether the sign that begins at ``position`` belongs to a word."""
    if position >= end:
        return False
    first = int(buffer[position])
    if first < 0x80:
        return words[first]
    if 0xC0 <= first < 0xE0 and position + 1 < end:
        return words[(first & 0x1F) << 6 | int(buffer[position + 1]) & 0x3F]
    if 0xE0 <= first < 0xF0 and position + 2 < end:
        high = (first & 0x0F) << 12 | (int(buffer[position + 1]) & 0x3F) << 6
        return words[high | int(buffer[position + 2]) & 0x3F]
    return False


@jit
def word_before(buffer, position, begin, words):  # type: ignore[no-untyped-def]
    """Whether the sign that ends before ``position`` belongs to a word."""
    start = position - 1
    while start > begin and position - start < 4 and buffer[start] & 0xC0 == 0x80:
        start -= 1
    return start >= begin and word_at(buffer, start, position, words)


@inlined
def digits_end(buffer, position, end):  # type: ignore[no-untyped-def]
    """Where the run of digits stops that begins at ``position``."""
    while position < end and is_digit(buffer[position]):
        position += 1
    return position
