"""The special characters of roff by their names, after groff_char(7).

``\\(em`` and ``\\[em]`` are one name, ``em``. Where groff draws a typographic form of an ASCII
character that pages use for the character itself, ASCII is given (``aq``, ``dq``, ``ha``, ``ti``).
"""
# ruff: noqa: RUF001, SIM905

import re
import unicodedata

_NAMES = """
hy - aq ' dq " ha ^ ti ~ ga ` rs \\ sl / sh # at @ Do $ ul _ ru _ ba | or | lB [ rB ] lC { rC } pl +
eq = oq ‘ cq ’ lq “ rq ” bq ‚ Bq „ Fo « Fc » fo ‹ fc › em — en – bu • co © rg ® tm ™ aa ´ ad ¨ a^ ˆ
ct ¢ Po £ Ye ¥ Eu € sc § ps ¶ dg † dd ‡ de ° mc µ bv │ br │ bb ¦ rn ‾ fm ′ sd ″ pc · md ⋅ ** ∗ la ⟨
ra ⟩ 12 ½ 14 ¼ 34 ¾ S1 ¹ S2 ² S3 ³ Of ª Om º r! ¡ r? ¿ mi − mu × di ÷ +- ± <= ≤ >= ≥ != ≠ == ≡ ~~ ≈
ap ∼ =~ ≅ -> → <- ← <> ↔ ua ↑ da ↓ rA ⇒ lA ⇐ hA ⇔ if ∞ is ∫ sum ∑ pd ∂ gr ∇ sr √ no ¬ AN ∧ OR ∨ fa ∀
te ∃ mo ∈ nm ∉ sb ⊂ sp ⊃ ib ⊆ ip ⊇ ca ∩ cu ∪ es ∅ ss ß ae æ AE Æ oe œ OE Œ o/ ø O/ Ø -D Ð Sd ð TP Þ
Tp þ .i ı IJ Ĳ ij ĳ OK ✓ sq □ ci ○ lz ◊ CR ↵ lh ☜ rh ☞ ff ff fi fi fl fl Fi ffi Fl ffl ts ς
*a α *b β *g γ *d δ *e ε *z ζ *y η *h θ *i ι *k κ *l λ *m μ *n ν *c ξ *o ο *p π *r ρ *s σ *t τ *u υ
*f φ *x χ *q ψ *w ω *A Α *B Β *G Γ *D Δ *E Ε *Z Ζ *Y Η *H Θ *I Ι *K Κ *L Λ *M Μ *N Ν *C Ξ *O Ο *P Π
*R Ρ *S Σ *T Τ *U Υ *F Φ *X Χ *Q Ψ *W Ω
""".split()
_CHARACTERS = dict(zip(_NAMES[::2], _NAMES[1::2], strict=True))
_ACCENTS = {
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    "~": "\u0303",
    ":": "\u0308",
    ",": "\u0327",
    "v": "\u030c",
    "o": "\u030a",
}
_CODE_POINTS = re.compile(r"u([0-9A-Fa-f]{4,6}(?:_[0-9A-Fa-f]{4,6})*)")
_NUMBER = re.compile(r"char(\d{1,3})")


def special_character(name: str) -> str:
    """A special character by its name; nothing for one that is unknown."""
    if name in _CHARACTERS:
        return _CHARACTERS[name]
    if match := _CODE_POINTS.fullmatch(name):
        characters = (character(int(code, 16)) for code in match.group(1).split("_"))
        return unicodedata.normalize("NFC", "".join(characters))
    if match := _NUMBER.fullmatch(name):
        return character(int(match.group(1)))
    if len(name) == 2 and name[0] in _ACCENTS and name[1].isalpha():
        return unicodedata.normalize("NFC", name[1] + _ACCENTS[name[0]])
    return ""


def character(code_point: int) -> str:
    """The character of a code point; nothing for controls and surrogates."""
    shown = 0x20 <= code_point <= 0x10FFFF and not 0xD800 <= code_point < 0xE000
    return chr(code_point) if shown else ""
