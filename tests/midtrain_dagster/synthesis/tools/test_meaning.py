from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.tools.meaning import numbers_in, says_all, unsaid
from midtrain_dagster.synthesis.tools.phrasing import values


@pytest.mark.parametrize(
    ("value", "request_", "stands"),
    [
        (4, "Give me four of them.", True),
        (4, "Give me 14 of them.", False),
        (1200.5, "Send 1,200.50 euros.", True),
        (-3, "It is -3 degrees.", True),
        ("ocean view", "A room with an Ocean\n view, please.", True),
        ("cat", "In which category is it?", False),
        ("2024-03-05", "On March 5, 2024", True),
        ("2024-03-05", "on 5 Mar 2024", True),
        ("2024-13-05", "on 5 Mar 2024", False),
        ([1, 2], "from 2 to 1", True),
        ([1, 3], "from 2 to 1", False),
        ({"a": {"b": "x"}}, "the x", True),
        (True, "", True),
        (None, "", True),
        (10**400, "1" + "0" * 400, False),
    ],
)
def test_a_value_stands_in_a_request(value: Any, request_: str, stands: bool) -> None:
    assert says_all([value], request_) is stands


def test_unsaid_names_what_was_made_up() -> None:
    schema = {"properties": {"n": {"default": 7}, "m": {}}}
    assert unsaid({"n": 7, "m": 7, "city": "Oslo"}, schema, "In Oslo.") == ["m"]


SAID = st.one_of(
    st.integers(-(10**6), 10**6),
    st.integers(-4000, 4000).map(lambda each: each / 4),
    st.from_regex(r"[a-z]{1,9}( [a-z]{1,9}){0,3}", fullmatch=True),
)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        SAID | st.lists(SAID, min_size=1, max_size=4),
        min_size=1,
    )
)
def test_what_the_rule_says_stands_there(arguments: dict[str, Any]) -> None:
    assert unsaid(arguments, {}, f"Do it, where {values(arguments)}.") == []


@given(st.text(max_size=3000))
def test_any_text_is_read(text: str) -> None:
    assert numbers_in(text) >= set()


def test_hostile_lengths_are_read_at_once() -> None:
    text = "1," * 200_000 + "-" * 200_000 + "9" * 200_000
    assert numbers_in(text)
    assert not says_all(["a" * 1000 + "b"], "a" * 200_000)
