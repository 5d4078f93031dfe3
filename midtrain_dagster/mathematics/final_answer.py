r"""The final answer that stands in a text, and one way to write it.

A solution says its answer where its kind does: in ``\boxed{}`` (MATH), behind ``####`` (GSM8K), or
behind words such as "the answer is". Where it does neither, its last number stands for it, which is
a guess: who needs to be sure takes :func:`marked_answer`. Everything here is linear in the text.
"""

import re

VERSION = 2

BOXES = ("\\boxed", "\\fbox")
TRIES = 4  # boxes that are looked at, from the last one; the others may be left open

_HASHES = re.compile(r"####[ \t]*([^\n]+)")
_WORDS = re.compile(r"(?i)\banswer(?:[ \t]+is\b[ \t]*:?|[ \t]*[:=])(?:\*\*)?[ \t]*([^\n]+)")
_FORMULA = re.compile(r"\$\$?([^$\n]+)\$|\\\(([^\n]+?)\\\)|\\\[([^\n]+?)\\\]")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|[,;](?=\s+[A-Za-z])")
_NUMBER = re.compile(r"(?<![\w.,])[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:/\d+)?%?")

_WRAPPED = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("`", "`"))
_SAID = re.compile(r"\\(?:text|mathrm|mathbf|textbf|operatorname)\s*\{([^{}]*)\}")
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|\\,|,?\\!)(?=\d{3}(?!\d))")
"""What LaTeX puts between thousands: ``10{,}000``, ``10\\,000``, ``10,\\!000`` (MATH)."""
_LAYOUT = re.compile(r"\\(?:left|right|displaystyle|!|,|;|:|quad)(?![A-Za-z])|~")
_WRITTEN = str.maketrans(
    {"\u2212": "-", "\u2013": "-", "\u00d7": "*", "\u00f7": "/", "\u2044": "/", "\u00a0": " "}
)
_MIXED = re.compile(r"(-?)(\d{1,9}) (\d{1,9})/(\d{1,9})")


def marked_answer(text: str) -> str | None:
    r"""The answer that a text says to be its final one: the last ``\boxed{}``, else what stands
    behind the last ``####``, else behind the last "answer is" or "answer:"; none: it says none."""
    boxed = _boxed(text)
    if boxed is not None:
        return boxed
    for pattern in (_HASHES, _WORDS):
        said = [found[1] for found in pattern.finditer(text)]
        if said:
            answer = said[-1].strip() if pattern is _HASHES else _first_of(said[-1])
            if normal_form(answer):
                return answer
    return None


def final_answer(text: str) -> str | None:
    """The marked answer of a text, else its last number; none: there is no number either."""
    marked = marked_answer(text)
    if marked is not None:
        return marked
    numbers = _NUMBER.findall(text)
    return numbers[-1] if numbers else None


def normal_form(answer: str) -> str:
    r"""An answer without what does not change it: formula signs, ``\text``, layout, white space,
    markup, a full stop. Equal answers may still have different normal forms (``equality.equal``).
    """
    written = " ".join(answer.translate(_WRITTEN).split())
    while True:
        before = written
        written = written.strip().rstrip(".,;:!")
        for opening, closing in _WRAPPED:
            inner = written[len(opening) : -len(closing)]
            if written.startswith(opening) and written.endswith(closing) and opening not in inner:
                written = inner
        boxed = next((box for box in BOXES if written.startswith(box)), None)
        if boxed and written.endswith("}"):
            written = written.removeprefix(boxed).lstrip()[1:-1]
        if written == before:
            break
    written = _THOUSANDS.sub("", written)
    written = _LAYOUT.sub(" ", _SAID.sub(r" \1 ", written))
    written = re.sub(r"\\[dt]frac\b", r"\\frac", written).replace("**", "^")
    written = " ".join(written.replace("\\$", "").replace("\\%", "%").split())
    mixed = _MIXED.fullmatch(written)
    if mixed:
        sign, whole, over, under = mixed.groups()
        written = f"{sign}{int(whole) * int(under) + int(over)}/{under}"
    return written


def _boxed(text: str) -> str | None:
    """What stands in the last box that is closed, and not empty."""
    end = len(text)
    for _ in range(TRIES):
        at = max(text.rfind(box, 0, end) for box in BOXES)
        if at < 0:
            return None
        found = _braced(text, at)
        if found is not None and normal_form(found):
            return found
        end = at
    return None


def _braced(text: str, at: int) -> str | None:
    """What stands in the braces that open behind a command."""
    opening = text.find("{", at)
    if opening < 0 or text[at:opening].rstrip() not in BOXES:
        return None
    depth = 0
    for found in re.compile(r"\\.|[{}]").finditer(text, opening):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0:
            return text[opening + 1 : found.start()].strip()
    return None


def _first_of(said: str) -> str:
    """What is said first behind "the answer is": a formula, or the words to the sentence's end."""
    formula = _FORMULA.match(said)
    if formula:
        return next(each for each in formula.groups() if each is not None).strip()
    end = _SENTENCE_END.search(said)
    first = said[: end.start()].strip() if end else said.strip()
    # What opened the bold stood before it.
    return first.removesuffix("**").strip() if first.count("**") == 1 else first
