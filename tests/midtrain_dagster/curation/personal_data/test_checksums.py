import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iban

from midtrain_dagster.curation.personal_data.checksums import iban_length, is_card

CARDS = [  # the issuers' published test numbers
    "4111111111111111", "5555555555554444", "2223003122003222", "378282246310005",
    "6011111111111117", "30569309025904", "3530111333300000", "6200000000000005",
]  # fmt: skip
ACCOUNTS = [  # the IBAN registry's examples
    "DE89370400440532013000", "GB29NWBK60161331926819", "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S", "FR1420041010050500013M02606",
]  # fmt: skip


@pytest.mark.parametrize("number", CARDS)
def test_cards_of_each_issuer(number: str) -> None:
    assert is_card(number.encode())
    if len(number) == 16:
        grouped = [number[at : at + 4] for at in range(0, 16, 4)]
        assert is_card(" ".join(grouped).encode())
        assert is_card("-".join(grouped).encode())
        assert not is_card(f"{number[:5]} {number[5:]}".encode())


@settings(max_examples=60)
@given(st.sampled_from(CARDS), st.integers(0, 13), st.integers(1, 9))
def test_one_wrong_digit_breaks_a_card(number: str, at: int, more: int) -> None:
    digit = (int(number[at]) + more) % 10
    assert not is_card(f"{number[:at]}{digit}{number[at + 1 :]}".encode())


@pytest.mark.parametrize("number", ["1234567812345670", "0000000000000000", "4242424242424"])
def test_no_issuer_no_card(number: str) -> None:
    assert not is_card(number.encode())


@pytest.mark.parametrize("account", ACCOUNTS)
def test_accounts_together_and_in_groups_with_words_behind(account: str) -> None:
    spaced = iban.format(account)
    for text in (account, spaced):
        assert iban_length(text.encode()) == len(text)
        assert iban_length(f"{text} BANK AG".encode()) == len(text)


@settings(max_examples=60)
@given(st.sampled_from(ACCOUNTS), st.integers(2, 14), st.integers(1, 9))
def test_one_wrong_digit_breaks_an_account(account: str, at: int, more: int) -> None:
    if account[at].isdigit():
        digit = (int(account[at]) + more) % 10
        assert iban_length(f"{account[:at]}{digit}{account[at + 1 :]}".encode()) == 0
