import pytest

from midtrain_dagster.curation.personal_data.secrets import (
    entropy,
    is_placeholder,
    looks_random,
    names_public_key,
)

RANDOM = "q7Zk29XbLm4TpR81vWcEh3NsYd60JfGa5uKiQo"


@pytest.mark.parametrize(
    "key",
    [
        b"AKIAIOSFODNN7EXAMPLE",
        b"ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        b"your-token",
        b"sk-1234567",
    ],
)
def test_placeholders(key: bytes) -> None:
    assert is_placeholder(key)
    assert not is_placeholder(RANDOM.encode())


@pytest.mark.parametrize(
    ("value", "random"),
    [
        (RANDOM[:20], True),
        ("9f86d081884c7d659a2feaa0c55ad015", True),
        ("5D2B05FC633EE3E8", False),
        ("your-api-key-goes-here-1", False),
        ("some_module.get_token_v2", False),
        ("aaaaaaaaaaaaaaaaaaaa1111", False),
        ("12345678901234567890", False),
    ],
)
def test_only_random_values_are_secrets(value: str, random: bool) -> None:
    assert looks_random(value.encode()) == random


def test_entropy_of_known_distributions() -> None:
    assert entropy(b"aaaa") == 0
    assert entropy(b"abcd") == 2
    assert entropy(b"aabbbbcc") == 1.5


def test_public_keys_are_named_on_their_own_line() -> None:
    assert names_public_key(b"PublicKey=")
    assert names_public_key(b"ssh_host_key: ")
    assert not names_public_key(b"PublicKey=...\nPrivateKey=")
