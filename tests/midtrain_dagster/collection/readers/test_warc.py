import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

PARAGRAPH = (
    "The sea otter keeps a favourite stone in a pocket of loose skin under its arm, and opens "
    "mussels with it while it floats on its back among the kelp. "
) * 3
PAGE = (
    f"<html><body><article><h1>Sea otters</h1><p>{PARAGRAPH}</p><p>%s</p></article></body></html>"
)
URNS = [f"urn:uuid:00000000-0000-0000-0000-00000000000{digit}" for digit in range(9)]


def crawl(packed: bool) -> bytes:
    """Nine records: three good pages, four rejected, two that are no documents."""
    buffer = io.BytesIO()
    writer = WARCWriter(buffer, gzip=packed)
    html, ok = ("Content-Type", "text/html"), "200 OK"
    latin = ("Content-Type", "text/html; charset=ISO-8859-1")
    responses = [
        ("response", ok, [html], (PAGE % "Naïve.").encode()),
        ("response", ok, [latin], (PAGE % "It\u2019s naïve.").encode("cp1252")),
        ("request", "GET / HTTP/1.1", [], b""),
        ("response", "404 Not Found", [html], (PAGE % "Gone.").encode()),
        ("response", ok, [("Content-Type", "image/png")], b"\x89PNG"),
        ("response", ok, [html], (PAGE % "Wrong \xff.").encode("latin-1")),
        (
            "response",
            ok,
            [html, ("Content-Encoding", "gzip")],
            gzip.compress((PAGE % "Packed.").encode()),
        ),
        ("metadata", None, None, b"fetchTimeMs: 12"),
        ("response", ok, [html], b"<html><body>" + b"x" * 20_000),
    ]
    for urn, (kind, status, headers, payload) in zip(URNS, responses, strict=True):
        http = None
        if status is not None and kind == "response":
            http = StatusAndHeaders(status, headers, protocol="HTTP/1.1")
        elif status is not None:
            http = StatusAndHeaders(status, headers, is_http_request=True)
        record = writer.create_warc_record(
            "https://example.org/",
            kind,
            payload=io.BytesIO(payload),
            http_headers=http,
            warc_headers_dict={
                "WARC-Record-ID": f"<{urn}>",
                "WARC-Date": "2026-01-02T03:04:05Z",
            },
        )
        writer.write_record(record)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_responses_of_html_become_documents(
    tmp_path: Path, collect: Callable[..., Any], name: str
) -> None:
    (tmp_path / name).write_bytes(crawl(packed=name.endswith("gz")))
    collected = collect(reader="warc", paths=[name])
    good = {0: "Naïve.", 1: "It\u2019s naïve.", 6: "Packed."}
    assert collected.texts == {
        f"{name}:{URNS[number]}": f"Sea otters\n{PARAGRAPH.strip()}\n{last}"
        for number, last in good.items()
    }
    rejected = {3: "not_ok", 4: "not_html", 5: "invalid_encoding", 8: "too_large"}
    assert collected.reasons == {
        f"{name}:{URNS[number]}": reason for number, reason in rejected.items()
    }
    assert collected.documents["metadata"][0] == (
        '{"date": "2026-01-02T03:04:05Z", "url": "https://example.org/"}'
    )


