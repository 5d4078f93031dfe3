import re

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.personal_data.sign_candidates import (
    ASSIGNED_SECRET,
    EMAIL,
    KEY_PREFIXES,
    KNOWN_SECRET,
    sign_candidates,
)

LOCAL, DOMAIN = rb"[A-Za-z0-9._%+-]{1,64}$", rb"[A-Za-z0-9.-]{0,253}"


def found_in(*texts: str) -> list[tuple[int, bytes]]:
    text = text_buffer(pl.Series("text", texts, pl.String))
    return [
        (kind, text.buffer[start:stop].tobytes())
        for kind, start, stop in sign_candidates(text.buffer, text.offsets).tolist()
    ]


def naive_emails(text: str) -> list[bytes]:
    data, found = text.encode(), []
    for sign in re.finditer(b"@", data):
        local, domain = re.search(LOCAL, data[: sign.start()]), re.match(DOMAIN, data[sign.end() :])
        if local is None or domain is None:
            continue
        start, name = local.group(), domain.group().rstrip(b".-")
        while start and not start[:1].isalnum():
            start = start[3:] if start[:1] == b"%" else start[1:]
        if start and b"." in name and name[:1].isalnum():
            found.append(start + b"@" + name)
    return found


@settings(max_examples=75, deadline=None)
@given(st.lists(st.text(alphabet="ab1.@%-é 世", max_size=30), max_size=3))
def test_emails_are_those_of_a_plain_reading(texts: list[str]) -> None:
    expected = [(EMAIL, address) for text in texts for address in naive_emails(text)]
    assert found_in(*texts) == expected


def test_every_prefix_is_found_where_a_word_begins() -> None:
    for prefix in KEY_PREFIXES:
        assert found_in(f"é {prefix}x") == [(KNOWN_SECRET, prefix.encode())]
        assert found_in(f"x{prefix}x", f"_{prefix}", prefix[:-1], prefix[-1]) == []


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
