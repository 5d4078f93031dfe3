import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any


def record(number: int, text: bytes, kind: str = "conversion", length: int | None = None) -> bytes:
    headers = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Target-URI: https://example.org/{number}",
        "WARC-Date: 2023-03-20T18:12:03Z",
        f"WARC-Record-ID: <urn:{number}>",
        "Content-Type: text/plain",
        f"Content-Length: {len(text) if length is None else length}",
    ]
    return "\r\n".join(headers).encode() + b"\r\n\r\n" + text + b"\r\n\r\n"


def test_conversions_are_documents(tmp_path: Path, collect: Callable[..., Any]) -> None:
    records = [
        record(1, b"Software-Info: ia-web-commons\r\n", "warcinfo"),
        record(2, "Café\nau lait\n".encode()),
        record(3, b"caf\xe9"),
        record(4, b"x" * 101),
        record(5, b" \n"),
        record(6, b"last"),
    ]
    (tmp_path / "a.warc.wet.gz").write_bytes(b"".join(gzip.compress(each) for each in records))
    (tmp_path / "ignored.txt").touch()
    collected = collect(reader="wet", paths=["."], max_document_bytes=100)
    assert collected.texts == {
        "a.warc.wet.gz:urn:2": "Café\nau lait\n",
        "a.warc.wet.gz:urn:6": "last",
    }
    assert collected.documents["metadata"][0] == (
        '{"date": "2023-03-20T18:12:03Z", "url": "https://example.org/2"}'
    )
    assert collected.reasons == {
        "a.warc.wet.gz:urn:3": "invalid_encoding",
        "a.warc.wet.gz:urn:4": "too_large",
        "a.warc.wet.gz:urn:5": "empty",
    }


def test_records_before_a_break_stay(tmp_path: Path, collect: Callable[..., Any]) -> None:
    packed = gzip.compress(record(1, b"whole")) + gzip.compress(record(2, b"torn"))[:-12]
    (tmp_path / "a.warc.wet.gz").write_bytes(packed)
    (tmp_path / "b.wet").write_bytes(record(3, b"short", length=50))
    collected = collect(reader="wet", paths=["."])
    assert collected.texts == {"a.warc.wet.gz:urn:1": "whole"}
    assert set(collected.reasons.values()) == {"broken_stream"}
    assert {place.partition(":")[0] for place in collected.reasons} == {"a.warc.wet.gz", "b.wet"}
