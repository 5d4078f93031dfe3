"""Mathematics through the extraction of a page's text: formulas, super- and subscripts.

Trafilatura drops MathML, scripts and images, and makes "106" of 10 to the 6th. So each formula and
script is put aside before it, a word of the formula's length stands in for it, and what came
through as main text is put back:

- a formula as TeX between ``$``, or ``$$`` if it is displayed (``formulas.py``);
- a superscript as ``10^6`` or ``10^{12}``, a subscript as ``H_2O`` or ``x_{ij}``, as TeX marks
  them. Ordinals and signs (1st, XIXe, trade marks), the fraction 1/2 and small print keep no mark,
  a raised "o" before C or F is a degree, and a reference to a note stands in brackets: ``word[3]``.

A displayed formula that a page has as TeX is a paragraph: text in a ``div`` of its own Trafilatura
passes over where there are paragraphs.

What holds a formula whose source cannot be told leaves nothing in the text and is counted, if it
stood in the main text.
"""

import re
from itertools import islice
from typing import Any

from midtrain_dagster.collection.page.formulas import HINT, formulas

VERSION = 2

_HINT = re.compile(rf"<su[bp]\b|vertical-align|\$\$|\\\[|\\begin|{HINT.pattern}", re.IGNORECASE)
_DISPLAYED = re.compile(
    r"\s*(?:\$\$.+\$\$|\\\[.+\\\]|\\begin\{(\w+\*?)\}.+\\end\{\1\})[\s.,;]*", re.DOTALL
)
_MOST_PARTS_OF_A_LINE = 6
_SCRIPTS = "//sup | //sub | //*[contains(@style, 'vertical-align')]"
_RAISED = re.compile(r"vertical-align\s*:\s*(super|sub)\b", re.IGNORECASE)
_LONGEST_SCRIPT = 40
_MOST_PARTS = 100
_WRITING = re.compile(
    r"st|nd|rd|th|tm|sm|mc|[e\u00e8]re|[e\u00e8]me|\((?:tm|r|c|sm)\)", re.IGNORECASE
)
_AFTER_DIGIT = re.compile(r"e|es|ers?|res?|n?des?|nd|o|os|as|[dmrtv][ao]s?|ste", re.IGNORECASE)
_AFTER_LETTER = re.compile(r"me|mes|lle|lles|le|gr|ts", re.IGNORECASE)
_WRITTEN = (
    (re.compile(""), _WRITING),
    (re.compile(r"\d$"), _AFTER_DIGIT),
    (re.compile(r"[^\W\d_]$"), _AFTER_LETTER),
    # Centuries and kings in French, and its number sign.
    (re.compile(r"(?<!\w)(?:[IVX]|[IVXLC]{2,})$"), re.compile(r"e|es|ers?|res?")),
    (re.compile(r"(?<!\w)[Nn]$"), re.compile(r"os?")),
)
"""What stands before a script, and with it makes it writing."""
_SCALE = re.compile(r"\s*[CF](?!\w)")
_SIGNS = re.compile(r"[^\w+\-\u2212\u2032'\u221e\u22a5]+")
_FRACTION_BARS = {"\u2044", "/", "\u2215"}
_BRACKETED = re.compile(r"\[.*\]|\(.*\)")
_BLOCKS = {"div", "body", "article", "section", "main", "td", "li", "blockquote", "center"}
_MARKS = "\ua66e\ua668\ua66c\ua7ad\u2c74\ua74b"
"""Rare letters, of which a page lacks one: that one marks its stand-ins."""
_WIDEST = 200


