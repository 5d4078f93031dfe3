# ruff: noqa: RUF001 - signs of many scripts
import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iban

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.personal_data.folding import folded
from midtrain_dagster.curation.personal_data.number_candidates import (
    CARD,
    IBAN,
    INTERNATIONAL_PHONE,
    IP_ADDRESS,
    NATIONAL_PHONE,
    number_candidates,
)

IPV4 = re.compile(
    r"(?<![A-Za-z0-9_.:-])\d{1,3}(?:\.\d{1,3}){3}(?![A-Za-z0-9_-])(?!\.[A-Za-z0-9])", re.ASCII
)
ACCOUNTS = {  # the IBAN registry's examples
    "DE": "DE89370400440532013000", "GB": "GB29NWBK60161331926819", "NO": "NO9386011117947",
    "MT": "MT84MALT011000012345MTLCAST001S", "FR": "FR1420041010050500013M02606",
}  # fmt: skip
PLAIN_CARD = re.compile(
    r"(?<![A-Za-z0-9é_+./\\$#%-])(?<!\d[ ,])[1-9]\d{11,18}(?![A-Za-z0-9é_])(?! \d{3})(?![.-]\d)",
    re.ASCII,
)


def found_in(*texts: str) -> list[tuple[int, str]]:
    text = folded(text_buffer(pl.Series("text", texts, pl.String))).text
    return [
        (kind, text.buffer[start:stop].tobytes().decode("ascii"))
        for kind, start, stop in number_candidates(text.buffer, text.offsets).tolist()
    ]


@settings(max_examples=75, deadline=None)
@given(st.lists(st.from_regex(r"([0-9]{1,4}[.:é -]?){0,9}", fullmatch=True), max_size=3))
def test_dotted_addresses_are_those_of_a_regular_expression(texts: list[str]) -> None:
    expected = [address for text in texts for address in IPV4.findall(text)]
    assert [value for kind, value in found_in(*texts) if kind == IP_ADDRESS] == expected


@settings(max_examples=75, deadline=None)
@given(st.lists(st.from_regex(r"([0-9]{1,20}[., é]?){0,4}", fullmatch=True), max_size=3))
def test_long_numbers_are_those_of_a_regular_expression(texts: list[str]) -> None:
    expected = [number for text in texts for number in PLAIN_CARD.findall(text)]
    assert [
        value for kind, value in found_in(*texts) if kind == CARD and " " not in value
    ] == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (CARD, "4111 1111 1111 1111"),
        (CARD, "3782-822463-10005"),
        (IBAN, "DE89 3704 0044 0532 0130 00"),
        (IBAN, "NO9386011117947"),
        (IP_ADDRESS, "2a00:1450:4001:81b::200e"),
        (NATIONAL_PHONE, "202-456-1111"),
        (NATIONAL_PHONE, "1-800-555-1234"),
        (NATIONAL_PHONE, "01 42 68 53 00"),
    ],
)
def test_what_is_proposed_and_with_which_neighbours(kind: int, value: str) -> None:
    for text in (value, f"世 {value}; x", f"[{value}]", f"x, {value}. Y"):
        assert found_in(text) == [(kind, value)]
    for text in (f"x{value}", f"{value}x", f"{value}9999999999999999999999999"):
        assert (kind, value) not in found_in(text)
    assert ((kind, value) in found_in(f"_{value}_")) == (kind == IBAN)


def test_international_phones_may_have_an_extension_behind_them() -> None:
    for text in ("+49 30 227-32500", "T+49 +49 30 227-32500x12", "世+49 30 227-32500."):
        assert found_in(text) == [(INTERNATIONAL_PHONE, "+49 30 227-32500")]
    assert found_in("x+49 30 227-32500", "+0 30 227 3250", "+49 30 227") == []


def test_an_area_s_code_in_parentheses() -> None:
    assert found_in("call (202) 456-1111.")[0] == (NATIONAL_PHONE, "(202) 456-1111")
    assert found_in("(+1) 202 456 1111")[0] == (INTERNATIONAL_PHONE, "(+1) 202 456 1111")
    assert (NATIONAL_PHONE, "030 3186869") in found_in("(030 3186869)")
    assert (INTERNATIONAL_PHONE, "+49 (0)30 227-32500") in found_in("+49 (0)30 227-32500")


def test_columns_of_numbers_propose_nothing() -> None:
    assert found_in("1.5 -2.25 3.125 -10.0 4.75\n12 345 12 345 12 345 12 345 12 345") == []
    assert found_in("[1, 22, 333, 4444, 55555]; 1,234,567,890; 0x1234567812345678; 12:30:45") == []


def test_numbers_stand_beside_letters_of_scripts_without_spaces() -> None:
    assert found_in("电话13912345678，谢谢") == [(NATIONAL_PHONE, "13912345678")]
    assert found_in("é13912345678", "13912345678é", "д13912345678") == []


def test_a_date_may_follow_a_card_but_no_further_column() -> None:
    for text in ("4111 1111 1111 1111 12/25 123", "4111 1111 1111 1111, 5 pieces"):
        assert found_in(text)[0] == (CARD, "4111 1111 1111 1111")
    assert CARD not in dict(found_in("4111 1111 1111 1111 12 3309", "4111 1111 1111 1111 1111"))


def test_names_with_colons_before_addresses() -> None:
    for text in ("Host:93.184.216.34", "地址：93.184.216.34。", "::ffff:93.184.216.34"):
        assert (IP_ADDRESS, "93.184.216.34") in found_in(text)
    assert found_in("host:2a00:1450:4001:81b::200e") == [(IP_ADDRESS, "2a00:1450:4001:81b::200e")]
    assert (IP_ADDRESS, "93.184.216.34") not in found_in("foo 1:93.184.216.34-1")
    assert found_in("93.184.216.34-93.184.216.50") == [
        (IP_ADDRESS, "93.184.216.34"), (IP_ADDRESS, "93.184.216.50"),
    ]  # fmt: skip


@settings(max_examples=75, deadline=None)
@given(st.sampled_from(sorted(ACCOUNTS)), st.sampled_from(["", " ", "-"]), st.booleans())
def test_accounts_have_their_country_s_length_and_check_digits(
    country: str, separator: str, lower: bool
) -> None:
    account = ACCOUNTS[country]
    written = iban.format(account, separator)
    written = written.lower() if lower else written
    for text in (written, f"IBAN {written} BIC X", f"({written})"):
        assert (IBAN, written) in found_in(text)
    assert IBAN not in dict(found_in(f"x{written}", f"{written}x", written[:-1]))


def test_two_numbers_with_a_wide_gap_are_two() -> None:
    assert found_in("030 3186869 / 0171 1234567")[:2] == [
        (NATIONAL_PHONE, "030 3186869"), (NATIONAL_PHONE, "0171 1234567"),
    ]  # fmt: skip
    assert (NATIONAL_PHONE, "030 - 3186869") in found_in("030 - 3186869")


def test_nothing_is_proposed_across_documents() -> None:
    assert found_in("93.184.", "216.34", "+", "44207", "94609", "41111", "11111", "DE", "89") == []
