"""Presentation MathML to TeX (MathML Core, W3C; MathML 3, chapter 3).

What a formula in a page is written as when nothing else in it holds its source.

The converters on PyPI were tried on 16 formulas: ``mathml-to-latex`` gives ``\\left(\\right.`` for
each parenthesis and ``sin x`` for a sine and fails on what is nested 1,000 deep, ``mml2tex`` brings
an XSLT processor of 60 MB.
"""

import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from midtrain_dagster.collection.page.tex_symbols import (
    ACCENTS,
    ESCAPES,
    FUNCTIONS,
    MATRICES,
    NOTATIONS,
    UNDER,
    VARIANTS,
    WIDE,
    joined,
    symbols,
)

VERSION = 1

_DEEPEST = 60
_MOST_ELEMENTS = 5_000
_LONGEST = 20_000


class UnconvertibleError(ValueError):
    """MathML that is no presentation of a formula, or too deep or long for one."""


def tex_of(math: Any) -> str:
    """The TeX of a ``math`` element, an lxml tree in which prefixes of names do not count.

    Raises UnconvertibleError.
    """
    if next(islice(math.iter(), _MOST_ELEMENTS, None), None) is not None:
        raise UnconvertibleError(f"more than {_MOST_ELEMENTS} elements")
    tex = _row(list(math), 0)
    if not tex or len(tex) > _LONGEST:
        raise UnconvertibleError(f"{len(tex)} characters of TeX")
    return tex


def local_name(element: Any) -> str:
    """The name of an element without its prefix or namespace; nothing for comments."""
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


def _tex(element: Any, depth: int) -> str:
    if depth > _DEEPEST:
        raise UnconvertibleError("it is nested too deep")
    name = local_name(element)
    if name in _TOKENS:
        return _TOKENS[name](
            _SPACES.sub(" ", "".join(element.itertext()).strip(" \t\n\r")), element
        )
    children = [child for child in element if local_name(child)]
    if name in _ROWS:
        return _row(children, depth + 1)
    if name in _SILENT:
        return ""
    if name in _LAYOUTS:
        least, layout = _LAYOUTS[name]
        if len(children) < least:
            raise UnconvertibleError(f"<{name}> of {len(children)} parts")
        return layout(element, children, depth + 1)
    raise UnconvertibleError(f"<{name}> is not known")


def _row(children: Sequence[Any], depth: int) -> str:
    """Elements side by side; between fences a table is a matrix, a bare fraction a binomial."""
    children = [child for child in children if local_name(child)]
    parts: list[str] = []
    closed = -1
    for at, child in enumerate(children):
        if at == closed:
            continue
        name = local_name(child)
        fences = _fence(children, at - 1), _fence(children, at + 1)
        matrix = name == "mtable" and MATRICES.get(fences)
        binomial = name == "mfrac" and _is_without_line(child) and fences == ("(", ")")
        if (matrix or binomial) and at - 1 > closed:
            parts[-1] = _table(matrix, child, depth) if matrix else _binomial(child, depth)
            closed = at + bool(fences[1])
        else:
            parts.append(_tex(child, depth))
    return joined(parts)


def _binomial(fraction: Any, depth: int) -> str:
    above, below = (_tex(child, depth + 1) for child in list(fraction)[:2])
    return f"\\binom{{{above}}}{{{below}}}"


def _is_without_line(fraction: Any) -> bool:
    thickness = (fraction.get("linethickness") or "").strip()
    return thickness.startswith("0") and len(fraction) == 2


def _fence(children: Sequence[Any], at: int) -> str:
    if 0 <= at < len(children) and local_name(children[at]) == "mo":
        return (children[at].text or "").strip()
    return ""


def _braced(tex: str) -> str:
    """One argument of a command or script."""
    return tex if len(tex) == 1 else f"{{{tex}}}"


def _base(tex: str) -> str:
    """What a script is set to: one letter, number or command as it stands, else in braces."""
    return tex if _ATOM.fullmatch(tex) else f"{{{tex}}}"


def _identifier(text: str, element: Any) -> str:
    variant = VARIANTS.get((element.get("mathvariant") or "").lower(), "")
    if len(text) > 1 and text.isascii() and text.isalpha() and not variant:
        return f"\\{text}" if text in FUNCTIONS else f"\\operatorname{{{text}}}"
    return f"\\{variant}{{{symbols(text)}}}" if variant and text else symbols(text)


def _text(text: str, element: Any) -> str:
    return f"\\text{{{''.join(ESCAPES.get(c, c) for c in text)}}}" if text.strip() else ""


def _space(element: Any, children: list[Any], depth: int) -> str:
    width = _EMS.match(element.get("width") or "")
    return "" if width is None else "\\quad" if float(width.group(1)) >= 1 else "\\,"


def _fraction(element: Any, children: list[Any], depth: int) -> str:
    above, below = (_tex(child, depth) for child in children[:2])
    if _is_without_line(element):
        return f"{{{above} \\atop {below}}}"
    return f"\\frac{{{above}}}{{{below}}}"


def _root(element: Any, children: list[Any], depth: int) -> str:
    radicand, index = (_tex(child, depth) for child in children[:2])
    return f"\\sqrt[{index}]{{{radicand}}}"


def _square_root(element: Any, children: list[Any], depth: int) -> str:
    return f"\\sqrt{{{_row(children, depth)}}}"


