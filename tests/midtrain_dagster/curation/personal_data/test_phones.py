# ruff: noqa: RUF001 - signs of many scripts
import pytest

from midtrain_dagster.curation.personal_data.phone_words import names_phone
from midtrain_dagster.curation.personal_data.phones import (
    international_phone,
    is_phone,
    national_number,
)


def test_international_phones_end_with_their_last_digit() -> None:
    assert international_phone("+49 30 227-32500", "", "") == 16
    assert international_phone("(+1) 202 456 1111", "", "") == 17
    assert international_phone("0044 20 7946 0958", "", "") == 17
    assert international_phone("+1 202 456 1111 2024", "", "") == 15
    assert international_phone("+12345678", "", "") == 0
    assert international_phone("004-9362171-7682464", "Order ", "") == 0
    assert international_phone("+1 202 555 0143", "", "") == 0
    assert international_phone("+40.712776123", "", "-74.005974/") == 0


def test_national_numbers_of_the_regions_in_turn() -> None:
    assert national_number("(202) 456-1111", ("US",)) == 14
    assert national_number("(202) 456-1111 2024", ("US",)) == 14
    assert national_number("01 42 68 53 00", ("US",)) == 0
    assert national_number("01 42 68 53 00", ("US", "FR")) == 14
    assert national_number("202-555-0143", ("US",)) == 0


@pytest.mark.parametrize(
    "written",
    [
        "030 3186869", "030/227-32500", "(030) 3186869", "0 (532) 123 45 67", "202-456-1111",
        "202.456.1111", "202 456 1111", "912 345 678", "347 1234567", "98765 43210",
        "01 42 68 53 00", "8 912 345-67-89", "1-800-555-1234", "139 1234 5678", "11 91234-5678",
        "347-1234567", "347/1234567", "202/456-1111", "1.202.456.1111", "01711234567",
        "011 44 20 7946 0958",
    ],
)  # fmt: skip
def test_forms_of_telephones_that_no_word_names(written: str) -> None:
    assert is_phone(written, "Frau Weber, ", ", ist da.")
    assert not is_phone(written, "order no. ", "")


@pytest.mark.parametrize(
    ("written", "before", "behind"),
    [
        ("2023-01-15 12", "", ":30"), ("15.01.2023 12", "", ""), ("0.142857143", "", ""),
        ("02111-1307", "MA ", ""), ("0 2097152", "", ""), ("16 17 18 19 20", "(", ")"),
        ("912 345 678", "", " €"), ("912 345 678", "$", ""), ("912 345 678", "12 ", ""),
        ("912 345 678", "", "  44"), ("9123456789", "", ""), ("(1993) 247-265", "", ""),
        ("40 00 81 02", "48 8b ", ""), ("123 456 789.00", "", ""), ("16/2097152", "", ""),
        ("8-441-44152", "", "-X"), ("1539  -136 -1402", "", ""), ("370/375/380", "", ""),
        ("0123456789", "", ""), ("0100000011", "", ""), ("(202 456 1111", "", ""),
    ],
)  # fmt: skip
def test_other_numbers(written: str, before: str, behind: str) -> None:
    assert not is_phone(written, before, behind)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("Tel.: ", True), ("phone_number = '", True), ("homePhone: ", True), ("电话：", True),
        ("连接手机号码是", True), ("Тел. ", True), ("ISBN ", False), ("Bestellnummer: ", False),
        ("订单号", False), ("phone order ", False),
        ("order hotline ", True), ("Frau Weber, ", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_nearest_word_says_what_follows(before: str, said: bool | None) -> None:
    assert names_phone(before) is said


def test_named_numbers_count_in_any_form() -> None:
    assert is_phone("9876543210", "mobile ", "")
    assert is_phone("03031868690", "Telefon ", "")
    assert is_phone("9876543210", "", " पर कॉल करें")
    assert not is_phone("9876543210", "", ". Phone:")
