"""The names that `notation` knows: elements and entities of HTML, and commands of TeX."""

from functools import cache
from html.entities import html5
from typing import NamedTuple

import numpy as np

LONGEST_ENTITY = 8
"""Bytes of an entity's name; longer ones are rare signs of mathematics."""

TAGS = (
    *("a", "abbr", "article", "aside", "b", "big", "blockquote", "body", "br", "button", "caption"),
    *("center", "cite", "code", "col", "dd", "del", "details", "dfn", "div", "dl", "dt", "em"),
    *("figure", "font", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i"),
    *("img", "input", "ins", "kbd", "label", "legend", "li", "main", "mark", "nav", "ol", "option"),
    *("p", "pre", "q", "s", "samp", "section", "select", "small", "span", "strike", "strong"),
    *("sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u"),
    *("ul", "var"),
)
"""Elements of HTML's text; other words in angle brackets are a program's, or the text's own."""

TEX_COMMANDS = (
    *("nabla", "natural", "ne", "nearrow", "neg", "neq", "newline", "nexists", "ngeq", "ni"),
    *("nleq", "nmid", "nolimits", "nonumber", "not", "notin", "nparallel", "nsubseteq", "nu"),
    *("nwarrow", "radical", "raggedright", "rangle", "rbrace", "rbrack", "rceil", "renewcommand"),
    *("rfloor", "rho", "right", "rightarrow", "rm", "root", "rule", "rvert", "tag", "tan"),
    *("tanh", "tau", "tbinom", "text", "textbf", "textcolor", "textit", "textrm", "textsf"),
    *("texttt", "textstyle", "tfrac", "therefore", "theta", "tilde", "times", "to", "top"),
    *("triangle", "tt", "triangleleft", "triangleright", "triangleq"),
)
"""Commands of TeX that begin as an escape does."""


class Names(NamedTuple):
    """Names known, as numbers (`name_number`), each list sorted."""

    tags: np.ndarray
    commands: np.ndarray
    entities: np.ndarray
    points: np.ndarray
    """int64: the character of each entity."""


@cache
def names() -> Names:
    """The names that the kernel looks up."""
    points = {
        name_number(name[:-1]): ord(sign)
        for name, sign in html5.items()
        if name.endswith(";") and len(name) <= LONGEST_ENTITY + 1 and len(sign) == 1
    }
    return Names(
        np.array(sorted(map(name_number, TAGS)), np.uint64),
        np.array(sorted(set(map(name_number, TEX_COMMANDS))), np.uint64),
        np.array(sorted(points), np.uint64),
        np.array([points[number] for number in sorted(points)], np.int64),
    )


def name_number(name: str) -> int:
    """A name of ASCII as a number: its first eight bytes, which tell all of these names apart."""
    return int.from_bytes(name.encode()[:8], "big")