def _scripts(*marks: str) -> Callable[[Any, list[Any], int], str]:
    def layout(element: Any, children: list[Any], depth: int) -> str:
        parts = [_tex(child, depth) for child in children]
        tex = _base(parts[0])
        for mark, script in zip(marks, parts[1:], strict=False):
            primes = mark == "^" and script.replace("\\prime", "'")
            if primes and not primes.strip("'"):
                tex += primes
            elif script:
                tex += mark + _braced(script)
        return tex

    return layout


def _limits(*marks: str) -> Callable[[Any, list[Any], int], str]:
    """Accents and braces over or under something; else limits, which TeX sets as scripts."""
    plain = _scripts(*marks)

    def layout(element: Any, children: list[Any], depth: int) -> str:
        if len(marks) == 1 and local_name(children[1]) == "mo":
            accents = ACCENTS if marks[0] == "^" else UNDER
            accent = accents.get((children[1].text or "").strip())
            if accent:
                base = _tex(children[0], depth)
                wide = len(base) > 1 and not _ATOM.fullmatch(base)
                return f"\\{WIDE.get(accent, accent) if wide else accent}{{{base}}}"
        if local_name(children[0]) == "mo" or _is_function(children[0]):
            return plain(element, children, depth)
        parts = [_tex(child, depth) for child in children]
        if len(parts) == 2 and parts[0].startswith(("\\underbrace", "\\overbrace")):
            return f"{parts[0]}{marks[0]}{_braced(parts[1])}"
        tex = parts[0]
        for mark, part in zip(marks, parts[1:], strict=False):
            tex = f"\\{'over' if mark == '^' else 'under'}set{{{part}}}{{{tex}}}" if part else tex
        return tex

    return layout


def _is_function(element: Any) -> bool:
    return local_name(element) == "mi" and (element.text or "").strip() in FUNCTIONS


def _multiscripts(element: Any, children: list[Any], depth: int) -> str:
    names = [local_name(child) for child in children]
    split = names.index("mprescripts") if "mprescripts" in names else len(names)

    def pairs(scripts: list[Any]) -> str:
        tex = ""
        for at, script in enumerate(scripts):
            part = _tex(script, depth)
            tex += ("_", "^")[at % 2] + _braced(part) if part else ""
        return tex

    before = pairs(children[split + 1 :])
    base = _base(_tex(children[0], depth)) + pairs(children[1:split])
    return f"{{}}{before}{base}" if before else base


def _fenced(element: Any, children: list[Any], depth: int) -> str:
    marks = (element.get("separators") or ",").strip()
    inner = [_tex(child, depth) for child in children]
    between = [marks[min(at, len(marks) - 1)] if marks else "" for at in range(len(inner))]
    body = "".join(a + b for a, b in zip(inner, [*between[: len(inner) - 1], ""], strict=False))
    opening, closing = element.get("open", "("), element.get("close", ")")
    return f"{symbols(opening)}{body}{symbols(closing)}"


def _table(kind: str, table: Any, depth: int) -> str:
    rows = []
    for row in table:
        if local_name(row) in ("mtr", "mlabeledtr"):
            cells = [cell for cell in row if local_name(cell) == "mtd"]
            cells = cells[1:] if local_name(row) == "mlabeledtr" else cells
            rows.append(" & ".join(_row(list(cell), depth + 1) for cell in cells))
    return f"\\begin{{{kind}}} {_ROW_END.join(rows)} \\end{{{kind}}}"


def _enclosed(element: Any, children: list[Any], depth: int) -> str:
    command = NOTATIONS.get((element.get("notation") or "").strip(), "")
    body = _row(children, depth)
    return f"\\{command}{{{body}}}" if command else body


_SPACES = re.compile(r"\s+")
_EMS = re.compile(r"\s*(\d*\.?\d+)em")
_ROW_END = " \\\\ "
_ATOM = re.compile(r"[^\\{}]|[0-9.]+|\\[A-Za-z]+|\\(?:mathbb|mathbf|mathcal|operatorname)\{\w+\}")

_TOKENS: dict[str, Callable[[str, Any], str]] = {
    "mi": _identifier,
    "mn": lambda text, _: symbols(text.replace(" ", "")),
    "mo": lambda text, _: f"\\{text}" if text in FUNCTIONS else symbols(text),
    "mtext": _text,
    "ms": _text,
}
_ROWS = {"math", "mrow", "mstyle", "mpadded", "merror", "mtd"}
_SILENT = {"mphantom", "none", "mprescripts", "maligngroup", "malignmark", "annotation"}
_LAYOUTS: dict[str, tuple[int, Callable[[Any, list[Any], int], str]]] = {
    "mspace": (0, _space),
    "mfrac": (2, _fraction),
    "msqrt": (1, _square_root),
    "mroot": (2, _root),
    "msub": (2, _scripts("_")),
    "msup": (2, _scripts("^")),
    "msubsup": (3, _scripts("_", "^")),
    "munder": (2, _limits("_")),
    "mover": (2, _limits("^")),
    "munderover": (3, _limits("_", "^")),
    "mmultiscripts": (1, _multiscripts),
    "mfenced": (0, _fenced),
    "mtable": (1, lambda element, _, depth: _table("matrix", element, depth)),
    "menclose": (0, _enclosed),
    "semantics": (1, lambda _, children, depth: _tex(children[0], depth)),
    "maction": (1, lambda _, children, depth: _tex(children[0], depth)),
}
"""By name: how many parts it has at least, and how they are laid out."""
