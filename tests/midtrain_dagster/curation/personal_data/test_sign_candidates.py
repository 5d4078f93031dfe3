import re

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.personal_data.sign_candidates import (
    ASSIGNED_SECRET,
    EMAIL,
    sign_candidates,
)

LOCAL = re.compile(rb"(?:\"[^\"\n@\\]{1,250}\"|[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\x80-\xff-]+)$")
DOMAIN = re.compile(rb"[A-Za-z0-9.\x80-\xff-]+")


def found_in(*texts: str) -> list[tuple[int, bytes]]:
    text = text_buffer(pl.Series("text", texts, pl.String))
    return [
        (kind, text.buffer[start:stop].tobytes())
        for kind, start, stop in sign_candidates(text.buffer, text.offsets).tolist()
    ]


def naive_emails(text: str) -> list[bytes]:
    data, found = text.encode(), []
    for sign in re.finditer(b"@", data):
        local, domain = LOCAL.search(data[: sign.start()]), DOMAIN.match(data, sign.end())
        if local and domain and b"." in domain.group()[1:-1]:
            found.append(local.group() + b"@" + domain.group())
    return found


@settings(max_examples=75, deadline=None)
@given(st.lists(st.text(alphabet="ab1.@%-é 世\"/'", max_size=30), max_size=3))
def test_emails_are_those_of_a_plain_reading(texts: list[str]) -> None:
    expected = [(EMAIL, address) for text in texts for address in naive_emails(text)]
    assert found_in(*texts) == expected


def test_values_are_found_behind_names_of_keys() -> None:
    value = "abcdefgh12345678"
    for text in (
        f"key={value}", f'"my_token" : "{value}"', f"MY-SECRET => '{value}'", f"password:{value} ",
        f"config['key'] = '{value}'",
    ):  # fmt: skip
        assert found_in(text) == [(ASSIGNED_SECRET, value.encode())]
    for text in (
        f"name={value}", f"key={value[1:]}", f"key={'a' * 16}", f"key = '{value}\"",
        f"key={value}(", f"key={value * 17}", f"key =     {value}", f"key\n={value}",
    ):  # fmt: skip
        assert found_in(text) == []


def test_more_candidates_than_room_was_made_for() -> None:
    texts = ["a@b.de " * 900] * 5
    assert found_in(*texts) == [(EMAIL, b"a@b.de")] * 4500
