"""A small picture of a recipe's stages: rate, batch, length and shares over their tokens, as SVG.

Stages are drawn equally wide, for one of forty million tokens would not be seen beside one of
fifteen trillion: the tokens until then stand below each. Within a stage the axis is its tokens.
Rates are drawn by their cube root, so that a thousandth of the highest is still seen and 0 is at
the bottom, batch and length on a logarithmic axis. It is written by hand and not by matplotlib: a
picture has four to ten kilobytes.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

import numpy as np

from midtrain_dagster.display import numbers
from midtrain_dagster.display.style import BAND, BLUE, FONTS, INK, MUTED, RULE
from midtrain_dagster.display.words import spoken
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.training.batch.ramp import levels_of
from midtrain_dagster.training.overview import Leg

LEFT, WIDTH, RIGHT = 62, 640, 118
"""Pixels of labels, of all stages together, and of the legend."""

ROWS = {"rate": (24, 70), "batch": (112, 22), "length": (150, 22), "shares": (188, 76)}
"""Each row's top and height."""

BOTTOM = 296
POINTS = 24
"""Of a phase that is no straight line."""

Point = tuple[float, float]


def overview_plot(legs: Sequence[Leg], colours: Mapping[str, str]) -> str:
    """The picture; ``legs`` follow each other, ``colours`` are those of the domains, in the order
    in which they are stacked. The same stages give the same bytes."""
    return "\n".join([*_lines(legs, colours), "</svg>", ""])


def _lines(legs: Sequence[Leg], colours: Mapping[str, str]) -> Iterator[str]:
    total = LEFT + WIDTH + RIGHT
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {BOTTOM}" width="{total}" '
        f'font-family="{escape(FONTS)}" font-size="10" fill="{MUTED}">'
    )
    yield f'<rect width="{total}" height="{BOTTOM}" fill="#fff"/>'
    wide = WIDTH / len(legs)
    seen = 0
    for number, leg in enumerate(legs):
        x = LEFT + number * wide
        if number % 2:
            yield f'<rect x="{x:.0f}" y="16" width="{wide:.0f}" height="248" fill="{BAND}"/>'
        yield _text(x + wide / 2, 11, spoken(leg.name), "middle", INK)
        seen += leg.stage.tokens
        yield _text(x + wide, 277, numbers.count(seen), "end" if leg is legs[-1] else "middle")
    yield _text(LEFT, 277, "0", "middle")
    yield _text(LEFT + WIDTH / 2, 291, "tokens until then; stages are drawn equally wide", "middle")
    for name, (top, height) in ROWS.items():
        yield _text(LEFT - 8, top + (8 if height > 40 else 14), name, "end", INK)
        yield f'<path d="M{LEFT} {top + height}h{WIDTH}" stroke="{RULE}"/>'
    yield from _rate(legs, wide)
    yield from _steps(legs, wide, "batch")
    yield from _steps(legs, wide, "length")
    yield from _shares(legs, wide, colours)


def _rate(legs: Sequence[Leg], wide: float) -> Iterator[str]:
    rates = [rate for leg in legs for each in leg.segments or () for rate in (each.start, each.end)]
    high = max(rates, default=0.0)
    if not high:
        return
    top, height = ROWS["rate"]
    line = []
    for number, leg in enumerate(legs):
        for each in leg.segments or ():
            many = 2 if each.start == each.end else POINTS
            # The ends of a curve are where it bends most.
            at = (
                each.begin
                + (each.stop - each.begin) * (1 - np.cos(np.linspace(0, np.pi, many))) / 2
            )
            line += [
                (
                    _x(number, wide, token / leg.stage.tokens),
                    top + height * (1 - (rate / high) ** (1 / 3)),
                )
                for token, rate in zip(at.tolist(), each.learning_rate(at).tolist(), strict=True)
            ]
    yield f'<path d="{_path(line)}" fill="none" stroke="{BLUE}" stroke-width="1.6"/>'
    yield _text(LEFT - 8, top + 20, numbers.rate(high), "end")
    yield _text(LEFT - 8, top + height, "0", "end")


def _steps(legs: Sequence[Leg], wide: float, name: str) -> Iterator[str]:
    """A row of a quantity that is constant but for steps: its line, and its values above."""
    found: list[tuple[int, float, float, int]] = []
    for number, leg in enumerate(legs):
        if name == "length":
            found.append((number, 0.0, 1.0, leg.stage.sequence_length))
            continue
        levels = levels_of(leg.stage.batch_tokens)
        ends = [after for _, after in levels[1:]] + [leg.stage.tokens]
        found += [
            (number, after / leg.stage.tokens, end / leg.stage.tokens, size)
            for (size, after), end in zip(levels, ends, strict=True)
        ]
    low, high = min(each[3] for each in found), max(each[3] for each in found)
    line: list[Point] = []
    for number, begin, end, size in found:
        y = _y(name, size, low, high) if low < high else _y(name, size, size / 2, size * 2)
        line += [(_x(number, wide, begin), y), (_x(number, wide, end), y)]
    yield f'<path d="{_path(line)}" fill="none" stroke="{INK}" stroke-width="1.2"/>'
    before = 0
    for place, (number, begin, end, size) in enumerate(found):
        if abs(size - before) > size / 10 and (end - begin) * wide > 30:
            words = length_in_words(size) if name == "length" else numbers.count(size)
            yield _text(_x(number, wide, begin) + 2, line[2 * place][1] - 3, words)
            before = size


def _shares(legs: Sequence[Leg], wide: float, colours: Mapping[str, str]) -> Iterator[str]:
    """Stacked areas, a colour for each domain, and their legend."""
    top, height = ROWS["shares"]
    there: list[str] = []
    for number, leg in enumerate(legs):
        mixture = leg.stage.mixture
        if not isinstance(mixture, Mixture):
            continue
        moments = mixture.moments()
        by_domain = dict(zip(mixture.domains, mixture.shares(moments).T, strict=True))
        below = np.zeros(len(moments))
        for domain in (each for each in colours if each in by_domain):
            above = below + by_domain[domain]
            outline = [
                *zip(moments, above, strict=True),
                *zip(moments[::-1], below[::-1], strict=True),
            ]
            points = [
                (_x(number, wide, moment), top + height * (1 - share)) for moment, share in outline
            ]
            yield f'<path d="{_path(points)}z" fill="{colours[domain]}"/>'
            there.append(domain)
            below = above
    for place, domain in enumerate(each for each in colours if each in there):
        y = top + height - 2 - place * 11
        box = f'x="{LEFT + WIDTH + 10}" y="{y - 7}" width="8" height="8"'
        yield f'<rect {box} fill="{colours[domain]}"/>'
        yield _text(LEFT + WIDTH + 22, y, domain)


def _x(number: int, wide: float, part: float) -> float:
    return LEFT + (number + float(part)) * wide


def _y(row: str, value: float, low: float, high: float) -> float:
    top, height = ROWS[row]
    if value <= low or low == high:
        return top + height - (0 if low < high else height / 2)
    return top + height * (1 - math.log(value / low) / math.log(high / low))


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def length_in_words(length: int) -> str:
    """A window's tokens: 4K for 4,096, as papers count them."""
    return f"{length // 1024}K" if length % 1024 == 0 else f"{length:,}"


def _text(x: float, y: float, words: str, anchor: str = "start", colour: str = "") -> str:
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    fill = f' fill="{colour}"' if colour else ""
    return f'<text x="{x:.0f}" y="{y:.0f}"{where}{fill}>{escape(words)}</text>'
