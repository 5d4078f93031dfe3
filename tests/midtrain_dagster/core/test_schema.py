import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.core.schema import KINDS, document_id


def test_id_is_pinned() -> None:
    # An id is part of every stored table: this value must never change.
    assert document_id("web", "a.jsonl:1", "otters") == "25aeba4affb67afc92f6c6afc0eb0ef3"


@given(st.text(), st.text(), st.text())
def test_id_has_32_hexadecimal_digits(source: str, locator: str, text: str) -> None:
    assert re.fullmatch("[0-9a-f]{32}", document_id(source, locator, text))


@pytest.mark.parametrize(
    "other",
    [("w", "eba", "text"), ("web", "", "atext"), ("web", "at", "ext"), ("", "weba", "text")],
)
def test_fields_do_not_run_into_each_other(other: tuple[str, str, str]) -> None:
    assert document_id("web", "a", "text") != document_id(*other)


def test_kinds() -> None:
    assert KINDS == ("prose", "code", "mathematics", "qa", "instruction", "agent")
