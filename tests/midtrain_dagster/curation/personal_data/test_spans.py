# ruff: noqa: RUF001 - signs of many scripts
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.curation.personal_data import spans as module
from midtrain_dagster.curation.personal_data.spans import (
    PERSONAL_DATA,
    PLACEHOLDERS,
    TYPES,
    VERSION,
    PersonalData,
    edits,
    personal_data,
)
from midtrain_dagster.tokens.edits import apply_edits

DATA = Path(__file__).parents[4] / "data"
KEY = "q7Zk29XbLm4TpR81vWcE"
VALUES = [
    ("email", "ada.lovelace+news@analytical-engine.co.uk"),
    ("email", "Ada_1@mail.aol.com"),
    ("ip_address", "93.184.216.34"),
    ("ip_address", "2a00:1450:4001:81b::200e"),
    ("phone", "+49 (0)30 227-32500"),
    ("phone", "+442079460958"),
    ("phone", "(202) 456-1111"),
    ("phone", "202-456-1111"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "NO9386011117947"),
    ("card", "4111 1111 1111 1111"),
    ("card", "378282246310005"),
    ("secret", "AKIA" + "J2Q3R4S5T6U7VWXY"),
    ("secret", "ghp_" + "q7Zk29XbLm4TpR81vWcEh3NsYd60JfGa5uKi"),
]
FILLER = st.text(alphabet="aé 世😀.\n,x", max_size=12)


def found_in(*texts: str | None, regions: tuple[str, ...] = ("US",)) -> list[tuple[str, str]]:
    """The type and the text of everything that is found."""
    table = pl.DataFrame({"id": [str(n) for n in range(len(texts))], "text": texts})
    spans = personal_data(table, types=list(TYPES), phone_regions=list(regions))["personal_data"]
    encoded = {str(number): (text or "").encode() for number, text in enumerate(texts)}
    return [(type_, encoded[id_][start:stop].decode()) for id_, start, stop, type_ in spans.rows()]


@settings(max_examples=75, deadline=None)
@given(st.lists(st.tuples(FILLER, st.sampled_from(VALUES)), max_size=4), FILLER)
def test_planted_values_are_found_where_they_are(
    planted: list[tuple[str, tuple[str, str]]], end: str
) -> None:
    text, expected = "", []
    for filler, (type_, value) in planted:
        text += f"{filler}; "
        expected.append((str(0), len(text.encode()), len((text + value).encode()), type_))
        text += f"{value}; "
    table = pl.DataFrame({"id": ["0"], "text": [text + end]})
    spans = personal_data(table, types=list(TYPES), phone_regions=["US"])["personal_data"]
    assert spans.schema == PERSONAL_DATA
    assert spans.rows() == expected


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(VALUES[8:12]), st.integers(3, 14), st.integers(1, 9))
def test_a_wrong_digit_is_not_found(planted: tuple[str, str], at: int, more: int) -> None:
    type_, value = planted
    if value[at].isdigit():
        wrong = f"{value[:at]}{(int(value[at]) + more) % 10}{value[at + 1 :]}"
        assert type_ not in dict(found_in(f"é {wrong}, 世"))


@pytest.mark.parametrize(
    "text",
    [
        # addresses that are nobody's
        "root@example.com, me@host.test, you@sub.example.org, x@localhost.localdomain",
        "git@github.com:owner/name.git, https://me@host.org/, ssh://git@host.org, /x/y@2x.com",
        "chacha20-poly1305@openssh.com, A@B.conj(), a@b.c, @decorator.name, user@host, x@y.pyx",
        # addresses of no host on the internet, versions and sections
        "10.0.0.1 127.0.0.1 192.168.1.1 172.16.0.1 169.254.0.1 192.0.2.1 203.0.113.9 224.0.0.251",
        "255.255.255.0 0.0.0.0 version 93.184.216.34, v93.184.216.34, 1.2.3.4, EC 3.4.22.39",
        "1.3.6.1.4.1.311 300.1.1.1 93.184.216.34.5 libc-93.184.216.34 ::1 fe80::1 2001:db8::1 a::b",
        "12:30:45 2023:01:02:03 00:1b:44:11:3a:b7 2023-01-15T12:30:45.123456 std::vector::size",
        # numbers that are not telephones'
        "ISBN 978-3-16-148410-0, 0-306-40615-2; 3.14159 26535 89793; 2023-01-15 12:30, 15/01/2023",
        "1,234,567,890 and 1202.4561111 x+12345678 + 49 30 = 79 (555) 555-0100",
        "202-456-1111-2222 9202-456-1111 #202-456-1111 2024567890 RFC 2616-3986-2045",
        # numbers without a checksum
        "4111111111111112 4111 1111 1111 1112 1.4111111111111111 12345678901234567890",
        "DE88370400440532013000 XX89370400440532013000 DE89 3704 0044",
        # values that are no keys
        'api_key = "your-api-key-here-1234", token: "some_function_v2", key=get_token_v2_now()',
        f'public_key = "{KEY}", name = "{KEY}", id: {KEY}',
        f'f("{KEY}"), <name>{KEY}</name>, <apiKey>{KEY} x, "token", {KEY}, setApiKey({KEY})',
        "cache-key: ubuntu-22.04-node-18-npm; password_hash = 'pbkdf2_sha256_v2'",
    ],
)
def test_what_only_looks_like_personal_data_is_not_found(text: str) -> None:
    assert found_in(text) == []


