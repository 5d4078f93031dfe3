"""A paraphrase by rules: other words of the same meaning, and clauses that change places.

No model writes here, so the set is the same everywhere. What people and models write strays
further, so recall by these figures is an upper bound of recall on paraphrase.
"""

import random
import re

SAME = {
    "how many": "what number of", "how much": "what amount of", "each": "every single",
    "every": "each", "buys": "purchases", "buy": "purchase", "bought": "purchased",
    "sells": "offers", "sold": "parted with", "makes": "produces", "make": "produce",
    "made": "produced", "gives": "hands", "give": "hand", "gave": "handed", "gets": "receives",
    "get": "receive", "got": "received", "total": "sum", "altogether": "in all",
    "more than": "above", "less than": "below", "twice": "two times", "half": "one half",
    "costs": "is priced at", "cost": "be priced at", "pays": "spends", "paid": "spent",
    "pay": "spend", "takes": "needs", "take": "need", "uses": "employs", "use": "employ",
    "used": "employed", "has": "owns", "have": "own", "had": "owned", "wants": "wishes",
    "decides": "chooses", "starts": "begins", "started": "began", "finds": "discovers",
    "goes": "travels", "went": "travelled", "eats": "consumes", "ate": "consumed",
    "which of the following": "which one of these", "best describes": "describes most closely",
    "is called": "is known as", "most likely": "probably", "return": "give back",
    "returns": "gives back", "given": "supplied with", "list": "sequence", "string": "text",
    "number": "figure", "numbers": "figures", "check if": "tell whether", "write": "compose",
    "people": "persons", "children": "kids", "kids": "children", "friends": "companions",
    "day": "24 hours", "week": "seven days", "then": "afterwards", "also": "as well",
    "because": "since", "but": "yet", "if": "provided that", "when": "at the time that",
    "large": "big", "big": "large", "small": "little", "man": "gentleman", "woman": "lady",
    "money": "cash", "house": "home", "car": "vehicle", "left": "remaining", "shows": "displays",
    "are seen": "can be seen", "is seen": "can be seen", "walking": "strolling", "into": "inside",
}  # fmt: skip

_PATTERN = re.compile(
    r"\b(" + "|".join(sorted(map(re.escape, SAME), key=len, reverse=True)) + r")\b", re.IGNORECASE
)
_CLAUSE = re.compile(r"^(If|When|After|Before|While|Since) ([^,.?!]+), ([^.?!]+)([.?!])$")


def paraphrased(text: str, draw: random.Random) -> str:
    """Every word of the table is another, conditions follow what they condition."""
    parts = []
    for sentence in re.split(r"(?<=[.?!])\s+", text.strip()):
        turned = _CLAUSE.sub(
            lambda found: f"{found[3]} {found[1].lower()} {found[2]}{found[4]}", sentence
        )
        parts.append(_PATTERN.sub(lambda found: SAME[found[0].lower()], turned))
    if len(parts) > 2 and draw.random() < 0.5:
        parts[0], parts[1] = parts[1], parts[0]
    return " ".join(parts)
