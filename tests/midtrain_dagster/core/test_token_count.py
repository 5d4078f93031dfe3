"""Counts of tokens as people write them."""

import pytest

from midtrain_dagster.core.token_count import parse_tokens


def test_parse_tokens_reads_what_people_write() -> None:
    written = ["7.2T", "50B", "40M", "400k", "1e6", " 12 ", 12]
    expected = [72 * 10**11, 50 * 10**9, 40 * 10**6, 400_000, 10**6, 12, 12]
    assert [parse_tokens(value) for value in written] == expected


@pytest.mark.parametrize("written", ["", "k", "ten", "1.5", "0.0001k", "4 kB"])
def test_parse_tokens_refuses_what_is_no_whole_number(written: str) -> None:
    with pytest.raises(ValueError, match="tokens"):
        parse_tokens(written)
