"""A name that leads nowhere is answered with the nearest that does, or with nothing."""

import pytest

from midtrain_dagster.core.suggestion import did_you_mean

KNOWN = ("sequence_length", "tokens", "batch_tokens", "HumanEval")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("sequence_lenght", "sequence_length"),
        ("tokns", "tokens"),
        ("humaneval", "HumanEval"),
        ("batch_token", "batch_tokens"),
    ],
)
def test_the_nearest_name_is_suggested(name: str, meant: str) -> None:
    assert did_you_mean(name, KNOWN) == f"; did you mean {meant!r}?"


@pytest.mark.parametrize("name", ["colour", "", 7])
def test_a_name_that_resembles_none_gets_no_suggestion(name: object) -> None:
    assert did_you_mean(name, KNOWN) == ""
    assert did_you_mean(name, ()) == ""
