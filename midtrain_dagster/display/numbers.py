"""How numbers are written for people, the same in figures, tables and the terminal."""

from math import isfinite

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def count(value: float | None) -> str:
    """A count, short: 950, 12,400, 1.25M, 3.4B. Thousands stay whole up to a hundred thousand."""
    if value is None:
        return MISSING
    for bound, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if abs(value) >= bound * 0.9995:
            return f"{value / bound:.3g}{unit}"
    return f"{value:,.0f}" if abs(value) < 1e5 else f"{value / 1e3:.3g}K"


def loss(value: float | None) -> str:
    """A loss in nats, three decimals."""
    return MISSING if value is None or not isfinite(value) else f"{value:.3f}"


def seconds(value: float | None) -> str:
    """Seconds, one decimal."""
    return MISSING if value is None else f"{value:,.1f}"


def decimal(value: float | None) -> str:
    """A plain number with two decimals."""
    return MISSING if value is None else f"{value:.2f}"


def rate(value: float) -> str:
    """A learning rate, three significant digits: 0.001, 6.15e-05."""
    return f"{value:.3g}"


def change(value: float | None, decimals: int = 3) -> str:
    """A difference with its sign (a true minus); one that rounds to zero has none."""
    if value is None or not isfinite(value):
        return MISSING
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0:
        return text
    return ("+" if value > 0 else MINUS) + text


def accuracy(value: float | None) -> str:
    """An accuracy or its error as per cent, with one decimal."""
    return MISSING if value is None else f"{100 * value:.1f}%"


def share(value: float | None) -> str:
    """A share as per cent, with one decimal below ten and above ninety (where it matters).

    Only nothing is 0 % and only all is 100 %.
    """
    if value is None:
        return MISSING
    per_cent = 100 * value
    if 0 < per_cent < 0.05:
        return "<0.1%"
    if 99.95 <= per_cent < 100:
        return ">99.9%"
    edge = 0 < per_cent < 10 or 90 < per_cent < 100
    return f"{per_cent:.1f}%" if edge else f"{per_cent:.0f}%"


def counted(number: int, word: str) -> str:
    """A count with its word, which has an s for all but one: ``1 core``, ``3,605 documents``."""
    return f"{count(number)} {word if number == 1 else f'{word}s'}"


def size(value: int) -> str:
    """Bytes in decimal units, three digits: 950 B, 12.4 MB, 8.59 GB."""
    for bound, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if value >= bound * 0.9995:
            return f"{value / bound:.3g} {unit}"
    return f"{value} B"


def duration(seconds: float) -> str:
    """A time as people say it: 8 s, 4 min 12 s, 3 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
