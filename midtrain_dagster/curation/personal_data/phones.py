"""Tells telephones that are somebody's from other digits.

With a country's code (``+``, or the prefix ``00``) a number counts if the numbering plan has it.
Without one it must be a number of one of the given regions, and

- stand behind, or in a clause before, a word such as "phone" (`phone_words`), in any form; or
- be written as telephones are: in groups, with the trunk prefix (``030 3186869``), the area's code
  in brackets, signs other than spaces (``202-456-1111``), or spaces alone (``912 345 678``), of
  eight digits and more, not beside further numbers as in a table, nor before a unit or a currency.

Not a telephone are dates, decimals, round numbers, page ranges with their year, American postal
codes (``02110-1301``), what a nearer word such as "order" or "ISBN" names, and numbers reserved
for fiction (555-0100 to 555-0199 in North America).
"""

import re
from collections.abc import Iterator
from itertools import islice, pairwise

from midtrain_dagster.curation.personal_data.numbering_plans import is_international, is_national
from midtrain_dagster.curation.personal_data.phone_words import names_phone

LOOKS_BACK, LOOKS_AHEAD = 48, 24
"""Bytes before and behind a number that are read for what they say of it."""

FEWEST_DIGITS, FEWEST_UNNAMED = 7, 8
"""Digits of a number without a country's code, where a word names it and where none does."""

_GAP = re.compile(r"[^0-9]+")
_DATE = re.compile(
    r"(?<!\d)(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])(?!\d)"
    r"|(?<!\d)(?:0?[1-9]|[12]\d|3[01])[-./ ](?:0?[1-9]|[12]\d|3[01])[-./ ](?:19|20)\d\d(?!\d)"
    r"|\((?:1[5-9]|20)\d\d\)|^(?:1[5-9]|20)\d\d ?[-/] ?(?:1[5-9]|20)\d\d$"
)
_CLAUSE = re.compile(r"[^.,;:!?()\n|]+")
_DECIMAL = re.compile(r"\d+\.\d+")
_BRACKETS = ("<", ">", "{", "}")
_COUNTED = re.compile(
    r"""\s?(?:[€$£¥₹₽%°:\u00d7*^]|(?:EUR|USD|GBP|CHF|INR|RUB|CNY|JPY|BRL|euros?|dollars?|d[oó]lares|rupees?
      |[kmgt]?i?b|bytes?|[kcm]?m|k?g|habit\w*|inhabit\w*|einwohner\w*|abitanti|people|personas?|personnes
      |persone|menschen|\u0440\u0443\u0431\w*|\u0447\u0435\u043b\w*|元|円|人|units?|items?|st[üu]ck|rows?|millions?|times|hits
      |views|votes|results|records|lines|words|tokens|steps|seconds|ms|s)(?![A-Za-z\u00c0-\u024f]))""",
    re.IGNORECASE | re.VERBOSE,
)
_CURRENCY = re.compile(r"(?:[€$£¥₹₽№@=]|EUR|USD|GBP|INR|CHF)\s?$")
_NUMBER_BEFORE = re.compile(r"(?:\d[ \t|;,]{1,8}|\b[0-9a-f]{2} {1,4}|\d:)$")
_NUMBER_BEHIND = re.compile(r"[ \t|;,]{1,8}[-+]?\d|-+\d|\s{1,4}[0-9a-f]{2}\b")
_COORDINATES_BEHIND = re.compile(r"[+-]\d|°|\s?,\s?[+-]?\d+\.\d")


def international_phone(found: str, before: str, behind: str) -> int:
    """Where a valid number with its country's code stops that ``found`` begins with; 0 if none.

    ``found`` begins with ``+``, ``(+`` or ``00``; ``before`` and ``behind`` are what
    stands around it.
    """
    other = found.startswith("00") and names_phone(before) is False
    if other or _COORDINATES_BEHIND.match(behind):
        return 0
    for stop in _stops(found):
        digits = _GAP.sub("", found[:stop])
        if len(digits) <= FEWEST_DIGITS:
            break
        if is_international(digits[2:] if digits.startswith("00") else digits):
            return stop
    return 0


