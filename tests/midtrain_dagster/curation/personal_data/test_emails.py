import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.curation.personal_data.emails import email

ATEXT = "abz09!#$%&'*+/?^_~-"


def found(text: str, before: str = "", behind: str = "") -> str:
    start, stop = email(text, before, behind)
    return text[start:stop]


@pytest.mark.parametrize(
    "address",
    [
        "a@b.de", "o'brien@gmail.com", "müller.hans@firma.de", "user/dept@x.de", "a+b!c#d@x.org",
        "иван@пример.рф", "用户@例子.中国", "x@bücher.at", "x@xn--p1ai.xn--p1ai", "a@b.photography",
        "bounce+jo=gmail.com@lists.org.uk", "SRS0=HHH=TT=gmail.com=jo@fwd.org", '"a b"@x.de',
        unicodedata.normalize("NFD", "müller@käse.de"), "हिन्दी@उदाहरण.भारत",
    ],
)  # fmt: skip
def test_whole_addresses(address: str) -> None:
    assert found(address) == address


@settings(max_examples=200, deadline=None)
@given(st.from_regex(rf"[a-z0-9][{ATEXT}]{{0,20}}[a-z0-9]", fullmatch=True))
def test_all_that_stands_in_a_local_part_is_taken(local: str) -> None:
    if "%" not in local and "//" not in local:  # a URL's escapes and paths
        assert found(f"{local}@firma.de") == f"{local}@firma.de"


@pytest.mark.parametrize(
    ("text", "before", "behind", "expected"),
    [
        ("to=a@b.de", "", "", "a@b.de"),
        ("email{a@b.de", "\\", "}", "a@b.de"),
        ("Name|a@b.de", "", "|", "a@b.de"),
        ("b'a@b.de", "", "'", "a@b.de"),
        ("'a@b.de", "", "'", "a@b.de"),
        ("**a@b.de", "", "**", "a@b.de"),
        ("%20a@b.de", "mailto:", "?", "a@b.de"),
        ("na@b.de", "\\", "", "a@b.de"),
        ("//host.org/?mail=a@b.de", "https:", "&", "a@b.de"),
        ("联系jo@x.com获取", "", "", "jo@x.com"),
        ("jo@x.com으로", "", "", "jo@x.com"),
        ("jo@gmail.com.Please", "", " write", "jo@gmail.com"),
        ("x.de/b@y.de", "a@", "", "b@y.de"),
    ],
)  # fmt: skip
def test_what_parts_an_address_from_its_neighbours(
    text: str, before: str, behind: str, expected: str
) -> None:
    assert found(text, before, behind) == expected


@pytest.mark.parametrize(
    ("text", "before", "behind"),
    [
        ("//me@host.org", "https:", "/"), ("//host.org/x/a@b.de", "https:", ""),
        ("/x/a@b.de", "", ""), ("pa@host.org", "https://user:", ""), ("host.org/a@b.de", "", ""),
        ("git@b.de", "", ":"), ("a@b.me", "", "()"), ("a@self.name", "", ""), ("a..b@b.de", "", ""),
        ("a@b..de", "", ""), ("a@mail.example.org", "", ""), ("aes128-gcm@openssh.com", "", ""),
        ("a@host.test", "", ""), ("a@co.uk", "", ""), ("x@y.pyx", "", ""), ("wg@tty1.target", "",
        ""),
        ("img@2x.png", "", ""), ("core@1.2.3", "", ""), ("a@b.c", "", ""),
    ],
)  # fmt: skip
def test_what_only_looks_like_an_address(text: str, before: str, behind: str) -> None:
    assert found(text, before, behind) == ""
