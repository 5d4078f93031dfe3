"""Heads of responses as browsers read them; types as the Fetch standard has them."""

import pytest

from midtrain_dagster.collection.http_response import looks_like_html, media_type, response_head


@pytest.mark.parametrize(
    "line",
    [
        "HTTP/1.1 200 OK",
        "HTTP/2 200",
        "HTTP/3 200 ",
        "http/1.0 200 ok",
        "ICY 200 OK",
        "HTTP 200 OK",
    ],
)
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_status_lines(line: str, end: str) -> None:
    before = f"HTTP/1.1 100 Continue{end}{end}HTTP/1.1 103 Early Hints{end}Link: x{end}{end}"
    for message in (line, before + line):
        head = response_head(f"{message}{end}X-Y:{end} z{end}Server: a{end}{end}body".encode())
        assert head is not None
        assert head.status == "200"
        assert head.fields == {"x-y": "z", "server": "a"}
        assert f"{message}{end}X-Y:{end} z{end}Server: a{end}{end}body"[head.bytes :] == "body"


@pytest.mark.parametrize(
    "message", [b"", b"<html>", b"HTTP/1.1 200 OK", b"HTTP/1.1 2000\r\n\r\n", b"HTTP/1.1 OK\n\n"]
)
def test_what_is_no_head(message: bytes) -> None:
    assert response_head(message) is None


def test_lists_are_joined_and_of_other_fields_the_first_counts() -> None:
    head = response_head(
        b"HTTP/1.1 200\r\nContent-Encoding: gzip\r\ncontent-encoding: br\r\nAge: 1\nAge: 2\r\n\r\n"
    )
    assert head is not None
    assert head.fields == {"content-encoding": "gzip, br", "age": "1"}


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html", ("text/html", None)),
        ('TEXT/HTML;Charset="UTF-8"', ("text/html", "UTF-8")),
        ('text/html; charset="gbk', ("text/html", "gbk")),
        ("text/html charset=gbk", ("text/html", "gbk")),
        ("text/html, charset=gbk", ("text/html", "gbk")),
        # The examples of the Fetch standard.
        ("text/plain;charset=gbk, text/html", ("text/html", None)),
        ("text/html;charset=gbk;a=b, text/html;x=y", ("text/html", "gbk")),
        ("text/html;charset=gbk, x/x, text/html;x=y", ("text/html", "gbk")),
        ("text/html, cannot-parse", ("text/html", None)),
        ("text/html, */*", ("text/html", None)),
        ("text/html, ", ("text/html", None)),
        ("text/html;charset=a, text/html;charset=b", ("text/html", "b")),
        ("", ("", None)),
        ("nonsense", ("", None)),
    ],
)
def test_types(content_type: str, expected: tuple[str, str | None]) -> None:
    assert media_type(content_type) == expected


def test_long_heads_take_no_time() -> None:
    # Where time is quadratic, this takes minutes.
    spaces = " " * 250_000
    assert media_type(f"text/html;{spaces}charset=gbk") == ("text/html", "gbk")
    assert media_type(f"text/html;{spaces}x") == ("text/html", None)
    assert media_type("," * 250_000) == ("", None)


def test_bodies_that_browsers_take_for_html() -> None:
    for body in (b"<!DOCTYPE HTML>", b"\n <html>", b"\xef\xbb\xbf<!-- a", b"<p x", b"<TITLE>"):
        assert looks_like_html(body)
    for body in (b"", b"text <p>", b"<pre>", b"<svg>", b"{}", b"<!doctype svg>"):
        assert not looks_like_html(body)
