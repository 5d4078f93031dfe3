import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.personal_data.key_scanner import marked_keys

# Put together here, so that no scanner of the repository takes them for real ones.
RANDOM = "q7Zk29XbLm4TpR81vWcEh3NsYd60JfGa5uKiQo"
HEX = "9f86d081884c7d659a2feaa0c55ad015"
KEYS = [
    "AKIA" + "J2Q3R4S5T6U7VWXY", "ghp_" + RANDOM[:36], "github_pat_" + RANDOM + RANDOM + RANDOM[:6],
    "glpat-" + RANDOM[:20], "xoxb-" + "263594206564-" + RANDOM[:24], "AIza" + RANDOM[:35],
    "sk_live_" + RANDOM[:24], "sk-ant-" + RANDOM, "hf_" + "qZkXbLmTpRvWcEhNsYdJfGauKiQowxyzAB",
    "npm_" + RANDOM[:36], "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiI3NzY4ODkifQ." + RANDOM,
    "SG." + RANDOM[:22] + "." + (RANDOM + RANDOM)[:43], "SK" + HEX,
    "pypi-AgEIcHlwaS5vcmc" + RANDOM * 3,
    "https://hooks.slack.com/services/T12345678/B12345678/" + RANDOM[:24],
    "123456789:AA" + RANDOM[:33], HEX + "-us12", "key-" + HEX, "GOCSPX-" + RANDOM[:28],
    "M" + RANDOM[:23] + "." + RANDOM[:6] + "." + RANDOM[:27],

    "-----BEGIN RSA PRIVATE KEY-----\n"
    + f"{RANDOM}{RANDOM}\n" * 4
    + "-----END RSA PRIVATE KEY-----",
]  # fmt: skip


def found_in(*texts: str) -> list[str]:
    text = text_buffer(pl.Series("text", texts, pl.String))
    return [text.buffer[start:stop].tobytes().decode() for _, start, stop in marked_keys(text)]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "frame",
    ["{}", "a {} b", "(see {}).", "密钥{}。", "x={},y", "<b>{}</b>", "`{}`", "“{}”", "[{}]"],
)
def test_keys_with_their_neighbours(key: str, frame: str) -> None:
    found = found_in(frame.replace("{}", key))
    assert key in found


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(["", "words and words " * 20, KEYS[1], "é" * 70, "x" * 40]), max_size=8
    )
)
def test_windows_lead_back_to_the_text(parts: list[str]) -> None:
    assert found_in(*parts) == [KEYS[1]] * parts.count(KEYS[1])
    assert found_in(" ".join(parts)) == [KEYS[1]] * parts.count(KEYS[1])


def test_long_documents_are_scanned_in_pieces() -> None:
    assert found_in((KEYS[1] + " ") * 4000) == [KEYS[1]] * 4000


def test_of_a_longer_key_nothing_is_left_standing() -> None:
    assert found_in(f"a {'glpat-' + RANDOM} b") == ["glpat-" + RANDOM]


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "J2Q3R4S5T6U7VWXYZ", "sk-learn-estimators-that-are-not-keys-at-all",
        "-----BEGIN PUBLIC KEY-----\n" + RANDOM * 3 + "\n-----END PUBLIC KEY-----",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----", f"sha256:{HEX}{HEX}",
        "some_long_name_of_a_function_in_code(argument)", "3b12f1df-5232-4804-897e-917bf397618a",
    ],
)  # fmt: skip
def test_what_is_no_key(text: str) -> None:
    assert found_in(text) == []


def test_nothing_is_found_across_documents() -> None:
    assert found_in(KEYS[1][:20], KEYS[1][20:], KEYS[0][:9], KEYS[0][9:]) == []
