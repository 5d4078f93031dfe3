import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iban

from midtrain_dagster.curation.personal_data.checksums import is_card, is_iban

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
    assert is_card(number)
    if len(number) == 16:
        grouped = [number[at : at + 4] for at in range(0, 16, 4)]
        assert is_card(" ".join(grouped))
        assert is_card("-".join(grouped))
        assert not is_card(f"{number[:5]} {number[5:]}")


@settings(max_examples=60)
@given(st.sampled_from(CARDS), st.integers(0, 13), st.integers(1, 9))
def test_one_wrong_digit_breaks_a_card(number: str, at: int, more: int) -> None:
    digit = (int(number[at]) + more) % 10
    assert not is_card(f"{number[:at]}{digit}{number[at + 1 :]}")


@pytest.mark.parametrize("number", ["1234567812345670", "0000000000000000", "4242424242424"])
def test_no_issuer_no_card(number: str) -> None:
    assert not is_card(number)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_accounts_together_in_groups_and_in_lower_case(account: str) -> None:
    for text in (account, iban.format(account), account.lower(), iban.format(account, "-")):
        assert is_iban(text)


@settings(max_examples=60)
@given(st.sampled_from(ACCOUNTS), st.integers(2, 14), st.integers(1, 9))
def test_one_wrong_digit_breaks_an_account(account: str, at: int, more: int) -> None:
    if account[at].isdigit():
        digit = (int(account[at]) + more) % 10
        assert not is_iban(f"{account[:at]}{digit}{account[at + 1 :]}")


def test_check_digits_that_are_never_given() -> None:
    assert not is_iban("DE00146538671234161534")


def test_a_number_in_a_sequence_is_no_card() -> None:
    card = CARDS[0]
    assert is_card(card, "cards: ", ", 5555555555554444, 2223003122003222")
    assert not is_card(card, "[4111111111111110, ", "]")
    assert not is_card(card, "", "\n4999999999999999\n")
    assert not is_card(card, "4111110000000001,abc\n", ",def")
    assert not is_card(card, "", ", 5555555555554444, 2223003122003223")
    assert is_card(card, "order 123456789012, card ", "")


def test_rarer_issuers_count_beside_a_word() -> None:
    assert not is_card("6759649826438453")
    assert is_card("6759649826438453", "Maestro-Karte ")
