"""Every block becomes HTML in which all text is text, and the page stands alone."""

import re
from hashlib import blake2b
from html.parser import HTMLParser
from typing import get_args

import pytest

from midtrain_dagster.display import style
from midtrain_dagster.display.blocks import (
    Aside,
    Bars,
    Block,
    Box,
    Card,
    Cards,
    Code,
    Column,
    Diagram,
    Figure,
    Folded,
    Heading,
    KeyNumber,
    KeyNumbers,
    MultiplesRow,
    Notice,
    PageSection,
    ShareBar,
    Sides,
    SmallMultiples,
    Span,
    Sparkline,
    Stack,
    Table,
    Text,
    columns,
)
from midtrain_dagster.report import page

HOSTILE = '<script>alert("x")</script> & $\\frac$ {{ 1 }}'
CARD = Card((HOSTILE, Span(HOSTILE, "code", HOSTILE)), ((HOSTILE, HOSTILE),), HOSTILE)
SPARKLINE = Sparkline(4, (Bars(1, (0.5, 0.01), "out"),), (2,), HOSTILE, (HOSTILE,))

BLOCKS: tuple[Block, ...] = (
    Heading(HOSTILE),
    Text((HOSTILE, Span(HOSTILE, "strong"), HOSTILE)),
    Text(Span(HOSTILE, "better"), note=True),
    Notice(HOSTILE),
    Code(HOSTILE),
    Table(
        (Column(HOSTILE), Column("Rows", number=True)),
        (
            (Span(HOSTILE, "code", title=HOSTILE), Stack((HOSTILE, HOSTILE))),
            (ShareBar(0.256, strong=True), None),
        ),
    ),
    Cards((CARD, Card(quote=HOSTILE))),
    Sides(HOSTILE, HOSTILE, (CARD,), HOSTILE, ()),
    Aside(HOSTILE, (HOSTILE,), (HOSTILE,), HOSTILE),
    Folded(HOSTILE, (Notice(HOSTILE), Heading(HOSTILE))),
    SmallMultiples(
        HOSTILE,
        (HOSTILE, "long_name"),
        (MultiplesRow(HOSTILE, (HOSTILE,), (SPARKLINE, None), Folded(HOSTILE, ())),),
    ),
    Diagram(
        HOSTILE,
        HOSTILE,
        *(200, 100, (102, 46)),
        heads=((1, (HOSTILE,)),),
        boxes=(Box(1, 26, HOSTILE, (HOSTILE, HOSTILE), HOSTILE),),
        curves=((1, 2, 3, 4, 5, 6, 7, 8),),
    ),
    KeyNumbers((KeyNumber(HOSTILE, HOSTILE),)),
)
VOID = {"meta", "br", "hr", "img", "link", "input", "wbr"}


class Page(HTMLParser):
    """Reads a page, checks that tags are balanced, and keeps what is in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href", "data", "action"):
                self.references.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def figure(name: str) -> Figure:
    with style.house_style():
        drawn, axes = style.figure(2.0)
        axes.plot([0, 1, 2], [1.0, 0.5, 0.4])
        axes.fill_between([0, 2], [0, 0], [1, 1], alpha=0.2)
        axes.set_title(HOSTILE)
    return Figure(name, drawn, HOSTILE)


def section(name: str, *blocks: Block) -> PageSection:
    return PageSection(name, HOSTILE, HOSTILE, blocks, short=HOSTILE)


def rendered(*blocks: Block) -> str:
    return page.render("demo", HOSTILE, [section("one", *blocks)])


def test_page_shows_the_text_of_every_block_and_runs_none_of_it() -> None:
    kinds = {type(block) for block in BLOCKS} | {Figure}
    assert kinds == set(get_args(Block))
    for block in (*BLOCKS, figure("plot")):
        html = rendered(block)
        assert "<script" not in html
        bare = Page(rendered()).text.count(HOSTILE)
        assert Page(html).text.count(HOSTILE) > bare, type(block)


def test_page_stands_alone_and_its_references_lead_somewhere() -> None:
    html = page.render(
        "demo", "", [section("one", *BLOCKS, figure("a")), section("two", figure("b"))]
    )
    found = Page(html)
    assert len(found.ids) == len(set(found.ids))
    assert {"one", "two"} < set(found.ids)
    assert all(reference.startswith("#") for reference in found.references)
    assert {reference.removeprefix("#") for reference in found.references} <= set(found.ids)
    assert {"script", "img", "link", "iframe", "object"}.isdisjoint(found.tags)
    assert "url(http" not in html and "@import" not in html
    addresses = set(re.findall(r"""https?://[^\s"'<>]+""", html))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_sections_fold_and_a_link_leads_into_one() -> None:
    """A browser opens what a link leads into, so its place is inside what is folded."""
    html = page.render("demo", "", [section(f"s{number}") for number in range(page.OPEN + 2)])
    assert re.findall(r"<section><details( open)?>", html) == [" open"] * page.OPEN + [""] * 2
    for number in range(page.OPEN + 2):
        assert re.search(rf'</summary>\s*<div id="s{number}">', html)
        assert f'<li><a href="#s{number}">' in html
    assert "details-content" in html.partition("@media print")[2], "paper shows all"


