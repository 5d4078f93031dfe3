"""The ways in which a text is changed before it is planted: what a kind of contamination does."""

import random
import re

NAMES = ("Oluwaseun", "Birgitta", "Takumi", "Xiomara", "Zdenek", "Priyanka", "Leilani", "Anselm")
TYPOGRAPHIC = str.maketrans({"'": "\u2019", '"': "\u201d", "-": "\u2010", "*": "\u00d7"})
INVISIBLE = ("\u00ad", "\u200b", "\u200d", "\u2060", "\ufeff")


def sentences(text: str) -> list[str]:
    """Its sentences; of code, its lines."""
    return [each for each in re.split(r"(?<=[.?!])\s+|\n+", text.strip()) if each.strip()]


def damaged(text: str, draw: random.Random, share: float) -> str:
    """That share of the words is another, is missing or is there twice."""
    words = text.split(" ")
    for place in draw.sample(range(len(words)), round(share * len(words))):
        words[place] = draw.choice(("something", "indeed", "", f"{words[place]} {words[place]}"))
    return " ".join(word for word in words if word)


def other_numbers(text: str, draw: random.Random) -> str | None:
    """Every number is another of as many digits; None of a text without one."""

    def other(found: re.Match[str]) -> str:
        return "".join(draw.choice([d for d in "123456789" if d != digit]) for digit in found[0])

    changed = re.sub(r"\d+", other, text)
    return changed if changed != text else None


def other_names(text: str, draw: random.Random) -> str | None:
    """Every name is another; a name is a capitalised word that also stands within a sentence."""
    names = sorted(set(re.findall(r"(?<=[a-z,] )[A-Z][a-z]{2,}\b", text)))
    if not names:
        return None
    drawn = draw.sample(range(len(NAMES)), min(len(names), len(NAMES)))
    others = {name: NAMES[place] for name, place in zip(names, drawn, strict=False)}
    pattern = r"\b(" + "|".join(others) + r")\b"
    return re.sub(pattern, lambda found: others[found[0]], text)


def reordered(text: str, draw: random.Random) -> str | None:
    """Its sentences in another order; None of a text that has one."""
    parts = sentences(text)
    if len(parts) < 2:
        return None
    moved = parts[::-1] if len(parts) < 4 else draw.sample(parts, len(parts))
    return " ".join(parts[::-1] if moved == parts else moved)


def first_half(text: str) -> str:
    """The first half of its words."""
    words = text.split(" ")
    return " ".join(words[: len(words) // 2])


def rewrapped(text: str, draw: random.Random) -> str:
    """Eight words a line, in another case, with typographic signs."""
    words = draw.choice((text.upper(), text.lower(), text.title())).translate(TYPOGRAPHIC).split()
    return "\n".join(" ".join(words[at : at + 8]) for at in range(0, len(words), 8))


def disguised(text: str, draw: random.Random) -> str:
    """Soft hyphens, joiners and no-break spaces, as typesetters leave them."""
    spelt = (char + draw.choice(INVISIBLE) if draw.random() < 0.2 else char for char in text)
    return "".join(spelt).replace(" ", "\u00a0")


def with_choices(
    question: str, choices: list[str], draw: random.Random, *, shuffled: bool
) -> str | None:
    """The question and its lettered choices; None where there are none."""
    if not choices:
        return None
    order = draw.sample(choices, len(choices)) if shuffled else choices
    marks = draw.choice(("({})", "{}.", "{})"))
    lettered = zip("ABCDEFGHIJ", order, strict=False)
    return "\n".join((question, *(f"{marks.format(letter)} {each}" for letter, each in lettered)))
