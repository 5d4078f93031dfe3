"""What prompts have in common, and prompts without it."""

from os.path import commonprefix
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.inference.beginnings import (
    BEGINNINGS,
    common_beginnings,
    messages,
    read_beginnings,
)
from midtrain_dagster.inference.engine import GenerationError


@given(st.lists(st.text("ab\n", max_size=12), min_size=2, max_size=6))
def test_common_is_what_all_begin_with_up_to_a_line(prompts: list[str]) -> None:
    shared = commonprefix(prompts)  # noqa: RUF071, characters are what is wanted
    whole = shared[: shared.rfind("\n") + 1]
    if len(set(prompts)) == 1:
        assert common_beginnings([prompts]) == []
    else:
        assert common_beginnings([prompts]) == ([whole] if whole else [])


def test_each_round_has_its_own_and_the_longest_is_left_out() -> None:
    found = common_beginnings([["I\nex\n1", "I\nex\n2"], ["I\n1", "I\nx"], ["alone\n"], []])
    assert found == ["I\nex\n", "I\n"]
    assert messages("I\nex\nPassage: it", found) == [{"role": "user", "content": "Passage: it"}]
    assert messages("I\nit", found) == [{"role": "user", "content": "it"}]
    assert messages("it", found) == [{"role": "user", "content": "it"}]
    chat = [{"role": "user", "content": "I\nex\nit"}]
    assert messages(chat, found) == chat


def test_a_folder_that_is_no_small_generator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match="no small generator is here"):
        read_beginnings(tmp_path)
    (tmp_path / BEGINNINGS).write_text('["I\\n"]')
    assert read_beginnings(tmp_path) == ["I\n"]
