"""A manual page as text: headings, paragraphs, options with their explanations, examples.

Both macro packages are read, man (man(7) of groff) and mdoc (mdoc(7) of mandoc), in any language.
Headings stand on lines of their own, the lines of a paragraph are joined, an option and its
explanation follow one another, examples keep their lines. Tables, formulas and formatting go. There
is no indentation, and macros that a page defines for itself are not expanded.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from roff_text import mdoc
from roff_text.roff import arguments, plain, shown_lines

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_BULLET = re.compile(r"[\u2022\u00b7*o+\u2013\u2014-]|\(?\w{1,2}[.)]|\[\w{1,3}\]")

_FONTS = {"B", "I", "R", "SM", "SB", "Tn", "CW"}
_SPACED = {"PP", "P", "LP", "HP", "Pp", "Lp", "sp", "Sp", "RS", "RE", "Bl", "El", "YS", "Rs"}
_SPACED |= {"Re", "INDENT", "UNINDENT"}  # the last two are Docutils' own
_AS_IT_STANDS = {"nf": True, "EX": True, "Vb": True, "Bd": True, "Ds": True, "DS": True}
_AS_IT_STANDS |= {"fi": False, "EE": False, "Ve": False, "Ed": False, "De": False, "DE": False}
# Layout and indexing. Other names of at most three lower-case letters are requests of roff.
_PASSED_OVER = {"PD", "DT", "AT", "UC", "IX", "Id", "Os", "Bk", "Ek", "Bf", "Ef", "TE", "EN"}
_PASSED_OVER |= {"LINKSTYLE"}
_REFERENCE = re.compile(r"%[A-Z]")


_UNSPACED = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]{2}")
"""Chinese and Japanese characters, which are written without spaces; Korean ones are not."""


class ManualPage(NamedTuple):
    """A page's text, what it says of itself, and the page that it stands for, if any.

    ``metadata`` has ``title`` and ``section``, and ``date`` if the page gives one as 2026-01-31,
    else ``dated`` as it is written. ``redirect`` is what ``.so man1/ls.1`` names.
    """

    text: str
    metadata: dict[str, str]
    redirect: str


def read_page(source: str) -> ManualPage:
    """The page that a file in roff holds; line ends are LF."""
    page = _Page()
    for line in shown_lines(source):
        page.line(line)
    return ManualPage(page.text(), page.metadata, page.redirect)


class _Page:
    """The page so far. A line of output is finished by a break, a paragraph by a blank line."""

    def __init__(self) -> None:
        self.metadata: dict[str, str] = {}
        self.redirect = ""
        self._lines: list[str] = []
        self._line = ""
        self._glued = True
        self._as_it_stands = False
        self._awaited = ""  # what the next line of text is: a heading's or a tag's
        self._link: tuple[str, int] | None = None
        self._name = ""
        self._spacing = True

    def text(self) -> str:
        """All of it, without blank lines at its ends."""
        self._paragraph()
        return "\n".join(self._lines).strip()

    def line(self, line: str) -> None:
        """Take one line of the source, text or macro."""
        if not line.startswith("."):
            self._text(line)
            return
        name, _, rest = line[1:].partition(" ")
        words = arguments(rest)
        if name in _HANDLERS:
            _HANDLERS[name](self, name, words)
        elif name in mdoc.CALLABLE:
            self._mdoc(name, words)
        elif not words:
            return  # a change of font for the next line
        elif _REFERENCE.fullmatch(name) or name in _FONTS or self._is_its_own(name):
            self._text(" ".join(words))

    @staticmethod
    def _is_its_own(name: str) -> bool:
        """Whether a macro is one that the page defines, so that its arguments are text."""
        return name not in _PASSED_OVER and not (name.islower() and len(name) <= 3)

    def _examples(self, name: str, _: list[str]) -> None:
        self._paragraph()
        self._as_it_stands = _AS_IT_STANDS[name]

    def _spaced(self, name: str, words: list[str]) -> None:
        self._paragraph()

    def _broken(self, name: str, words: list[str]) -> None:
        self._break()
        if name in ("D1", "Dl", "SY"):
            self._words(mdoc.inline(words, self._name))
            if name != "SY":
                self._break()

    def _titled(self, name: str, words: list[str]) -> None:
        self._heading(plain(" ".join(words)))

    def _alternating(self, name: str, words: list[str]) -> None:
        self._text("".join(words))

    def _optional(self, name: str, words: list[str]) -> None:
        self._text(f"[{' '.join(words)}]")

    def _redirected(self, name: str, words: list[str]) -> None:
        self.redirect = self.redirect or " ".join(words)

    def _mdoc(self, name: str, words: list[str]) -> None:
        if name == "Nm" and words and not self._name:
            self._name = plain(words[0])
        if name == "Nd":
            words = ["\\(em", *words]
        self._words(mdoc.inline([name, *words], self._name, self._spacing), not self._spacing)

    def _space_words(self, _: str, words: list[str]) -> None:
        self._spacing = words[:1] != ["off"]
        self._glued = not self._line

    def _text(self, source: str) -> None:
        glued = source.endswith("\\c")
        self._words(plain(source), glued)

    def _words(self, text: str, glued: bool = False) -> None:
        awaited, self._awaited = self._awaited, ""
        if awaited == "heading":
            self._heading(text.strip())
        elif self._as_it_stands:
            self._line += text.rstrip() if not glued else text
            if not glued:
                self._lines.append(self._line)
                self._line = ""
        elif not text.strip() and not glued:
            self._paragraph()
        else:
            if text.startswith((" ", "\t")) and not self._glued:
                self._break()
            gap = "" if self._glued else _gap(self._line, text.strip())
            self._line += gap + text.strip()
            if glued and text.endswith(" "):
                self._line += " "
            self._glued = glued
            if awaited == "tag" and not _BULLET.fullmatch(text.strip()):
                self._break()

    def _break(self) -> None:
        if self._line.strip():
            self._lines.append(" ".join(self._line.split(" ")).strip())
        self._line = ""
        self._glued = True

    def _paragraph(self) -> None:
        self._break()
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def _heading(self, title: str) -> None:
        self._as_it_stands = False
        self._paragraph()
        if title:
            self._lines += [title, ""]
        else:
            self._awaited = "heading"

    def _item(self, name: str, words: list[str]) -> None:
        if name == "TQ":
            self._break()
        else:
            self._paragraph()
        if name == "It":
            tag = mdoc.inline(words, self._name)
        else:
            tag = plain(words[0]) if words and name == "IP" else ""
        if tag.strip():
            self._awaited = "tag"
            self._words(tag)
        elif name in ("TP", "TQ"):
            self._awaited = "tag"

    def _linked(self, name: str, words: list[str]) -> None:
        """A link's text, then its address in angle brackets; the address alone without text."""
        argument = plain("".join(words[:1]))
        if name in ("UR", "MT"):
            self._link = argument, len(self._line)
        elif self._link is not None:
            address, start = self._link
            self._link = None
            named = self._line[start:].strip() and not self._glued
            self._words(f"<{address}>{argument}" if named else f"{address}{argument}")

    def _named_link(self, _: str, words: list[str]) -> None:
        """AsciiDoctor's links: the address, its name and what follows, in one macro."""
        address, title, after = [*map(plain, words), "", "", ""][:3]
        self._words(f"{title} <{address}>{after}" if title else address + after)

    def _describe(self, name: str, words: list[str]) -> None:
        fields = dict(zip(("title", "section", "date"), map(plain, words), strict=False))
        if name == "Dd":
            fields = {"date": " ".join(words).removeprefix("$Mdocdate:").strip(" $")}
        date = fields.pop("date", "")
        if date:
            fields["date" if _ISO_DATE.fullmatch(date) else "dated"] = date
        self.metadata |= {key: value for key, value in fields.items() if value}


def _gap(before: str, after: str) -> str:
    """What stands between two lines of a paragraph: a space, or nothing between ideographs."""
    return "" if _UNSPACED.fullmatch(before[-1:] + after[:1]) else " "


_HANDLERS: dict[str, Callable[[_Page, str, list[str]], None]] = {
    **dict.fromkeys(_AS_IT_STANDS, _Page._examples),
    **dict.fromkeys(_SPACED, _Page._spaced),
    **dict.fromkeys(("br", "ti", "in", "ce", "D1", "Dl", "SY"), _Page._broken),
    **dict.fromkeys(("SH", "SS", "Sh", "Ss"), _Page._titled),
    **dict.fromkeys(("TP", "TQ", "IP", "It"), _Page._item),
    **dict.fromkeys(("UR", "MT", "UE", "ME"), _Page._linked),
    **dict.fromkeys(("URL", "MTO"), _Page._named_link),
    **dict.fromkeys(("TH", "Dt", "Dd"), _Page._describe),
    **dict.fromkeys(("BI", "BR", "IB", "IR", "RB", "RI"), _Page._alternating),
    "OP": _Page._optional,
    "Sm": _Page._space_words,
    "so": _Page._redirected,
}
