"""The report: one HTML page that says what mid-training did, and can be read from a file.

Rooms describe their sections with ``display.blocks``; here they become a page, by one template a
block (``templates/``), in which all text is escaped. Style sheet and figures are inline, and there
is no script, no font and no image from elsewhere, so the page can be mailed, printed and kept. The
same sections give the same bytes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from midtrain_dagster.display.blocks import (
    Bars,
    Block,
    Card,
    Code,
    Figure,
    KeyNumbers,
    PageSection,
    Seconds,
    ShareBar,
    Span,
    Sparkline,
    Stack,
)
from midtrain_dagster.display.numbers import MISSING, seconds
from midtrain_dagster.display.style import figure_svg
from midtrain_dagster.display.templates import templates
from midtrain_dagster.report.colophon import Colophon

VERSION = 6

SPARKLINE_HEIGHT = 30

OPEN = 4
"""Sections that are not folded when the page is opened."""

COLOPHON = "<!-- colophon -->"
"""What stands in the page where its copy says when and where it was made."""

_SECONDS = re.compile(rf"<!-- seconds of (\S+) -->{MISSING}")
"""What stands in a cell where the copy says what an asset took."""


def render(title: str, description: str, sections: Sequence[PageSection]) -> str:
    """The whole page, of what was made: it has the same bytes whenever and wherever that was.

    Raises ValueError where two sections or two figures have the same name, or one that is no word.
    """
    _check_names([section.name for section in sections], "sections")
    _check_names([each.name for each in _figures(sections)], "figures")
    page = _environment().get_template("page.html.jinja")
    return page.render(
        title=title,
        description=description,
        sections=sections,
        open_sections=OPEN,
        colophon_place=Markup(COLOPHON),
    )


def with_colophon(html: str, colophon: Colophon) -> str:
    """The page with when, where and how fast it was made, which is another in each run."""
    place = _environment().get_template("colophon.html.jinja")
    told = html.replace(COLOPHON, place.render(line=colophon.line, blocks=colophon.blocks), 1)
    return _SECONDS.sub(lambda found: seconds(colophon.seconds.get(found[1])), told)


def key_numbers(sections: Iterable[PageSection]) -> KeyNumbers:
    """What the sections have for the summary."""
    return KeyNumbers(tuple(number for section in sections for number in section.numbers))


def recipe_section(text: str) -> PageSection:
    """The recipe, as it was read."""
    lead = "The whole run as one document. With it and the sources, this page can be made again."
    return PageSection("recipe", "Recipe", lead, (Code(text),))


@cache
def _environment() -> Environment:
    environment = templates("midtrain_dagster.report", autoescape=True)
    environment.globals["sparkline_height"] = SPARKLINE_HEIGHT
    environment.filters |= {
        "template": _template,
        "svg": _svg,
        "seconds_place": _seconds_place,
        "outline": _outline,
        "words": _words,
    }
    kinds = {"span": Span, "stack": Stack, "share_bar": ShareBar, "seconds": Seconds}
    environment.tests |= {
        name: lambda value, kind=kind: isinstance(value, kind) for name, kind in kinds.items()
    }
    return environment


def _template(block: Block | Card | Sparkline) -> str:
    """The template of a block, which has the block's name."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(block).__name__).lower()
    return f"{name}.html.jinja"


def _words(name: str) -> list[str]:
    """The pieces of a name, each with the sign that ends it."""
    return re.findall(r"[^_/:]*[_/:]|[^_/:]+", name)


def _svg(figure: Figure) -> Markup:
    """The drawing as an SVG element, which is the one thing on the page that is not escaped.

    Ids inside it get the figure's name in front, since a page holds several.
    """
    svg = re.sub(r'\bid="', f'id="{figure.name}-', figure_svg(figure.drawing))
    svg = re.sub(r'href="#', f'href="#{figure.name}-', svg)
    return Markup(svg.replace("url(#", f"url(#{figure.name}-"))


def _seconds_place(cell: Seconds) -> Markup:
    """Where the copy says what the asset took; a comment ends at the first ``-->`` in it."""
    return Markup("<!-- seconds of {} -->{}").format(cell.asset, MISSING)


def _outline(bars: Bars) -> str:
    """Bars as a path: up, along their tops, and down again; a bar with any height can be seen."""
    tops = (min(SPARKLINE_HEIGHT - 1, round(SPARKLINE_HEIGHT * (1 - h))) for h in bars.heights)
    steps = "".join(f"V{top}h2" for top in tops)
    return f"M{2 * bars.start} {SPARKLINE_HEIGHT}{steps}V{SPARKLINE_HEIGHT}z"


def _figures(value: Any) -> Iterable[Figure]:
    """Every figure inside sections and blocks."""
    if isinstance(value, Figure):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _figures(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _figures(getattr(value, field.name))


def _check_names(names: Sequence[str], what: str) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"two {what} of the report are called {repeated[0]!r}")
    for name in names:
        if not re.fullmatch(r"[\w-]+", name):
            raise ValueError(f"{name!r} is no name for one of the {what} of the report")
