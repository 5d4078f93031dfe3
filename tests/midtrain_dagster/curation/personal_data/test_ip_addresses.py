import pytest

from midtrain_dagster.curation.personal_data.ip_addresses import is_public_address


@pytest.mark.parametrize(
    ("found", "before", "expected"),
    [
        ("93.184.216.34", "host ", True), ("93.184.216.34", "Server:", True),
        ("93.184.216.34", "https://", True), ("93.184.216.34", "whois/net/", True),
        ("93.184.216.34", "version ", False), ("93.184.216.34", "Version ist ", False),
        ("93.184.216.34", "версия ", False), ("93.184.216.34", "値はversion ", False),
        ("93.184.216.34", "upgrade from version ", False), ("93.184.216.34", "foo (>= ", False),
        ("93.184.216.34", "Mozilla/5.0 Opera/", False), ("93.184.216.34", "libc-", False),
        ("93.184.216.34", 'packageVersion":"', False), ("93.184.216.34", "Skype ", False),
        ("32.0.0.101", "", False), ("93.184.216.34", "web server ", True),
        ("93.184.216.34", "10.0.0.1-", True), ("93.184.216.340", "", False),
        ("093.184.216.34", "", False), ("12.3.45.67", "", False), ("24.67.85.12", "", True),
        ("192.168.0.1", "", False), ("100.64.0.1", "", False), ("224.0.0.251", "", False),
        ("2a00:1450:4001:81b::200e", "", True), ("2001:db8::1", "", False),
        ("3333:0:0:1:2000:0:2:87", "", False), ("2a00:1450:::1", "", False),
    ],
)  # fmt: skip
def test_only_addresses_of_the_public_internet(found: str, before: str, expected: bool) -> None:
    assert is_public_address(found, before) == expected