@pytest.mark.parametrize(
    "text",
    [
        f'api_key = "{KEY}"',
        f"SECRET_TOKEN={KEY}\n",
        f"'password': '{KEY}'",
        f"key => {KEY} ",
        f'token := "{KEY}"',
        f'{{\\"api_key\\": \\"{KEY}\\"}}',
        f"**Token**: `{KEY}`",
        f"<apiKey>{KEY}</apiKey>",
        f'setApiKey("{KEY}")',
        f"header('X-Api-Key', '{KEY}')",
        f"Authorization: Bearer {KEY}",
        f"密码：{KEY}",
        f"Пароль={KEY}",
    ],
)
def test_assigned_secrets(text: str) -> None:
    assert found_in(text) == [("secret", KEY)]


def test_edges_of_what_is_found() -> None:
    assert found_in("Mail <a@b.de>, (c@d.org). e@f.net.", "mailto:%20g@h.com?x") == [
        ("email", "a@b.de"), ("email", "c@d.org"), ("email", "e@f.net"), ("email", "g@h.com"),
    ]  # fmt: skip
    assert found_in("http://93.184.216.34:80/ [2a00:1450:4001:81b::200e]:443") == [
        ("ip_address", "93.184.216.34"), ("ip_address", "2a00:1450:4001:81b::200e"),
    ]  # fmt: skip
    assert found_in("_a@b.de_ _DE89370400440532013000_ **c@d.org**") == [
        ("email", "a@b.de"), ("iban", "DE89370400440532013000"), ("email", "c@d.org"),
    ]  # fmt: skip
    assert found_in("93.184.216.34->93.184.216.35", "IP 93.184.216.34.443 > x") == [
        ("ip_address", "93.184.216.34"), ("ip_address", "93.184.216.35"),
        ("ip_address", "93.184.216.34"),
    ]  # fmt: skip
    assert found_in("T:+1 202 456 1111 2024", "tel:+12024561111.") == [
        ("phone", "+1 202 456 1111"), ("phone", "+12024561111"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("müller.hans@firma.de", ("email", "müller.hans@firma.de")),
        ("o'brien@gmail.com", ("email", "o'brien@gmail.com")),
        ("Host:93.184.216.34", ("ip_address", "93.184.216.34")),
        ("(+1) 212-456-1111", ("phone", "(+1) 212-456-1111")),
        ("0044 20 7946 0958", ("phone", "0044 20 7946 0958")),
        ("tel 030\u00a03186869", ("phone", "030\u00a03186869")),
        ("\u202a+49\u201130\u202f22732500\u202c", ("phone", "+49\u201130\u202f22732500")),
        ("電話０３０ ３１８６８６９", ("phone", "０３０ ３１８６８６９")),
        ("۰۳۰ ۳۱۸۶۸۶۹", ("phone", "۰۳۰ ۳۱۸۶۸۶۹")),
        ("030 3186869", ("phone", "030 3186869")),
        ("de89 3704 0044 0532 0130 00", ("iban", "de89 3704 0044 0532 0130 00")),
        (
            "4111\u00a01111\u00a01111\u00a01111 12/25",
            ("card", "4111\u00a01111\u00a01111\u00a01111"),
        ),
        ("soft\u00adhyphen@fir\u200bma.de", ("email", "soft\u00adhyphen@fir\u200bma.de")),
    ],
)
def test_signs_of_every_script(text: str, expected: tuple[str, str]) -> None:
    assert found_in(f"x {text}", regions=("DE", "IR")) == [expected]


def test_nothing_is_found_across_documents() -> None:
    assert found_in("ada@analytical", ".com 93.184.", "216.34", "4111111111", "111111") == []


