"""Which digits are a telephone's number: the numbering plans of libphonenumber, as expressions.

The plans are the data of ``phonenumbers``; read as one regular expression a region they are judged
in microseconds, where the library's parser takes some fifty. The steps are the library's
(``parse``, ``is_valid_number_for_region`` and, for what is written without a country's code, the
rule of its matcher's leniency VALID that a trunk prefix stands where the country writes one); a
test holds them to the library's answers.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, NumberFormat, PhoneMetadata, PhoneNumberDesc

_KINDS = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number",
    "voip", "pager", "uan", "voicemail",
)  # fmt: skip
_FICTION = re.compile(r"...55501..")
"""Numbers of the North American plan that films use: 555-0100 to 555-0199."""


class Plan(NamedTuple):
    """A region's plan; a number is its significant digits (with a leading zero in Italy)."""

    code: str
    general: re.Pattern[str]
    kinds: re.Pattern[str]
    """Any of the kinds of lines that there are."""
    abroad: re.Pattern[str]
    """What is dialled before a country's code."""
    prefix: re.Pattern[str] | None
    """The trunk prefix, and carriers' codes that stand with it."""
    rewritten: str | None
    """What numbers with a prefix that captures something become."""
    formats: tuple[tuple[re.Pattern[str], re.Pattern[str], bool], ...]
    """How numbers are written: how they begin, all of one, whether a trunk prefix stands before."""
    lengths: frozenset[int]
    local: frozenset[int]
    """Lengths that only connect inside an area."""

    def is_valid(self, number: str) -> bool:
        """Whether lines of any kind have such a number."""
        return bool(self.general.fullmatch(number) and self.kinds.fullmatch(number))

    def significant(self, digits: str) -> tuple[str, bool]:
        """The digits without the trunk prefix, and whether there was one."""
        found = self.prefix.match(digits) if self.prefix else None
        if not found or not digits:
            return digits, False
        captured = found.groups()
        if self.rewritten and captured and captured[-1] is not None:
            stripped = found.expand(self.rewritten) + digits[found.end() :]
        else:
            stripped = digits[found.end() :]
        if self.general.fullmatch(digits) and not self.general.fullmatch(stripped):
            return digits, False
        possible = len(stripped) in self.lengths or len(stripped) > max(self.lengths)
        return (stripped, True) if possible and len(stripped) not in self.local else (digits, False)

    def writes_prefix(self, number: str) -> bool:
        """Whether the country writes a trunk prefix before such a number."""
        for leading, whole, prefixed in self.formats:
            if leading.match(number) and whole.fullmatch(number):
                return prefixed
        return False


@cache
def plan(region: str) -> Plan:
    """The plan of a region (ISO 3166)."""
    data = PhoneMetadata.metadata_for_region(region)
    if data is None:
        raise ValueError(f"phone region {region!r} is unknown: use ISO 3166 codes such as US, GB")
    # How numbers are written is said with the main region of a code only (the United Kingdom for
    # Jersey, the United States for Canada).
    main = PhoneMetadata.metadata_for_region(COUNTRY_CODE_TO_REGION_CODE[data.country_code or 0][0])
    return _read(data)._replace(formats=_formats(main.number_format if main else ()))


@cache
def _plans_abroad(code: int) -> tuple[Plan, ...]:
    """The plans under a country's code, the main region's first."""
    regions = COUNTRY_CODE_TO_REGION_CODE[code]
    found = (PhoneMetadata.metadata_for_region_or_calling_code(code, name) for name in regions)
    return tuple(_read(data) for data in found if data is not None)


def _read(data: PhoneMetadata) -> Plan:
    general = data.general_desc
    assert general is not None, f"{data.id} has no general description"
    return Plan(
        str(data.country_code),
        re.compile(general.national_number_pattern or "(?!)"),
        re.compile("|".join(_expressions(getattr(data, kind) for kind in _KINDS)) or "(?!)"),
        re.compile(data.international_prefix or "(?!)"),
        re.compile(prefix) if (prefix := data.national_prefix_for_parsing) else None,
        data.national_prefix_transform_rule or None,
        _formats(data.number_format),
        frozenset(general.possible_length),
        frozenset(general.possible_length_local_only),
    )


def _formats(
    formats: Iterable[NumberFormat],
) -> tuple[tuple[re.Pattern[str], re.Pattern[str], bool], ...]:
    found = []
    for form in formats:
        rule = (form.national_prefix_formatting_rule or "").replace("\\1", "")
        prefixed = any(map(str.isdigit, rule)) and not form.national_prefix_optional_when_formatting
        leading = form.leading_digits_pattern[-1] if form.leading_digits_pattern else ""
        found.append((re.compile(leading), re.compile(form.pattern or "(?!)"), prefixed))
    return tuple(found)


def _expressions(kinds: Iterable[PhoneNumberDesc | None]) -> list[str]:
    """The expression of each kind, with its lengths if it names them."""
    found = []
    for kind in kinds:
        if kind is None or not kind.national_number_pattern:
            continue
        lengths = "|".join(rf".{{{length}}}\Z" for length in kind.possible_length if length > 0)
        ahead = f"(?={lengths})" if lengths else ""
        if -1 not in kind.possible_length:
            found.append(f"{ahead}(?:{kind.national_number_pattern})")
    return found


def is_national(digits: str, region: str) -> bool:
    """Whether digits as dialled in a region, or with its code before them, are a number."""
    home = plan(region)
    dialled = home.abroad.match(digits)
    if dialled and is_international(digits[dialled.end() :]):
        return True
    abroad = digits.removeprefix(home.code)
    if abroad != digits:
        rest, _ = home.significant(abroad)
        too_long = len(digits) > max(home.lengths)
        if too_long or (not home.general.fullmatch(digits) and home.general.fullmatch(rest)):
            number, _ = home.significant(rest)
            return home.is_valid(number) and not _is_fiction(home.code, number)
    number, prefixed = home.significant(digits)
    if not home.is_valid(number) or _is_fiction(home.code, number):
        return False
    return prefixed or not home.writes_prefix(number)


def is_international(digits: str) -> bool:
    """Whether digits that begin with a country's code are a number."""
    for length in (1, 2, 3):
        code = int(digits[:length] or 0)
        if code in COUNTRY_CODE_TO_REGION_CODE and digits[0] != "0" and len(digits) > 6:
            plans = _plans_abroad(code)
            number, _ = plans[0].significant(digits[length:])
            valid = any(each.is_valid(number) for each in plans)
            return valid and not _is_fiction(plans[0].code, number)
    return False


def _is_fiction(code: str, number: str) -> bool:
    return code == "1" and _FICTION.fullmatch(number) is not None
