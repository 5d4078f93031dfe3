import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

LINES = [
    b'{"text": "plain", "url": "a"}',
    b"",
    b'{"text": "broken',
    b'{"text": "invalid \xff utf-8"}',
    b'{"body": "no text"}',
    b'{"text": 12}',
    b'{"text": null}',
    b'{"text": "  \\n "}',
    b'["a list"]',
    b'{"text": "half a pair \\ud800"}',
    b'{"text": "a pair \\ud83e\\udda6"}',
    b'{"text": "nan", "score": NaN}',
    b'{"text": "' + b"x" * 101 + b'"}',
    b'{"text": "cr\\r\\nlf\\u0000"}\r',
    b'{"text": "last, without newline"}',
]


def test_the_good_lines_stay_and_the_bad_are_told(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(LINES))
    collected = collect(reader="json_lines", paths=["a.jsonl"], max_document_bytes=100)
    assert collected.texts == {
        "a.jsonl:1": "plain",
        "a.jsonl:11": "a pair \U0001f9a6",
        "a.jsonl:14": "cr\nlf",
        "a.jsonl:15": "last, without newline",
    }
    assert collected.reasons == {
        "a.jsonl:3": "invalid_json",
        "a.jsonl:4": "invalid_encoding",
        "a.jsonl:5": "missing_key",
        "a.jsonl:6": "not_text",
        "a.jsonl:7": "not_text",
        "a.jsonl:8": "empty",
        "a.jsonl:9": "invalid_json",
        "a.jsonl:10": "invalid_encoding",
        "a.jsonl:12": "invalid_json",
        "a.jsonl:13": "too_large",
    }
    offset = b"\n".join(LINES).index(b"\xff")
    assert f"at byte {offset}" in collected.detail("a.jsonl:4")
    assert "['body']" in collected.detail("a.jsonl:5")


def test_a_line_without_end_is_passed_over(tmp_path: Path, collect: Callable[..., Any]) -> None:
    huge = json.dumps({"text": "x" * 3_000_000})
    for end in ("\n", '\n{"text": "after"}\n', ""):
        (tmp_path / "a.jsonl").write_text('{"text": "before"}\n' + huge + end)
        collected = collect(reader="json_lines", paths=["a.jsonl"], max_document_bytes=100)
        assert collected.reasons == {"a.jsonl:2": "too_large"}
        assert f"{len(huge) + len(end[:1])} bytes at byte 19" in collected.detail("a.jsonl:2")
        after = {"a.jsonl:3": "after"} if "after" in end else {}
        assert collected.texts == {"a.jsonl:1": "before", **after}


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_a_broken_stream_keeps_what_came_before(
    tmp_path: Path, collect: Callable[..., Any], suffix: str
) -> None:
    data = b"".join(b'{"text": "document %d"}\n' % number for number in range(3000))
    packed = gzip.compress(data) if suffix == "gz" else zstandard.compress(data)
    name = f"a.jsonl.{suffix}"
    (tmp_path / name).write_bytes(packed)
    assert collect(reader="json_lines", paths=[name]).documents.height == 3000
    (tmp_path / name).write_bytes(packed + packed[: len(packed) // 2])
    collected = collect(reader="json_lines", paths=[name])
    assert 3000 <= collected.documents.height < 6000
    assert collected.documents["text"][:3].to_list() == ["document 0", "document 1", "document 2"]
    assert collected.reasons == {name: "broken_stream"}


def test_an_empty_file_has_no_documents(tmp_path: Path, collect: Callable[..., Any]) -> None:
    (tmp_path / "a.jsonl").touch()
    collected = collect(reader="json_lines", paths=["a.jsonl"])
    assert (collected.documents.height, collected.rejections.height) == (0, 0)


def test_template(tmp_path: Path, collect: Callable[..., Any]) -> None:
    lines = [{"q": "2 + 2?", "0": 4}, {"q": "2 + 2?"}, {"q": "{0}", "0": True}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    collected = collect(
        reader="json_lines", paths=["a.jsonl"], template="Question: {q}\n{{A}}: {0}"
    )
    assert collected.texts == {"a.jsonl:1": "Question: 2 + 2?\n{A}: 4"}
    assert collected.reasons == {"a.jsonl:2": "missing_key", "a.jsonl:3": "not_text"}


def test_metadata(tmp_path: Path, collect: Callable[..., Any]) -> None:
    (tmp_path / "a.jsonl").write_text('\ufeff{"text": "a", "url": "é", "n": [1]}\n', "utf-8")
    fields = {"reader": "json_lines", "paths": ["a.jsonl"], "keep": ["url", "n", "absent"]}
    documents = collect(**fields, licence="CC0-1.0", language="en").documents
    assert documents["metadata"].item() == '{"licence": "CC0-1.0", "n": [1], "url": "é"}'
    assert documents["language"].item() == "en"


def test_half_a_pair_in_the_metadata(tmp_path: Path, collect: Callable[..., Any]) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a", "url": "\\ud800"}\n')
    collected = collect(reader="json_lines", paths=["a.jsonl"], keep=["url"])
    assert collected.reasons == {"a.jsonl:1": "invalid_encoding"}


def test_keys_that_lead_into_objects(tmp_path: Path, collect: Callable[..., Any]) -> None:
    lines = [
        {"a": {"b": "inner", "url": "u"}, "when": "2020-01-02"},
        {"a.b": "outer", "a": {"b": "inner"}},
        {"a": "no object"},
        {"a": {"b": {"c": 1}}},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    fields = {"text": "a.b", "url": "a.url", "date": "when", "keep": ["a.url"]}
    collected = collect(reader="json_lines", paths=["a.jsonl"], **fields)
    assert collected.texts == {"a.jsonl:1": "inner", "a.jsonl:2": "outer"}
    assert collected.documents["metadata"].to_list() == [
        '{"a.url": "u", "date": "2020-01-02", "url": "u"}',
        "{}",
    ]
    assert collected.reasons == {"a.jsonl:3": "missing_key", "a.jsonl:4": "not_text"}
