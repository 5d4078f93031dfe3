# ruff: noqa: RUF001, SIM905 - signs that look like others are what this is about
"""Characters of formulas as TeX writes them, and the names of functions, accents and matrices.

Greek letters and the mathematical alphabets are derived from their Unicode names; the signs are
those of TeX and amsmath. What has no command stays the character it is, as
``unicode-math`` reads it.
"""

import re
import unicodedata
from collections.abc import Sequence


def joined(parts: Sequence[str]) -> str:
    """Parts of a formula side by side: a command's name ends where the next letter begins."""
    joined: list[str] = []
    command = False
    for part in filter(None, parts):
        if command and part[0].isalnum():
            joined.append(" ")
        joined.append(part)
        command = _ENDS_IN_COMMAND.search(part) is not None
    return "".join(joined)


def symbols(text: str) -> str:
    """The characters of a name or sign as TeX."""
    return joined([symbol(character) for character in text])


def symbol(character: str) -> str:
    """One character as TeX: its command, its letter in an alphabet, or itself."""
    if character in SIGNS:
        return SIGNS[character]
    if character < "\x7f":
        return ESCAPES.get(character, character)
    name = unicodedata.name(character, "")
    letter = unicodedata.normalize("NFKC", character)
    if name.startswith(("MATHEMATICAL", "DOUBLE-STRUCK", "SCRIPT", "BLACK-LETTER")):
        plain = symbol(letter) if len(letter) == 1 and letter != character else letter
        command = next((tex for word, tex in _ALPHABETS if word in name), "")
        return f"\\{command}{{{plain}}}" if command else plain
    greek = _GREEK.fullmatch(name)
    if greek:
        case, letter_name = greek.groups()
        command = _LAMBDA.get(letter_name, letter_name).lower()
        if command in _GREEK_COMMANDS and case == "SMALL":
            return f"\\{command}"
        if command in _GREEK_CAPITALS and case == "CAPITAL":
            return f"\\{command.capitalize()}"
    return character


_ENDS_IN_COMMAND = re.compile(r"\\[A-Za-z]+$")
_GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER ([A-Z]+)")
_LAMBDA = {"LAMDA": "LAMBDA"}
_GREEK_COMMANDS = set(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega".split()
)
_GREEK_CAPITALS = set("gamma delta theta lambda xi pi sigma upsilon phi psi omega".split())
FUNCTIONS = set(
    "arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf "
    "limsup ln log max min Pr sec sin sinh sup tan tanh".split()
)
_ALPHABETS = (
    ("DOUBLE-STRUCK", "mathbb"),
    ("BOLD", "mathbf"),
    ("SCRIPT", "mathcal"),
    ("FRAKTUR", "mathfrak"),
    ("BLACK-LETTER", "mathfrak"),
    ("SANS-SERIF", "mathsf"),
    ("MONOSPACE", "mathtt"),
)
VARIANTS = {
    "bold": "mathbf",
    "bold-italic": "mathbf",
    "double-struck": "mathbb",
    "script": "mathcal",
    "fraktur": "mathfrak",
    "sans-serif": "mathsf",
    "monospace": "mathtt",
}
ESCAPES = {c: f"\\{c}" for c in "%#&_${}"} | {"\\": "\\backslash", "~": "\\sim", "^": "\\wedge"}
SIGNS = (
    dict(
        pair.split("=", 1)
        for pair in """
    ≤=\\le ≥=\\ge ≠=\\ne ≈=\\approx ≡=\\equiv ∼=\\sim ≃=\\simeq ≅=\\cong ∝=\\propto ≪=\\ll ≫=\\gg
    ⪯=\\preceq ≺=\\prec ≻=\\succ ⪰=\\succeq ⊂=\\subset ⊆=\\subseteq ⊃=\\supset ⊇=\\supseteq ∈=\\in
    ∉=\\notin ∋=\\ni ∪=\\cup ∩=\\cap ∖=\\setminus ∅=\\emptyset ∧=\\wedge ∨=\\vee ¬=\\neg ∀=\\forall
    ∃=\\exists ⊢=\\vdash ⊨=\\models ⊥=\\perp ∥=\\parallel ∠=\\angle ±=\\pm ∓=\\mp ×=\\times ÷=\\div
    ⋅=\\cdot ·=\\cdot ∗=* ∘=\\circ ∙=\\bullet ⊕=\\oplus ⊗=\\otimes ⊙=\\odot †=\\dagger ∑=\\sum
    ∏=\\prod ∐=\\coprod ∫=\\int ∬=\\iint ∭=\\iiint ∮=\\oint ⋃=\\bigcup ⋂=\\bigcap ⨁=\\bigoplus
    ⨂=\\bigotimes ∂=\\partial ∇=\\nabla ∞=\\infty ∴=\\therefore ∵=\\because →=\\to ←=\\leftarrow
    ↔=\\leftrightarrow ⇒=\\Rightarrow ⇐=\\Leftarrow ⇔=\\Leftrightarrow ↦=\\mapsto ⟶=\\longrightarrow
    ⟹=\\implies ⟺=\\iff ↑=\\uparrow ↓=\\downarrow ⟨=\\langle ⟩=\\rangle 〈=\\langle 〉=\\rangle
    ⌊=\\lfloor ⌋=\\rfloor ⌈=\\lceil ⌉=\\rceil ‖=\\| ∣=\\mid …=\\ldots ⋯=\\cdots ⋮=\\vdots ⋱=\\ddots
    ′=\\prime ″=\\prime\\prime ℓ=\\ell ħ=\\hbar ℏ=\\hbar ℵ=\\aleph ℜ=\\Re ℑ=\\Im ℘=\\wp ϵ=\\epsilon
    ε=\\varepsilon ϑ=\\vartheta φ=\\varphi ϕ=\\phi ϖ=\\varpi ϱ=\\varrho ς=\\varsigma −=- √=\\surd
    °=^{\\circ}
    """.split()
    )
    | dict.fromkeys("\u2061\u2062\u2063\u2064\u200b\u2060\ufeff", "")
    | {"\xa0": "\\ "}
)
ACCENTS = {
    "^": "hat", "ˆ": "hat", "˜": "tilde", "~": "tilde", "¯": "bar", "‾": "bar", "―": "bar",
    "_": "bar", "→": "vec", "⃗": "vec", "˙": "dot", ".": "dot", "¨": "ddot", "ˇ": "check",
    "˘": "breve", "´": "acute", "`": "grave", "⏞": "overbrace", "︷": "overbrace",
}  # fmt: skip
UNDER = {
    "_": "underline",
    "̲": "underline",
    "¯": "underline",
    "⏟": "underbrace",
    "︸": "underbrace",
}
WIDE = {"hat": "widehat", "tilde": "widetilde", "bar": "overline", "vec": "overrightarrow"}
MATRICES = {
    ("(", ")"): "pmatrix",
    ("[", "]"): "bmatrix",
    ("|", "|"): "vmatrix",
    ("‖", "‖"): "Vmatrix",
    ("{", ""): "cases",
}
NOTATIONS = {
    "box": "boxed",
    "roundedbox": "boxed",
    "updiagonalstrike": "cancel",
    "top": "overline",
}
