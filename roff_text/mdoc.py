"""Mdoc, the BSD manual macros: the words of a macro line, put together as they are read.

Mdoc marks what a word is (a flag, an argument, a path) and calls macros by name within a line;
mdoc(7) of mandoc is the reference. Here a line becomes plain text: brackets, quotes, dashes and
section numbers are written out, all other marks fall away.
"""

from collections.abc import Sequence

from roff_text.roff import plain

_ENCLOSED = {
    "Op": "[ ]",
    "Bq": "[ ]",
    "Pq": "( )",
    "Brq": "{ }",
    "Aq": "< >",
    "Dq": "\u201c \u201d",
    "Qq": '" "',
    "Sq": "\u2018 \u2019",
    "Ql": "\u2018 \u2019",
}
"""Macros that enclose the rest of their line. ``Oo`` and ``Oc`` are ``Op`` over several lines."""
_OPENED = {name[:-1] + "o": marks[0] for name, marks in _ENCLOSED.items() if name != "Ql"}
_CLOSED = {name[:-1] + "c": marks[-1] for name, marks in _ENCLOSED.items() if name != "Ql"}
_SYSTEMS = {
    "Ux": "UNIX",
    "Bx": "BSD",
    "Nx": "NetBSD",
    "Fx": "FreeBSD",
    "Ox": "OpenBSD",
    "Dx": "DragonFly",
    "Bsx": "BSD/OS",
    "At": "AT&T UNIX",
}
_MARKED = {
    *(
        "Ad",
        "An",
        "Ar",
        "Cd",
        "Cm",
        "Dv",
        "Em",
        "En",
        "Er",
        "Ev",
        "Fa",
        "Fr",
        "Ft",
        "Ic",
        "In",
        "Li",
    ),
    *("Lk", "Ms", "Mt", "Nd", "No", "Ot", "Pa", "St", "Sx", "Sy", "Tn", "Va", "Vt", "Xc", "Xo"),
}
_DEFAULTS = {"Ar": "file ...", "Pa": "~", "Mt": "~"}
_CLOSING = set(".,:;)]?!|")
_OPENING = set("([")

CALLABLE = (
    {"Fl", "Fn", "Nm", "Ns", "Ap", "Pf", "Xr"}
    | _MARKED
    | _ENCLOSED.keys()
    | _OPENED.keys()
    | _CLOSED.keys()
    | _SYSTEMS.keys()
)
"""The macros whose line is text, and which may be called within one."""


class _Words:
    """Words put together with the spaces that belong between them."""

    def __init__(self, spacing: bool) -> None:
        self.text = ""
        self.tight = True
        self._spacing = spacing

    def add(self, word: str, *, tight_after: bool = False) -> None:
        closing = word in _CLOSING
        self.text += word if self.tight or closing else f" {word}"
        self.tight = tight_after or word in _OPENING or not self._spacing


def inline(words: Sequence[str], name: str, spacing: bool = True) -> str:
    """A line that starts with a callable macro, as text; ``name`` is what ``Nm`` stands for.

    Without ``spacing`` (``.Sm off``) words stand close together.
    """
    out = _Words(spacing)
    _render(list(words), name, out)
    return out.text


def _render(words: list[str], name: str, out: _Words) -> None:
    while words:
        word = words.pop(0)
        if word in _ENCLOSED:
            _enclose(_ENCLOSED[word], words, name, out)
        elif word in _OPENED:
            out.add(_OPENED[word], tight_after=True)
        elif word in _CLOSED:
            out.tight = True
            out.add(_CLOSED[word])
        elif word in ("Ns", "Ap", "Pf"):
            _join(word, words, out)
        elif word == "Fl":
            _flags(words, out)
        elif word in ("Xr", "Fn") and words:
            _call(word, words, out)
        elif word == "Nm":
            out.add(" ".join(map(plain, _taken(words))) or name)
        elif word in _SYSTEMS:
            version = plain(words.pop(0)) if words and words[0][:1].isdigit() else ""
            named = f"{version}BSD" if word == "Bx" else f"{_SYSTEMS[word]} {version}"
            out.add(named.strip())
        elif word in _MARKED:
            if not _ahead(words) and word in _DEFAULTS:
                out.add(_DEFAULTS[word])
        elif shown := plain(word):
            out.add(shown)


def _enclose(marks: str, words: list[str], name: str, out: _Words) -> None:
    """The rest of the line between marks; a full stop at its end comes after them."""
    after: list[str] = []
    while words and words[-1] in _CLOSING:
        after.insert(0, words.pop())
    opening, closing = marks.split(" ")
    out.add(opening, tight_after=True)
    _render(words, name, out)
    for mark in (closing, *after):
        out.tight = True
        out.add(mark)


def _call(word: str, words: list[str], out: _Words) -> None:
    """A page with its section, or a function with its arguments."""
    called = plain(words.pop(0))
    taken = list(map(plain, _taken(words)))
    if word == "Fn":
        out.add(f"{called}({', '.join(taken)})")
        return
    out.add(f"{called}({taken[0]})" if taken else called)
    for rest in taken[1:]:
        out.add(rest)


def _join(word: str, words: list[str], out: _Words) -> None:
    out.tight = True
    if word == "Ap":
        out.add("'", tight_after=True)
    elif word == "Pf" and words:
        out.tight = out.text == ""
        out.add(plain(words.pop(0)), tight_after=True)


def _flags(words: list[str], out: _Words) -> None:
    flags = _taken(words)
    for flag in flags:
        out.add("-" + plain(flag))
    if not flags:
        # "Fl Fl long" and "Fl Ns Ar x": the next word follows the dash at once.
        out.add("-", tight_after=bool(words) and words[0] in CALLABLE)


def _ahead(words: list[str]) -> bool:
    return bool(words) and words[0] not in CALLABLE and words[0] not in _CLOSING


def _taken(words: list[str]) -> list[str]:
    """The words up to the next macro or closing mark, taken off."""
    taken = []
    while _ahead(words):
        taken.append(words.pop(0))
    return taken
