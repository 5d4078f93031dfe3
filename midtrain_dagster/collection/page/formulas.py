"""The formulas of a page of HTML, by the forms in which pages hold them, as TeX.

- MathML, alone or in what KaTeX, MathJax, LaTeXML and MediaWiki make: its TeX is the annotation's,
  else the ``alttext``, else converted (``mathml.py``). The twin for the eye goes with it.
- Scripts of type ``math/tex``, ``math/asciimath`` and ``math/mml``, as MathJax 2 reads them.
- Attributes that hold the source: ``data-latex``, ``data-tex``, ``data-mathml``, AMP's
  ``data-formula``, Quill's ``data-value``.
- Images of formulas: their ``alt`` text, or the TeX in the address of a renderer. An image is one
  by its class, its address, or an ``alt`` with delimiters, commands or exponents and no words.

What a page has as plain text between ``$`` or ``\\(`` and ``\\)`` is text already.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from midtrain_dagster.collection.page.mathml import UnconvertibleError, local_name, tex_of

VERSION = 2


class Formula(NamedTuple):
    """A formula of a page: the element that stands for it, and its text, if there is one.

    ``text`` has its delimiters: ``$`` in a line, ``$$`` on its own, backquotes around AsciiMath.
    It is None where the source cannot be told, and empty where another element says the same.
    """

    element: Any
    text: str | None


HINT = re.compile(
    r"math|katex|mjx|latex|\btex\b|data-tex|formula|equation|eqn|cht=tx|mimetex|displaystyle|"
    r"alt=[\"']?\s*(?:\$|\\[(\[])|alt=[\"'][^\"'<>]{0,60}[\\^]|data-formula",
    re.IGNORECASE,
)
"""What stands in the markup of every page that holds one of these forms."""

_RENDERED = (
    "//*[self::span or self::div or self::mjx-container or self::p or self::amp-mathml]"
    "[contains(@class, 'atex') or contains(@class, 'athJax') or contains(@class, 'mjx')"
    " or contains(@class, 'MJX') or contains(@class, 'mwe-math-element')"
    " or contains(@class, 'ql-formula') or @data-latex or @data-tex or @data-formula"
    " or @data-mathml or self::mjx-container]"
)
_CONTAINERS = {
    *("katex-display", "katex", "mwe-math-element", "ql-formula"),
    *("MathJax_Display", "MathJax_SVG_Display", "MJXc-display", "MathJax_MathML"),
    *("MathJax", "MathJax_SVG", "MathJax_CHTML", "MathJax_PlainSource", "mjx-chtml"),
}
_SOURCES = ("data-latex", "data-tex", "data-formula", "data-value")
_PREVIEW = "MathJax_Preview"
_BLOCKS = "p", "table", "ul", "ol", "h1", "h2", "h3", "pre", "blockquote", "article", "section"
_IMAGE_CLASS = re.compile(
    r"(?:^|[\s_-])(?:latex|tex|math|mathtex|(?:inline|display|numbered)?(?:formula|equation)|ql-img|"
    r"mwe-math|mathjax)(?:$|[\s_-])",
    re.IGNORECASE,
)
_TEX_CLASS = re.compile(
    r"(?:^|[\s-])(?:latex|tex|mathtex|ql-img|mwe-math)(?:$|[\s-])", re.IGNORECASE
)
_IMAGE_SOURCE = re.compile(
    r"/math/render/|latex\.php|codecogs\.com|cht=tx|mathtex\.cgi|mimetex\.cgi|quicklatex|"
    r"/render/math\?|tex\.s2cms\.ru|/eqnedit|zhihu\.com/equation",
    re.IGNORECASE,
)
_IMAGE_TEX = re.compile(
    r"(?:[?&](?:latex|chl|math|tex|eq)=|"
    r"\.(?:cgi|latex)\?|codecogs\.com/[\w.]+\?|s2cms\.ru/\w+/)([^#]+)",
    re.IGNORECASE,
)
_IMAGE_PARAMETERS = re.compile(r"&(?:bg|fg|s|c|chs|chf|chco|zoom|mode)=.*$", re.DOTALL)
_RENDERING = re.compile(
    r"(?:\\(?:inline|dpi\{\d*\}|(?:bg|fn)_\w+|bg\{\w*\}|fn\w{2})(?![A-Za-z])\s*)+"
)
"""What CodeCogs is told about the image, before the formula."""
_LOOKS_LIKE_TEX = re.compile(r"[\\^_{}=<>+|]|^\s*\$.*\$\s*$|^\W*\w\W*$|^[\d\s.,()-]+$")
_IS_FORMULA = re.compile(
    r"(?=[^^\\]*(?:\^|\\[A-Za-z]+[ {\\_^(]))(?:\\[A-Za-z]+|(?<![A-Za-z])[A-Za-z]{1,3}(?![A-Za-z])"
    r"|[^A-Za-z\\]|\\[^A-Za-z])+"
)
_DELIMITED = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$"))
_STYLE = re.compile(r"\{?\\(?:displaystyle|textstyle|scriptstyle)(?![A-Za-z])\s*")
_COMMENT = re.compile(r"(?<!\\)%[^\n]*(?:\n|$)")
_LONGEST = 20_000


def formulas(tree: Any) -> Iterator[Formula]:
    """The formulas of a page in any order, each once; what lies within one belongs to it."""
    seen: set[Any] = set()
    above = _above_blocks(tree)
    for element in _candidates(tree):
        if element in seen:
            continue
        formula = None if element in above else _formula(element)
        if formula is not None:
            seen.update(element.iter())
            yield formula


def _candidates(tree: Any) -> Iterator[Any]:
    """What may stand for a formula, the outer before the inner."""
    yield from tree.xpath(_RENDERED)
    yield from [element for element in tree.iter() if local_name(element) == "math"]
    yield from tree.xpath("//script[starts-with(@type, 'math/')]")
    yield from tree.xpath("//img")


def _above_blocks(tree: Any) -> set[Any]:
    """What holds paragraphs or tables, and so is more than a formula, whatever its class."""
    above: set[Any] = set()
    for block in tree.iter(*_BLOCKS):
        parent = block.getparent()
        while parent is not None and parent not in above:
            above.add(parent)
            parent = parent.getparent()
    return above


def _formula(element: Any) -> Formula | None:
    name = local_name(element)
    if name == "img":
        return _image(element)
    if name == "script":
        return Formula(element, _script(element))
    if name == "math":
        tex = _math(element)
        return Formula(element, _delimited(tex, display=_is_display(element)))
    return _container(element)


def _container(element: Any) -> Formula | None:
    """What a program rendered: KaTeX, MathJax, MediaWiki, an editor."""
    classes = set((element.get("class") or "").split())
    is_source = any(element.get(key) for key in (*_SOURCES[:3], "data-mathml"))
    if _PREVIEW in classes:
        return Formula(element, "") if _is_twin_of_script(element) else None
    known = classes & _CONTAINERS or local_name(element) == "mjx-container"
    if not (known or is_source):
        return None
    if _is_twin_of_script(element):
        return Formula(element, "")
    display = _is_display(element)
    for part in element.iter():
        tex = _source(part)
        if tex:
            return Formula(element, _delimited(tex, display=display or _is_display(part)))
    image = next((found for found in map(_image, element.iter("img")) if found), None)
    return Formula(element, image.text if image else None)


def _source(part: Any) -> str | None:
    """The TeX that one element of a rendered formula holds, if any."""
    for key in _SOURCES:
        value = part.get(key)
        if value and (key != "data-value" or "ql-formula" in (part.get("class") or "")):
            return _cleaned(value)
    if part.get("data-mathml"):
        return _parsed(part.get("data-mathml"))
    return _math(part) if local_name(part) == "math" else None


def _is_twin_of_script(element: Any) -> bool:
    """Whether the script that MathJax 2 made it of stands behind it."""
    sibling = element
    for _ in range(2):
        sibling = sibling.getnext()
        if sibling is None:
            return False
        if local_name(sibling) == "script":
            return str(sibling.get("type") or "").startswith("math/")
    return False


def _math(math: Any) -> str | None:
    """The TeX of MathML."""
    alternative = _cleaned(math.get("alttext") or "")
    for annotation in math.iter():
        encoding = (annotation.get("encoding") or "").lower()
        if local_name(annotation) == "annotation" and "tex" in encoding.replace("text", ""):
            tex = _cleaned("".join(annotation.itertext()))
            if tex:
                return tex
    if alternative and _LOOKS_LIKE_TEX.search(alternative):
        return alternative
    try:
        return tex_of(math)
    except UnconvertibleError:
        return alternative or None


def _parsed(markup: str) -> str | None:
    """The TeX of MathML that stands in an attribute or script."""
    from lxml import etree, html

    try:
        root = html.fragment_fromstring(markup, create_parent="div")
    except (etree.ParserError, ValueError):
        return None
    math = next((part for part in root.iter() if local_name(part) == "math"), None)
    return _math(math) if math is not None else None


def _script(script: Any) -> str | None:
    kind, _, mode = script.get("type").lower().partition(";")
    display = "display" in mode
    source = script.text or ""
    if kind.strip() == "math/asciimath":
        return f"`{' '.join(source.split())}`" if source.strip() else None
    if kind.strip() == "math/mml":
        return _delimited(_parsed(source), display=display)
    return _delimited(_cleaned(source), display=display)


def _image(image: Any) -> Formula | None:
    """An image of a formula: by its class, its address, or an ``alt`` that can be nothing else."""
    alternative = (image.get("alt") or "").strip()
    source = image.get("src") or image.get("data-src") or ""
    kind = image.get("class") or ""
    delimited = any(
        alternative.startswith(a) and alternative.endswith(b) and len(alternative) > len(a + b)
        for a, b in _DELIMITED
    )
    known = _IMAGE_CLASS.search(kind) or _IMAGE_SOURCE.search(source)
    if not known and not delimited and not _is_formula(alternative):
        return None
    is_tex = _TEX_CLASS.search(kind) or _LOOKS_LIKE_TEX.search(alternative)
    tex = _cleaned(alternative) if is_tex else None
    if not tex and (found := _IMAGE_TEX.search(source)):
        address = _IMAGE_PARAMETERS.sub("", found.group(1))
        tex = _cleaned(_RENDERING.sub("", unquote_plus(address), count=1))
    display = "display" in kind or alternative.startswith(("$$", "\\["))
    return Formula(image, _delimited(tex, display=display))


def _is_formula(alternative: str) -> bool:
    if len(alternative) > _LONGEST:
        return False
    return bool(_STYLE.match(alternative) or _IS_FORMULA.fullmatch(alternative))


def _is_display(element: Any) -> bool:
    return (
        "isplay" in (element.get("class") or "")
        or element.get("display") in ("block", "true")
        or element.get("mode") == "display"
    )


def _cleaned(tex: str) -> str | None:
    """TeX on one line, without comments, delimiters and what only sets its size."""
    if len(tex) > _LONGEST:
        return None
    tex = " ".join(_COMMENT.sub("\n", tex).split())
    for opening, closing in _DELIMITED:
        if tex.startswith(opening) and tex.endswith(closing) and len(tex) > len(opening + closing):
            tex = tex[len(opening) : -len(closing)].strip()
            break
    style = _STYLE.match(tex)
    if style:
        braced = tex.startswith("{")
        if not braced or (tex.endswith("}") and not tex.endswith("\\}")):
            tex = tex[style.end() : -1 if braced else None].strip()
    return tex if tex.strip("$") else None


def _delimited(tex: str | None, *, display: bool) -> str | None:
    mark = "$$" if display else "$"
    return f"{mark}{tex}{mark}" if tex else None
