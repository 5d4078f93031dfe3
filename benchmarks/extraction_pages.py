"""Pages of HTML whose main text is labelled, of seven kinds: what extraction is measured on.

Two sorts. **Documentation** is real: pages of the packages that ``make bench`` gets, made by five
programs, each labelled by an XPath that a person chose for the program's layout. Pages of the other
kinds are ours: layouts in ``page_layouts/``, each the markup of a program that many sites run
(WordPress, phpBB, Discourse, MediaWiki, a shop, ...) or of none, in which the attribute ``main``
labels what a reader came for. They are filled with sentences of the documentation's prose, three
times each, so that no text is tuned to a tool; that their boilerplate was thought of by one person
is what the figures are to be read with.

Main text is the posts of a forum, question and answers without comments, a product's description
and its table without reviews, an article without its byline, date, captions and reader's comments.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from lxml import html

from benchmarks.corpus import FOLDER

LAYOUTS = Path(__file__).with_name("page_layouts")
FILLINGS = 3


class Page(NamedTuple):
    """A page and the words of its main text, in order."""

    kind: str
    name: str
    markup: str
    words: list[str]


class _Program(NamedTuple):
    """Pages made by one program: where they lie, their main part, and what of it is none."""

    name: str
    files: str
    main: str
    boilerplate: str
    pages: tuple[str, ...]


_SPHINX = "//a[@class='headerlink'] | //div[@class='toctree-wrapper compound']"
_PROGRAMS = (
    _Program(
        "python",
        "python3-doc/usr/share/doc/python3.11/html",
        "//div[@role='main']",
        _SPHINX,
        ("library/heapq.html", "tutorial/classes.html", "howto/sorting.html", "faq/design.html"),
    ),
    _Program(
        "linux",
        "linux-doc/usr/share/doc/linux-doc-6.1/html",
        "//div[@itemprop='articleBody']",
        _SPHINX,
        ("process/howto.html", "mm/mmu_notifier.html", "filesystems/efivarfs.html"),
    ),
    _Program(
        "sage",
        "sagemath-doc/usr/share/doc/sagemath/html/en",
        "//div[@role='main']",
        _SPHINX,
        ("tutorial/tour_help.html", "tutorial/introduction.html", "tutorial/tour_algebra.html"),
    ),
    _Program(
        "handbook",
        "debian-handbook/usr/share/doc/debian-handbook/html/en-US",
        "//body/div[@class='section' or @class='chapter']",
        "//div[@class='toc']",
        ("sect.knoppix.html", "sect.role-of-distributions.html", "sect.monitoring.html"),
    ),
    _Program(
        "maxima",
        "maxima-doc/usr/share/doc/maxima-doc/html",
        "//body/div",
        "//div[@class='header'] | //a[@class='copiable-anchor'] | //ul[@class='section-toc']",
        ("maxima_54.html", "maxima_27.html"),
    ),
    _Program(
        "gap",
        "gap-doc/usr/share/gap/doc/ref",
        "//body",
        "//div[starts-with(@class, 'chlink') or @class='ContSect' or @class='ContChap']"
        " | //p[@id='mathjaxlink']",
        ("chap2.html", "chap25.html"),
    ),
    _Program(
        "anarchism",
        "anarchism/usr/share/doc/anarchism/html",
        "//div[contains(@class, 'content')]",
        "//div[@class='none']",
        ("secE5.html", "secHint.html", "vol1intro.html"),
    ),
)
_REPEAT = re.compile(r"<!--repeat (\d+)-->(.*?)<!--end-->", re.DOTALL)
_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """The words of a text, as scores compare them."""
    return _WORD.findall(text.casefold())


def pages() -> Iterator[Page]:
    """All pages: documentation first, then each layout, filled."""
    for program in _PROGRAMS:
        for name in program.pages:
            file = FOLDER / program.files / name
            if not file.exists():
                raise FileNotFoundError(f"no {file}: run `make bench`")
            markup = file.read_text(encoding="utf-8")
            label = _labelled(markup, program.main, program.boilerplate)
            yield Page("documentation", f"{program.name}/{name}", markup, label)
    sentences = _sentences()
    for layout in sorted(LAYOUTS.glob("*.html")):
        for number in range(FILLINGS):
            filled = _filled(layout.read_text(encoding="utf-8"), sentences, Random(number))
            label = _labelled(filled, "//*[@main]", "//*[@nothing]")
            kind = layout.stem.partition("-")[0]
            markup = filled.replace(" main>", ">")
            yield Page(kind, f"{layout.stem}/{number}", markup, label)


def _labelled(markup: str, main: str, boilerplate: str) -> list[str]:
    tree = html.document_fromstring(markup.encode(), parser=html.HTMLParser(encoding="utf-8"))
    for element in tree.xpath(f"//body//script | //style | //body//comment() | {boilerplate}"):
        element.drop_tree()
    return [word for part in tree.xpath(main) for text in part.itertext() for word in words(text)]


def _sentences() -> list[str]:
    """Sentences of prose, of 8 to 40 words, in the order of their pages."""
    folder = FOLDER / "anarchism/usr/share/doc/anarchism/html"
    found = []
    for name in ("secB1.html", "secC2.html", "secE1.html", "secI3.html"):
        tree = html.document_fromstring((folder / name).read_bytes())
        for paragraph in tree.xpath("//p"):
            text = " ".join(paragraph.text_content().split())
            found += [s for s in re.split(r"(?<=[.!?]) ", text) if 8 <= len(s.split()) <= 40]
    return [re.sub(r"[<>&]", "", sentence) for sentence in found]


def _filled(layout: str, sentences: list[str], random: Random) -> str:
    """A layout with its parts repeated and its marks filled: ``$P`` a paragraph, ``$S`` a sentence,
    ``$W`` some words."""
    longer = (1, 2, 3)[random.randrange(3)]

    def repeated(found: re.Match[str]) -> str:
        return found.group(2) * (int(found.group(1)) * longer)

    def text(found: re.Match[str]) -> Any:
        at = random.randrange(len(sentences) - 6)
        if found.group() == "$W":
            return " ".join(sentences[at].split()[: random.randint(3, 8)]).strip(".,;:")
        return " ".join(sentences[at : at + (random.randint(2, 5) if found.group() == "$P" else 1)])

    return re.sub(r"\$[PSW]", text, _REPEAT.sub(repeated, layout))
