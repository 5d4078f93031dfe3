"""Numbers that prove themselves: payment cards (ISO/IEC 7812) and bank accounts (ISO 13616).

Check digits and the structures of accounts are python-stdnum's. A check digit alone lets one number
in ten pass, and documents are full of numbers. So a card must also begin as its issuer's do, have
their length, be written together or in their groups, and not stand among other numbers of its kind
that are no cards, as in a sequence or a column. Beside a word such as "card" the rarer issuers
count too, whose prefixes and lengths are so wide that they prove nothing alone.
"""

import re
from functools import lru_cache

LOOKS_BACK, LOOKS_AHEAD = 80, 80
"""Bytes before and behind a number that are read for what they say of it."""

_ISSUERS = re.compile(
    r"""
    4\d{15}                                                           # Visa
    | (?:5[1-5]\d\d | 222[1-9] | 22[3-9]\d | 2[3-6]\d\d | 27[01]\d | 2720)\d{12}  # Mastercard
    | 220[0-4]\d{12}                                                  # Mir
    | 3[47]\d{13}                                                     # American Express
    | (?:6011 | 64[4-9]\d | 65\d\d)\d{12}                             # Discover
    | (?:30[0-5] | 3[689]\d)\d{11}                                    # Diners Club
    | 35(?:2[89] | [3-8]\d)\d{12}                                     # JCB
    | 62\d{14} | 62\d{17}                                             # UnionPay
    """,
    re.VERBOSE,
)
_WIDE_ISSUERS = re.compile(
    r"""
    4\d{12} | 4\d{18} | (?:2131|1800)\d{11}            # Visa, JCB
    | (?:50|5[6-9]|6[0-9])\d{10,17}                      # Maestro, RuPay, Elo, Verve, UnionPay
    | 8[12]\d{14} | 9792\d{12}                          # RuPay, Troy
    """,
    re.VERBOSE,
)
_GROUPS = {
    *((length,) for length in range(12, 20)),
    (4, 4, 4, 4),
    (4, 4, 4, 4, 3),
    (4, 4, 4, 1),
    (4, 6, 5),
    (4, 6, 4),
}
_NAMED = re.compile(
    r"card|\bcc\b|visa|master|maestro|amex|rupay|unionpay|mir\b|kart|carte|tarjeta|carta|cart[aã]o"
    r"|cartão|карт|カード|卡|카드|بطاقة|कार्ड|कार्ड",
    re.IGNORECASE,
)
_LONG = re.compile(r"(?<![\w.])(?:\d{12,19}|\d{4}(?:[ -]\d{4}){3})(?![\w.])")
_BETWEEN = re.compile(r"[\s,;|\"'\[\](){}:&/-]{0,6}")


def is_card(number: str, before: str = "", behind: str = "") -> bool:
    """Whether digits, perhaps in groups parted by spaces, hyphens or dots, are a card's number.

    ``before`` and ``behind`` are what stands around it.
    """
    groups = number.replace(".", " ").replace("-", " ").split(" ")
    digits = "".join(groups)
    if tuple(map(len, groups)) not in _GROUPS or len(set(digits)) == 1:
        return False
    if not _ISSUERS.fullmatch(digits) and not (
        _WIDE_ISSUERS.fullmatch(digits) and _NAMED.search(before[-48:])
    ):
        return False
    return _has_check_digit(digits) and not _in_sequence(digits, before, behind)


@lru_cache(4096)
def _has_check_digit(digits: str) -> bool:
    from stdnum import luhn

    valid: bool = luhn.is_valid(digits)
    return valid


def _in_sequence(digits: str, before: str, behind: str) -> bool:
    """Whether numbers like it stand in a row with it, or begin like it, that are no cards."""
    for text, backwards in ((before, True), (behind, False)):
        in_row, reached = True, len(text) if backwards else 0
        matches = list(_LONG.finditer(text))
        for match in reversed(matches) if backwards else matches:
            start, end = match.span()
            if in_row:
                gap = (end, reached) if backwards else (reached, start)
                in_row = _BETWEEN.fullmatch(text, *gap) is not None
            reached = start if backwards else end
            other = match[0].replace(" ", "").replace("-", "")
            alike = len(other) == len(digits) and other[:6] == digits[:6]
            if (in_row or alike) and not _has_check_digit(other):
                return True
    return False


def is_iban(text: str) -> bool:
    """Whether letters and digits, perhaps with spaces or hyphens, have an account's structure.

    What some countries check besides is left aside: a number with the international check digits
    is somebody's account, or near enough.
    """
    from stdnum import iban

    valid: bool = iban.is_valid(text, check_country=False)
    return valid and text[2:4] not in {"00", "01", "99"}  # ISO 7064 never gives these