def test_records_before_a_truncation_of_gzip_stay(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    data = crawl(packed=True)
    last_member = data.rindex(b"\x1f\x8b\x08")
    (tmp_path / "a.warc.gz").write_bytes(data[: last_member + 20])
    collected = collect(reader="warc", paths=["a.warc.gz"])
    assert collected.documents.height == 3
    assert collected.reasons["a.warc.gz"] == "broken_stream"
    assert URNS[7] in collected.detail("a.warc.gz")


def test_records_that_end_too_early_are_rejected(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    data = crawl(packed=False)
    (tmp_path / "a.warc").write_bytes(data[: data.index(b"na\xefve")])
    collected = collect(reader="warc", paths=["a.warc"])
    assert list(collected.texts) == [f"a.warc:{URNS[0]}"]
    assert collected.reasons == {f"a.warc:{URNS[1]}": "broken_stream"}
    assert "bytes too early" in collected.detail(f"a.warc:{URNS[1]}")


@pytest.mark.parametrize(
    "data",
    [
        b"not a WARC file\n",
        b"WARC/1.0\r\nWARC-Type: response\r\n",
        b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 9\r\n\r\nHTTP/1.1 ",
    ],
)
def test_files_that_are_no_warc_are_rejected(
    tmp_path: Path, collect: Callable[..., Any], data: bytes
) -> None:
    (tmp_path / "a.warc").write_bytes(data)
    collected = collect(reader="warc", paths=["a.warc"])
    assert collected.documents.is_empty()
    assert collected.rejections.height == 1


def test_responses_are_refused_before_extraction(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    (tmp_path / "a.warc").write_bytes(crawl(packed=False))
    (tmp_path / "words.txt").write_text("kelp\n")
    named = {"reader": "warc", "paths": ["a.warc"]}
    collected = collect(**named, block={"domains": ["example.org"], "words": "words.txt"})
    assert collected.documents.is_empty()
    assert set(collected.reasons.values()) == {"blocked_domain"}
    assert collected.rejections.height == 7  # pages that are too large or not found, too
    other = collect(**named, block={"words": "words.txt"})
    assert other.documents.equals(collect(**named).documents)


def test_records_that_come_twice_are_taken_once(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    (tmp_path / "a.warc").write_bytes(crawl(packed=False) * 2)
    collected = collect(reader="warc", paths=["a.warc"])
    assert collected.documents.height == 3
    assert collected.rejections["reason"].to_list().count("repeated") == 3


def record(number: int, block: bytes, *headers: str, kind: str = "response") -> bytes:
    length = f"Content-Length: {len(block)}"
    lines = ["WARC/1.1", f"WARC-Type: {kind}", f"WARC-Record-ID: <urn:{number}>", *headers, length]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def http(body: bytes, *headers: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *headers]).encode() + b"\r\n\r\n" + body


HTML = "Content-Type: text/html"
BODY = (PAGE % "The end.").encode()


def test_pages_that_are_not_whole_say_so(tmp_path: Path, collect: Callable[..., Any]) -> None:
    half = BODY[: len(BODY) // 2]
    records = [
        record(1, http(half, HTML), "WARC-Truncated: length"),
        record(2, http(half, HTML, f"Content-Length: {len(BODY)}")),
        record(3, http(half, HTML), "WARC-Segment-Number: 1"),
        record(4, http(BODY, HTML, f"Content-Length: {len(BODY) - 7}")),
    ]
    (tmp_path / "a.warc").write_bytes(b"".join(records))
    metadata = collect(reader="warc", paths=["a.warc"]).documents["metadata"]
    said = [json.loads(each).get("truncated") for each in metadata]
    assert said == ["length", "disconnect", "segment", None]


def test_resources_are_pages_where_they_are_html(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    latin = (PAGE % "Na\xefve.").encode("latin-1")
    records = [
        record(1, latin, "Content-Type: text/html; charset=latin1", kind="resource"),
        record(2, b"Started at noon.", "Content-Type: text/plain", kind="resource"),
        record(3, b"x" * 20_000, HTML, kind="resource"),
    ]
    (tmp_path / "a.warc").write_bytes(b"".join(records))
    collected = collect(reader="warc", paths=["a.warc"])
    assert [text[-6:] for text in collected.texts.values()] == ["Na\xefve."]
    assert collected.reasons == {"a.warc:urn:2": "not_html", "a.warc:urn:3": "too_large"}


def test_urls_stand_without_brackets_and_records_without_ids_are_told_apart(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    one = record(1, http(BODY, HTML), "WARC-Target-URI: <https://example.org/a>")
    nameless = one.replace(b"WARC-Record-ID: <urn:1>\r\n", b"")
    (tmp_path / "a.warc").write_bytes(nameless * 2)
    collected = collect(reader="warc", paths=["a.warc"])
    assert list(collected.texts) == ["a.warc:record 1", "a.warc:record 2"]
    assert collected.documents["metadata"][0] == '{"url": "https://example.org/a"}'
    refused = collect(reader="warc", paths=["a.warc"], block={"domains": ["example.org"]})
    assert set(refused.reasons.values()) == {"blocked_domain"}


@pytest.mark.parametrize(
    ("reader", "kind", "other"), [("warc", "conversion", "wet"), ("wet", "response", "warc")]
)
def test_a_file_of_the_other_reader_is_told(
    tmp_path: Path, collect: Callable[..., Any], reader: str, kind: str, other: str
) -> None:
    (tmp_path / "a.warc").write_bytes(record(1, http(BODY, HTML), kind=kind))
    collected = collect(reader=reader, paths=["a.warc"])
    assert collected.reasons == {"a.warc": "unreadable_file"}
    assert collected.detail("a.warc").endswith(f"say reader: {other}")
