import pytest

from midtrain_dagster.curation.personal_data.contacts import (
    international_phone,
    is_email,
    is_public_address,
    national_phone,
)


@pytest.mark.parametrize(
    ("before", "address", "after", "expected"),
    [
        (b"", b"a@b.de", b"", True),
        (b"to:", b"a@b.de", b"?", True),
        (b"://", b"a@b.de", b"/", False),
        (b"x/y", b"a@b.de", b"", True),
        (b"/", b"a@b.de", b"", False),
        (b" ", b"git@b.de", b":", False),
        (b" ", b"git@b.de", b".", True),
        (b" ", b"a@b.trace", b"(", False),
        (b" ", b"a@b.me", b"(", False),
        (b" ", b"a..b@b.de", b"", False),
        (b" ", b"a@b..de", b"", False),
        (b" ", b"a@mail.example.org", b"", False),
        (b" ", b"a@myexample.org", b"", True),
        (b" ", b"aes128-gcm@openssh.com", b"", False),
    ],
)
def test_email_by_itself_and_its_neighbours(
    before: bytes, address: bytes, after: bytes, expected: bool
) -> None:
    assert is_email(address, before, after) == expected


@pytest.mark.parametrize(
    ("found", "before", "expected"),
    [
        (b"93.184.216.34", b"host ", True),
        (b"93.184.216.34", b"version ", False),
        (b"93.184.216.34", b"foo (>= ", False),
        (b"93.184.216.340", b"", False),
        (b"093.184.216.34", b"", False),
        (b"12.3.45.67", b"", False),
        (b"24.67.85.12", b"", True),
        (b"192.168.0.1", b"", False),
        (b"100.64.0.1", b"", False),
        (b"224.0.0.251", b"", False),
        (b"2a00:1450:4001:81b::200e", b"", True),
        (b"2001:db8::1", b"", False),
        (b"3333:0:0:1:2000:0:2:87", b"", False),
        (b"2a00:1450:::1", b"", False),
    ],
)
def test_only_addresses_of_the_public_internet(found: bytes, before: bytes, expected: bool) -> None:
    assert is_public_address(found, before) == expected


def test_international_phones_end_with_their_last_digit() -> None:
    assert international_phone(b"+49 30 227-32500") == 16
    assert international_phone(b"+1 202 456 1111 2024") == 15
    assert international_phone(b"+12345678") == 0
    assert international_phone(b"+1 202 555 0143") == 0


def test_national_phones_of_the_regions_in_turn() -> None:
    assert national_phone(b"(202) 456-1111", ["US"]) == (0, 14)
    assert national_phone(b"01 42 68 53 00", ["US"]) == (0, 0)
    assert national_phone(b"01 42 68 53 00", ["US", "FR"]) == (0, 14)
    assert national_phone(b"20-24561-111", ["US"]) == (0, 0)
    assert national_phone(b"202-555-0143", ["US"]) == (0, 0)