def national_number(found: str, regions: tuple[str, ...]) -> int:
    """Where a number of one of the regions stops that begins with ``found``; 0 if none does.

    The last two groups may be of something else, such as a year.
    """
    for stop in islice(_stops(found), 3):
        digits = _GAP.sub("", found[:stop])
        if len(digits) < FEWEST_DIGITS:
            break
        if any(is_national(digits, region) for region in regions):
            return stop
    return 0


def is_phone(written: str, before: str, behind: str) -> bool:
    """Whether a `national_number` is a telephone, by its form and what stands around it."""
    unbalanced = written.count("(") != written.count(")")
    part = behind[:1] in {"-", "_"} and behind[1:2].isalnum()
    if unbalanced or part or _DATE.search(written) or _DECIMAL.fullmatch(written):
        return False
    named = names_phone(before)
    if named is None and (clause := _CLAUSE.match(behind)):
        named = names_phone(clause.group()) or None  # "9876543210 पर कॉल करें"
    if named is not None:
        return named
    if set(written) <= set("0123456789 ") and _stands_in_a_row(before, behind):
        return False
    data = before.rstrip()[-1:] in _BRACKETS and behind.lstrip()[:1] in _BRACKETS
    counted = _COUNTED.match(behind) or _CURRENCY.search(before)
    return not data and not counted and _looks_like_one(written)


def _stands_in_a_row(before: str, behind: str) -> bool:
    """Whether further numbers stand beside it, as in a table or a dump of bytes."""
    return bool(_NUMBER_BEFORE.search(before) or _NUMBER_BEHIND.match(behind))


def _stops(found: str) -> Iterator[int]:
    """Where a number may stop: at the end, and before each gap from the last to the first."""
    yield len(found)
    gaps = [gap.start() for gap in _GAP.finditer(found) if gap.start() > 1]
    yield from reversed(gaps)


def _looks_like_one(written: str) -> bool:
    """Whether digits that no word names are written as telephones are."""
    groups = [group for group in _GAP.split(written) if group]
    lengths = [len(group) for group in groups]
    signs = set(written) - set("0123456789")
    trunk = groups[0][0] == "0" and lengths[0] > 1
    if not signs:  # dialled as it stands; other long numbers seldom begin with one zero
        counted = set(written) <= {"0", "1"} or written == "0123456789"
        return trunk and groups[0][1] != "0" and lengths[0] in {10, 11} and not counted
    if sum(lengths) < FEWEST_UNNAMED or lengths[-1] < 2 or "--" in written:
        return False
    if "(" in signs:
        return lengths[0 if written[0] == "(" else 1] > 1
    mixed = ("." in signs and signs != {"."}) or " -" in written.replace(" - ", "")
    if mixed or lengths.count(1) > (groups[0] in "18"):
        return False
    if set(lengths) == {2}:  # pairs: bytes and counts are written so too
        steps = {int(after) - int(group) for group, after in pairwise(groups)}
        like = len(steps) > 1 and groups.count("00") < 2 and (trunk or len(groups) == 4)
    elif trunk:
        like = lengths != [5, 4]  # an American postal code
    elif signs == {" "}:
        round_numbers = all(group.endswith("00") for group in groups[-2:])
        area = lengths[0] in {3, 4, 5} or (lengths[0] == 2 and lengths[1] < 8) or groups[0] == "8"
        several = area if len(groups) == 2 else len(groups) <= 5
        like = not round_numbers and several and sum(lengths) < 12
    elif len(groups) == 2:
        like = lengths[0] in {3, 4} and lengths[1] in {6, 7} and signs != {"."}
    else:
        long_groups = min(lengths[groups[0] == "1" :]) > 2
        like = lengths != [3, 4, 3] and signs != {"/"} and (long_groups or not signs & {".", "/"})
    return like
