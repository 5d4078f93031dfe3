import re
from dataclasses import replace
from hashlib import blake2b
from html.parser import HTMLParser

import polars as pl
import pytest

from midtrain_dagster.report.data import ReportData
from midtrain_dagster.report.page import SECTIONS, VERSION, render

VOID = {"meta", "br", "hr", "img", "link", "input", "wbr"}


class Page(HTMLParser):
    """Reads a page, checks that tags are balanced, and keeps what is in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.tags: list[str] = []
        self.text: dict[str, str] = {}
        self.section = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.section = dict(attrs)["id"] or ""

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
        if self.open and self.open[-1] != "style":
            self.text[self.section] = self.text.get(self.section, "") + data


@pytest.fixture(scope="module")
def looked_at(data: ReportData, looked: dict[str, pl.DataFrame]) -> ReportData:
    return replace(data, **looked)


@pytest.fixture(scope="module")
def html(looked_at: ReportData) -> str:
    return render(looked_at)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_every_section_is_there_in_order_and_linked(page: Page) -> None:
    names = [name for name, _, _ in SECTIONS]
    assert [each for each in page.ids if each in names] == names
    assert names == [
        "summary",
        "checks",
        "losses",
        "benchmarks",
        "training",
        "mixture",
        "curation",
        "distributions",
        "contamination",
        "synthesis",
        "lineage",
        "recipe",
    ]
    assert {f"#{name}" for name in names} <= set(page.references)


def test_it_stands_alone(html: str, page: Page) -> None:
    assert all(reference.startswith("#") for reference in page.references)
    assert {"script", "img", "link", "iframe", "object"}.isdisjoint(page.tags)
    addresses = set(re.findall(r"""https?://[^\s"'<>]+""", html))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_ids_are_unique_and_references_lead_somewhere(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    assert {reference.removeprefix("#") for reference in page.references} <= set(page.ids)


def test_hostile_text_is_shown_and_not_run(html: str, page: Page) -> None:
    assert "<script" not in html
    for section in ("curation", "distributions", "contamination", "synthesis", "recipe"):
        assert '<script>alert("x")</script> & $\\frac$' in page.text[section]


def test_the_numbers_of_the_run_are_in_their_sections(page: Page) -> None:
    for section, text in (
        ("summary", "2.850 ± 0.040"),
        ("summary", "at chance"),
        ("checks", "no benchmark text in the shards"),
        ("losses", "extended: trained to 1,024"),
        ("benchmarks", "differs from chance"),
        ("training", "1.97M"),
        ("mixture", "1.07 epochs"),
        ("curation", "gopher_repetition:top_3_gram"),
        ("distributions", "at least 0.25 rating, prose"),
        ("contamination", "9 of 12"),
        ("synthesis", "1,204 generated pairs"),
        ("lineage", "duplicate_clusters"),
        ("recipe", "hidden_size: 128"),
    ):
        assert text in page.text[section], (section, text)
    assert page.tags.count("figure") == 8


def test_the_same_data_gives_the_same_bytes(looked_at: ReportData, html: str) -> None:
    assert render(looked_at) == html


def test_a_run_with_nothing_to_show_says_so(data: ReportData) -> None:
    empty = {
        name: value.clear() for name, value in vars(data).items() if isinstance(value, pl.DataFrame)
    }
    bare = replace(data, **empty, logs=(), planned={}, delivered={}, checks=(), distortions=())
    page = Page(render(bare))
    for section, text in (
        ("summary", "Nothing has been measured yet."),
        ("checks", "declared no checks"),
        ("losses", "No losses were measured."),
        ("benchmarks", "No benchmark was evaluated."),
        ("training", "No stage has been trained."),
        ("mixture", "No stage declares a mixture."),
        ("curation", "No documents were collected."),
        ("distributions", "No distributions were counted."),
        ("contamination", "No benchmark was scanned for."),
        ("synthesis", "makes no synthetic documents"),
        ("lineage", "No asset has been made."),
    ):
        assert text in page.text[section], section
    assert "svg" not in page.tags


def test_golden_page_without_its_figures(data: ReportData) -> None:
    """The figures' bytes belong to matplotlib's version, the rest to ours."""
    words = re.sub(r"<svg.*?</svg>", "", render(data), flags=re.DOTALL)
    assert (VERSION, blake2b(words.encode(), digest_size=8).hexdigest()) == GOLDEN


GOLDEN = (2, "aef0c7fe79ea7ac5")
