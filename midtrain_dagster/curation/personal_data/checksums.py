"""Numbers that prove themselves: payment cards (ISO/IEC 7812) and bank accounts (ISO 13616).

Check digits and the structures of accounts are python-stdnum's. A check digit alone lets one number
in ten pass, and documents are full of numbers. So a card must also begin as its issuer's do, have
their length, and be written together or in their groups, which is asked first.
"""

import re

_ISSUERS = re.compile(
    rb"""
    4\d{15}                                                           # Visa
    | (?:5[1-5]\d\d | 222[1-9] | 22[3-9]\d | 2[3-6]\d\d | 27[01]\d | 2720)\d{12}  # Mastercard
    | 3[47]\d{13}                                                     # American Express
    | (?:6011 | 64[4-9]\d | 65\d\d)\d{12}                             # Discover
    | (?:30[0-5] | 3[689]\d)\d{11}                                    # Diners Club
    | 35(?:2[89] | [3-8]\d)\d{12}                                     # JCB
    | 62\d{14,17}                                                     # UnionPay
    """,
    re.VERBOSE,
)
_GROUPS = {
    (14,),
    (15,),
    (16,),
    (17,),
    (18,),
    (19,),
    (4, 4, 4, 4),
    (4, 4, 4, 4, 3),
    (4, 6, 5),
    (4, 6, 4),
}


def is_card(number: bytes) -> bool:
    """Whether ASCII digits, perhaps in groups parted by spaces or hyphens, are a card's number.

    Maestro is left out: its prefixes and lengths are so wide that they prove nothing.
    """
    from stdnum import luhn

    groups = re.split(rb"[ -]", number)
    digits = b"".join(groups)
    known = tuple(map(len, groups)) in _GROUPS and _ISSUERS.fullmatch(digits) is not None
    valid: bool = luhn.is_valid(digits.decode("ascii")) if known else False
    return valid and len(set(digits)) > 1


def iban_length(text: bytes) -> int:
    """How many bytes of ``text`` are an account's number (0 if none).

    ``text`` is capitals and digits, perhaps with single spaces; words may follow behind a space.
    """
    from stdnum import iban

    stop = len(text)
    while stop > 0:
        if iban.is_valid(text[:stop].decode("ascii")):
            return stop
        stop = text.rfind(b" ", 0, stop)
    return 0
