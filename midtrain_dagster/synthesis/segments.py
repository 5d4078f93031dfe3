"""Segments of a document at the ends of its lines, as Nemotron-CC cuts (``styles.nemotron_cc``).

A line longer than a segment may be is left out, neighbours are joined as long as they fit, and what
stays shorter than a segment must be is left out too.
"""

VERSION = 1


def line_segments(text: str, *, least: int, most: int, count: int) -> list[tuple[int, int]]:
    """The first ``count`` segments: spans in characters, without white space around them.

    Args:
        text: a document.
        least: bytes of a segment.
        most: bytes of a segment.
        count: of the segments.
    """
    found: list[tuple[int, int]] = []
    start = stop = size = 0
    at = 0
    for line in [*text.splitlines(keepends=True), ""]:
        words = line.strip()
        begin = at + len(line) - len(line.lstrip())
        end = begin + len(words)
        length = len(words.encode())
        gap = len(text[stop:begin].encode()) if size else 0
        at += len(line)
        if line and not words:
            continue
        if size and (not line or size + gap + length > most):
            if size >= least:
                found.append((start, stop))
            size = 0
            if len(found) == count:
                break
        if 0 < length <= most:
            start, size = (start, size + gap + length) if size else (begin, length)
            stop = end
    return found