class PageMathematics:
    """The formulas and scripts of one page, put aside by number."""

    def __init__(self, markup: str):
        mark = next((mark for mark in _MARKS if mark not in markup), None)
        self._is_wanted = mark is not None and _HINT.search(markup) is not None
        self._mark = mark or ""
        self._stand_ins = re.compile(rf"( ?){self._mark}(\d+)x*{self._mark}")
        self._texts: list[str | None] = []

    def put_aside(self, tree: Any) -> None:
        """Let stand-ins take the place of formulas and scripts in an lxml tree of the page."""
        if not self._is_wanted:
            return
        for formula in formulas(tree):
            _replace(formula.element, "" if formula.text == "" else self._stand_in(formula.text))
        for block in tree.iter("div", "center"):
            if _is_displayed(block):
                block.tag = "p"
        for sup in tree.iter("sup"):
            _pair(sup)
        # The inner before the outer, which holds it then.
        for element in reversed(tree.xpath(_SCRIPTS)):
            mark = _script_mark(element)
            if mark:
                self._put_script_aside(element, mark)

    def put_back(self, text: str) -> tuple[str, int]:
        """The text with what was put aside in it, and how many formulas it has lost."""
        lost = 0

        def original(found: re.Match[str]) -> str:
            nonlocal lost
            number = int(found.group(2))
            if number >= len(self._texts):
                return found.group()
            own = self._texts[number]
            lost += own is None
            return "" if own is None else found.group(1) + own

        return (self._stand_ins.sub(original, text), lost) if self._texts else (text, 0)

    def _stand_in(self, text: str | None) -> str:
        number = str(len(self._texts))
        self._texts.append(text and self.put_back(text)[0])
        filling = min(len(text or ""), _WIDEST) - len(number) - 2
        return f"{self._mark}{number}{'x' * filling}{self._mark}"

    def _put_script_aside(self, element: Any, mark: str) -> None:
        content, lost = "", 0
        is_long = next(islice(element.iter(), _MOST_PARTS, None), None) is not None
        if not is_long:
            content, lost = self.put_back("".join(element.itertext()))
            content = " ".join(content.split())
        if is_long or lost or "$" in content or len(content) > _LONGEST_SCRIPT:
            element.tag = "span"  # small print, or marked as a formula
        elif not content:
            _replace(element, "")
        elif mark == "^" and _is_reference(element, content):
            _replace(element, self._stand_in(f"[{content}]"))
        elif mark == "^" and content == "o" and _SCALE.match(element.tail or ""):
            _replace(element, "\u00b0")
        elif _is_writing(element, mark, content):
            element.tag = "span"
        else:
            braced = content if len(content) == 1 else f"{{{content}}}"
            _replace(element, self._stand_in(mark + braced))


def _is_displayed(block: Any) -> bool:
    """Whether all that a block holds is TeX for a formula on its own line."""
    is_line = next(islice(block.iter(), _MOST_PARTS_OF_A_LINE, None), None) is None
    return is_line and _DISPLAYED.fullmatch("".join(block.itertext())) is not None


def _pair(sup: Any) -> None:
    """Let a superscript and the subscript behind it be text, if they are a fraction, and stand on
    one line, if a line end sets one above the other, as Wikipedia does with charges of ions."""
    second = sup.getnext()
    if second is None:
        return
    between = (sup.tail or "").strip()
    if second.tag == "sub" and between in _FRACTION_BARS:
        sup.tag = second.tag = "span"
    elif second.tag == "br" and not between and not (second.tail or "").strip():
        third = second.getnext()
        if third is not None and third.tag == "sub":
            second.tag = "span"


def _script_mark(element: Any) -> str:
    if element.tag in ("sup", "sub"):
        return "^" if element.tag == "sup" else "_"
    raised = _RAISED.search(element.get("style") or "")
    return "" if raised is None else "^" if raised.group(1).lower() == "super" else "_"


def _is_reference(element: Any, content: str) -> bool:
    """Whether a superscript leads to a note of the page, and lacks brackets."""
    if not content or not content[0].isalnum():
        return False
    parent = element.getparent()
    around = [parent] if parent is not None and parent.tag == "a" else []
    return any("#" in (a.get("href") or "") for a in (*around, *element.iter("a")))


def _is_writing(element: Any, mark: str, content: str) -> bool:
    """Whether a script is no mathematics: an ordinal, a sign, a note in brackets."""
    if _BRACKETED.fullmatch(content) or _SIGNS.fullmatch(content):
        return True
    if mark == "_":
        return False
    before = _text_before(element)
    if not before and (preceding := element.getprevious()) is not None:
        before = "".join(preceding.itertext())
    return any(follows.search(before) and words.fullmatch(content) for follows, words in _WRITTEN)


def _text_before(element: Any) -> str:
    """The text between an element and the sibling before it."""
    preceding = element.getprevious()
    if preceding is not None:
        return preceding.tail or ""
    parent = element.getparent()
    return (parent.text or "") if parent is not None else ""


def _replace(element: Any, text: str) -> None:
    parent = element.getparent()
    is_block = element.tag == "div" or (parent is not None and parent.tag in _BLOCKS)
    is_alone = is_block and not (element.tail or "").strip() and not _text_before(element).strip()
    element.clear(keep_tail=True)
    element.tag = "p" if is_alone and text else "span"
    element.text = text