def test_what_may_offend_is_said_before_it_is_unfolded() -> None:
    html = rendered(Folded("3 of 9", (Cards((CARD,)),), "which may be offensive"))
    summary = html.partition("<summary>3 of 9")[2].partition("</summary>")[0]
    assert "which may be offensive" in summary


def test_page_refuses_names_that_are_taken_or_no_words() -> None:
    with pytest.raises(ValueError, match="two sections of the report are called 'one'"):
        page.render("demo", "", [section("one"), section("one")])
    folded = Folded("more", (figure("a"),))
    with pytest.raises(ValueError, match="two figures of the report are called 'a'"):
        page.render("demo", "", [section("one", figure("a"), folded)])
    with pytest.raises(ValueError, match="is no name for one of the figures"):
        rendered(figure('a"onload="x'))


def test_tables_set_numbers_to_the_right_and_scroll() -> None:
    html = rendered(Table(columns("Name", "#Rows"), (("x", "12"),)))
    assert '<th scope="col" class="number">Rows</th>' in html
    assert '<td class="number">12</td>' in html
    assert re.search(r'<div class="scroll" tabindex="0"><table>', html)


def test_sparklines_show_every_bar_however_small() -> None:
    assert 'class="out" d="M2 30V15h2V29h2V30z"' in rendered(BLOCKS[10])


def test_key_numbers_are_those_of_the_sections() -> None:
    one, two = (KeyNumber(str(number), "words") for number in (1, 2))
    sections = [
        PageSection("a", "A", None, (), numbers=(one,)),
        PageSection("b", "B", None, (), numbers=(two,)),
    ]
    assert page.key_numbers(sections) == KeyNumbers((one, two))


def stylesheet() -> str:
    return rendered().partition("<style>")[2].partition("</style>")[0]


def colours() -> tuple[dict[str, str], dict[str, str]]:
    light, dark = (
        dict(re.findall(r"(--[a-z-]+): (#[0-9a-f]+)", rule))
        for rule in re.findall(r":root \{(.*?)\}", stylesheet(), re.DOTALL)
    )
    return light, dark


def test_style_sheet_has_every_colour_in_light_and_dark() -> None:
    css, (light, dark) = stylesheet(), colours()
    assert light.keys() == dark.keys() == set(re.findall(r"var\((--[a-z-]+)\)", css))
    of_figures = {
        "--ink": style.INK,
        "--muted": style.MUTED,
        "--rule": style.RULE,
        "--paper": style.PAPER,
        "--blue": style.BLUE,
        "--crossing": style.VERMILION,
    }
    assert of_figures.items() <= light.items()
    assert css.count("{") == css.count("}") and "@media print" in css


def contrast(one: str, other: str) -> float:
    """WCAG 2.1's ratio of two colours."""

    def luminance(colour: str) -> float:
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_can_be_read_in_light_and_dark() -> None:
    for each in colours():
        for name in ("--ink", "--muted", "--blue", "--good", "--bad", "--crossing"):
            assert contrast(each[name], each["--paper"]) >= 4, (name, each["--paper"])


def test_golden_page_without_figures() -> None:
    """The figures' bytes belong to matplotlib's version, the rest to ours."""
    digest = blake2b(rendered(*BLOCKS).encode(), digest_size=8).hexdigest()
    assert (page.VERSION, digest) == GOLDEN


GOLDEN = (6, "ba4b5f5ddf895203")
