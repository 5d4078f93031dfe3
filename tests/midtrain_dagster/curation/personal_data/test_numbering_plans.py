"""The plans read as expressions say what the library's parser says."""

import re

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, phonenumbermatcher

from midtrain_dagster.curation.personal_data.numbering_plans import (
    is_international,
    is_national,
    plan,
)

KINDS = ("fixed_line", "mobile", "toll_free")
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, str, str]:
    """A region, digits as dialled there, and with its code: an example with some digits changed."""
    region = draw(st.sampled_from(REGIONS))
    data = PhoneMetadata.metadata_for_region(region)
    assert data is not None
    descriptions = [getattr(data, kind) for kind in KINDS]
    examples = [each.example_number for each in descriptions if each and each.example_number]
    digits = list(draw(st.sampled_from(examples or ["5550123"])))
    for _ in range(draw(st.integers(0, 4))):
        digits[draw(st.integers(0, len(digits) - 1))] = draw(st.sampled_from("0123456789"))
    prefix = draw(
        st.sampled_from(["", data.national_prefix or "0", "0", "1", str(data.country_code)])
    )
    number = "".join(digits)
    return region, prefix + number, f"{data.country_code}{number}"


@settings(max_examples=200, deadline=None)
@given(numbers())
def test_numbers_are_those_of_the_library(given_: tuple[str, str, str]) -> None:
    region, digits, abroad = given_
    data = PhoneMetadata.metadata_for_region(region)
    assert data is not None
    # A region whose prefix to dial abroad begins numbers of its own is read in both ways here.
    dialled_out = re.match(data.international_prefix or "(?!)", digits)
    fiction = data.country_code == 1 and "55501" in digits
    if len(digits) >= 7 and not dialled_out and not fiction:
        try:
            number = phonenumbers.parse(digits, region, keep_raw_input=True)
        except phonenumbers.NumberParseException:
            expected = False
        else:
            prefixed = phonenumbermatcher._is_national_prefix_present_if_required(number)
            expected = phonenumbers.is_valid_number_for_region(number, region) and prefixed
        assert is_national(digits, region) == expected
    if not fiction:
        try:
            valid = phonenumbers.is_valid_number(phonenumbers.parse(f"+{abroad}"))
        except phonenumbers.NumberParseException:
            valid = False
        assert is_international(abroad) == valid


def test_what_is_dialled_before_a_country_s_code() -> None:
    assert is_national("011442079460958", "US")
    assert is_national("010442079460958", "JP")
    assert is_national("00442079460958", "DE")
    assert not is_national("011442079460958", "DE")


def test_numbers_of_films_are_nobodys() -> None:
    assert is_national("2025550243", "US")
    assert not is_national("2025550143", "US")
    assert not is_international("12025550143")


def test_an_unknown_region_is_named() -> None:
    with pytest.raises(ValueError, match="'XX' is unknown"):
        plan("XX")
