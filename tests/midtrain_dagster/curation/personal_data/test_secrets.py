import pytest

from midtrain_dagster.curation.personal_data.secrets import (
    entropy,
    looks_random,
    marked_secret,
    names_public_key,
)

# Put together here, so that no scanner of the repository takes them for real ones.
RANDOM = "q7Zk29XbLm4TpR81vWcEh3NsYd60JfGa5uKiQo"
MARKED = [
    "AKIA" + "J2Q3R4S5T6U7VWXY",
    "ghp_" + RANDOM[:36],
    "github_pat_" + RANDOM + RANDOM[:24],
    "glpat-" + RANDOM[:20],
    "xoxb-" + "263594206564-" + RANDOM[:24],
    "AIza" + RANDOM[:35],
    "sk_live_" + RANDOM[:24],
    "sk-ant-" + RANDOM,
    "hf_" + "qZkXbLmTpRvWcEhNsYdJfGauKiQowxyzAB",
    "npm_" + RANDOM[:36],
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiI3NzY4ODkifQ." + RANDOM,
]
PRIVATE_KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + f"{RANDOM}{RANDOM}\n" * 4
    + "-----END RSA PRIVATE KEY-----"
)


@pytest.mark.parametrize("secret", [*MARKED, PRIVATE_KEY])
def test_marked_secrets_end_where_they_end(secret: str) -> None:
    data = f"a {secret} b".encode()
    assert marked_secret(data, 2, len(data)) == 2 + len(secret)
    assert marked_secret(data, 2, 2 + len(secret)) == 2 + len(secret)
    assert marked_secret(data, 2, 1 + len(secret) // 2) == 2


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "AKIA" + "J2Q3R4S5T6U7VWXYZ",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "sk-learn-estimators-that-are-not-keys-at-all",
        "-----BEGIN PUBLIC KEY-----\n" + RANDOM * 3 + "\n-----END PUBLIC KEY-----",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    ],
)
def test_placeholders_and_words_are_no_secrets(text: str) -> None:
    assert marked_secret(text.encode(), 0, len(text)) == 0


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