def test_national_forms_need_their_region() -> None:
    text = "Rufen Sie 030 22732500 oder 030/227-32500 an, ou 01 42 68 53 00."
    assert found_in(text, regions=()) == []
    assert found_in(text, regions=("FR",)) == [("phone", "01 42 68 53 00")]


def test_the_most_specific_type_wins_an_overlap() -> None:
    assert found_in(f"token = {KEY}a@b.de") == [("email", f"{KEY}a@b.de")]
    assert found_in("password='+12024561111+qwerTZUIop9'") == [("phone", "+12024561111")]
    assert found_in("password='12024561111+qwerTZUIop9xZ'")[0][0] == "secret"
    columns = ["document", "start", "stop", "type"]
    spans = [(0, 5, 20, "phone"), (0, 0, 10, "email"), (0, 12, 30, "card"), (1, 0, 9, "phone")]
    table = pl.DataFrame(spans, schema=columns, orient="row")
    assert module._without_overlaps(table).rows() == [
        (0, 0, 10, "email"), (0, 12, 30, "card"), (1, 0, 9, "phone"),
    ]  # fmt: skip


@settings(max_examples=75, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 20), st.integers(1, 9), st.sampled_from(TYPES)),
        max_size=9,
    )
)
def test_overlaps_are_those_of_a_plain_choice(spans: list[tuple[int, int, int, str]]) -> None:
    rows = sorted(
        {(document, start, start + size, type_) for document, start, size, type_ in spans}
    )
    stay: list[tuple[int, int, int, str]] = []
    best = sorted(rows, key=lambda row: (row[0], TYPES.index(row[3]), row[1] - row[2], row[1]))
    for row in best:
        if all(row[0] != o[0] or row[2] <= o[1] or o[2] <= row[1] for o in stay):
            stay.append(row)
    schema = {"document": pl.Int64, "start": pl.Int64, "stop": pl.Int64, "type": pl.String}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    assert module._without_overlaps(table).rows() == sorted(stay)


def test_only_the_types_that_are_asked_for() -> None:
    text = " ; ".join(value for _, value in VALUES)
    table = pl.DataFrame({"id": ["a"], "text": [text]})
    for type_ in TYPES:
        spans = personal_data(table, types=[type_], phone_regions=["US"])["personal_data"]
        assert set(spans["type"]) == {type_}


def test_placeholders_take_the_place_of_what_was_found() -> None:
    texts = ["é a@b.de, call +12024561111!", "nothing", None]
    table = pl.DataFrame({"id": ["a", "b", "c"], "text": texts})
    spans = personal_data(table, types=list(TYPES))["personal_data"]
    joined = table.join(edits(spans), on="id", how="left", maintain_order="left")
    placed = apply_edits(joined["text"], joined["edits"])
    assert placed.to_list() == ["é <EMAIL>, call <PHONE>!", "nothing", None]
    assert set(PLACEHOLDERS) == set(TYPES)


def test_unknown_types_and_regions_are_errors() -> None:
    table = pl.DataFrame({"id": ["a"], "text": ["x"]})
    with pytest.raises(ValueError, match="'name': known are secret"):
        personal_data(table, types=["name"])
    with pytest.raises(ValueError, match="'XX' is unknown"):
        personal_data(table, types=["phone"], phone_regions=["XX"])
    with pytest.raises(ValidationError):
        PersonalData(types=["name"])


def test_chunks_change_nothing(passages: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    some = passages.select("id", text=pl.format("{} a@b.de", pl.col("text").str.head(200))).head(50)
    whole = personal_data(some, types=list(TYPES))["personal_data"]
    monkeypatch.setattr(module, "CHUNK_BYTES", 700)
    assert personal_data(some, types=list(TYPES))["personal_data"].equals(whole)


def test_real_text_holds_what_a_reader_finds_there(
    passages: pl.DataFrame, programs: pl.DataFrame, problems: pl.DataFrame
) -> None:
    texts = pl.concat([table.select("id", "text") for table in (passages, programs, problems)])
    spans = personal_data(texts, types=list(TYPES), phone_regions=["US"])["personal_data"]
    found = spans.join(texts, on="id", maintain_order="left").select(
        "type",
        value=pl.struct("text", "start", "stop").map_elements(
            lambda row: row["text"].encode()[row["start"] : row["stop"]].decode(), pl.String
        ),
    )
    digest = sha256(spans.write_csv().encode()).hexdigest()
    assert (VERSION, found.rows(), digest[:16]) == (
        3,
        [("email", "pir@hrcoffice.com"), ("email", "jake.sullivan@gmail.com")],
        "d8be200a65fc2dcd",
    )
