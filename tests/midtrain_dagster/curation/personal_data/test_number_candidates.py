import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
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
PLAIN_CARD = re.compile(
    r"(?<![A-Za-z0-9_+./\\$#%-])(?<!\d[ ,])\d{14,19}(?![A-Za-z0-9_])(?![ ,./-]\d)", re.ASCII
)


def found_in(*texts: str) -> list[tuple[int, str]]:
    text = text_buffer(pl.Series("text", texts, pl.String))
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
    for text in (f"x{value}", f"_{value}", f"{value}x", f"{value}9999999999999999999999999"):
        assert (kind, value) not in found_in(text)


def test_international_phones_may_have_an_extension_behind_them() -> None:
    for text in ("+49 30 227-32500", "T+49 +49 30 227-32500x12", "世+49 30 227-32500."):
        assert found_in(text) == [(INTERNATIONAL_PHONE, "+49 30 227-32500")]
    assert found_in("x+49 30 227-32500", "+0 30 227 3250", "+49 30 227") == []


def test_an_area_s_code_in_parentheses() -> None:
    assert found_in("call (202) 456-1111.") == [(NATIONAL_PHONE, "(202) 456-1111")]
    assert (INTERNATIONAL_PHONE, "+49 (0)30 227-32500") in found_in("+49 (0)30 227-32500")


def test_columns_of_numbers_propose_nothing() -> None:
    assert found_in("202 456 1111\n2024 1999 2001 1984 17\n1.5 -2.25 3.125 -10.0 4.75") == []
    assert found_in("[1, 22, 333, 4444, 55555]; 1,234,567,890; 0x1234567812345678; 12:30:45") == []


def test_nothing_is_proposed_across_documents() -> None:
    assert (
        found_in("93.184.", "216.34", "+", "442079460958", "4111111111", "111111", "DE", "89") == []
    )
