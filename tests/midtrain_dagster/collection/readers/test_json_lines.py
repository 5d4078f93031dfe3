import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.collection.readers.json_lines import JsonLinesSource
from midtrain_dagster.core.causes import cause
from midtrain_dagster.core.source_file import local_file

PLAIN = JsonLinesSource(reader="json_lines", paths=["*"], domain="web", kind="prose")
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


def test_lines_that_are_good_stay_and_the_bad_are_reported(
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


def test_lines_that_are_too_long_are_passed_over(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    huge = json.dumps({"text": "x" * 3_000_000})
    for end in ("\n", '\n{"text": "after"}\n', ""):
        (tmp_path / "a.jsonl").write_text('{"text": "before"}\n' + huge + end)
        collected = collect(reader="json_lines", paths=["a.jsonl"], max_document_bytes=100)
        assert collected.reasons == {"a.jsonl:2": "too_large"}
        assert f"{len(huge) + len(end[:1])} bytes at byte 19" in collected.detail("a.jsonl:2")
        after = {"a.jsonl:3": "after"} if "after" in end else {}
        assert collected.texts == {"a.jsonl:1": "before", **after}


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_streams_that_break_keep_what_came_before(
    tmp_path: Path, collect: Callable[..., Any], suffix: str
) -> None:
    data = b"".join(b'{"text": "document %d"}\n' % number for number in range(1000))
    packed = gzip.compress(data) if suffix == "gz" else zstandard.compress(data)
    name = f"a.jsonl.{suffix}"
    (tmp_path / name).write_bytes(packed)
    assert collect(reader="json_lines", paths=[name]).documents.height == 1000
    (tmp_path / name).write_bytes(packed + packed[: len(packed) // 2])
    collected = collect(reader="json_lines", paths=[name])
    assert 1000 <= collected.documents.height < 2000
    assert collected.documents["text"][:3].to_list() == ["document 0", "document 1", "document 2"]
    assert collected.reasons[name] == "broken_stream"
    assert set(collected.reasons.values()) == {"broken_stream"}


def test_files_that_are_empty_have_no_documents(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    (tmp_path / "a.jsonl").touch()
    collected = collect(reader="json_lines", paths=["a.jsonl"])
    assert (collected.documents.height, collected.rejections.height) == (0, 0)


def test_templates_are_filled_from_several_keys(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    lines = [{"q": "2 + 2?", "0": 4}, {"q": "2 + 2?"}, {"q": "{0}", "0": True}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    collected = collect(
        reader="json_lines", paths=["a.jsonl"], template="Question: {q}\n{{A}}: {0}"
    )
    assert collected.texts == {"a.jsonl:1": "Question: 2 + 2?\n{A}: 4"}
    assert collected.reasons == {"a.jsonl:2": "missing_key", "a.jsonl:3": "not_text"}


def test_metadata_has_the_kept_keys_and_what_is_declared(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    (tmp_path / "a.jsonl").write_text('\ufeff{"text": "a", "url": "é", "n": [1]}\n', "utf-8")
    fields = {"reader": "json_lines", "paths": ["a.jsonl"], "keep": ["url", "n", "absent"]}
    documents = collect(**fields, licence="CC0-1.0", language="en").documents
    assert documents["metadata"].item() == '{"licence": "CC0-1.0", "n": [1], "url": "é"}'
    assert documents["language"].item() == "en"


def test_metadata_with_half_a_pair_is_rejected(tmp_path: Path, collect: Callable[..., Any]) -> None:
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


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.sampled_from([b"", b"{broken", b'{"text": "' + b"y" * 90 + b'"}', b'{"text": "z"}\r']),
        max_size=40,
    ),
    st.booleans(),
    st.integers(1, 400),
)
def test_pieces_hold_the_lines_of_the_file(
    tmp_path_factory: pytest.TempPathFactory,
    rows: Callable[..., Any],
    lines: list[bytes],
    ended: bool,
    target: int,
) -> None:
    path = tmp_path_factory.mktemp("pieces") / "a.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n" * ended)
    file = local_file("a.jsonl", path)
    cut = PLAIN.pieces(file, target)
    assert rows(PLAIN, [[each] for each in cut]) == rows(PLAIN, [[file]])
    assert sum(each.bytes for each in cut) == file.bytes
    if len(cut) > 1:
        assert max(each.bytes for each in cut) < target + 105


def test_pieces_of_a_file_that_grew_are_those_of_before_but_the_last(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": f"line {n}"}) + "\n" for n in range(100)))
    before = PLAIN.pieces(local_file("a.jsonl", path), 300)
    with path.open("a") as handle:
        handle.write('{"text": "one more"}\n')
    after = PLAIN.pieces(local_file("a.jsonl", path), 300)
    assert len(before) > 3
    assert after[: len(before) - 1] == before[:-1]
    assert cause(after[len(before) - 1]) != cause(before[-1])


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_pieces_of_a_compressed_file_are_the_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(b"packed\n" * 100)
    file = local_file(path.name, path)
    assert PLAIN.pieces(file, 10) == [file]


def test_template_keys_are_those_in_braces(source: Callable[..., Any]) -> None:
    section = source(reader="json_lines", paths=["a"], template="{{Q}} {question}\nA {answer}")
    assert section.template_keys == ["question", "answer"]


def test_conversations_are_documents_with_their_layout(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    turns = [{"role": "user", "content": "Hé?"}, {"role": "assistant", "content": "Yes."}]
    lines = [{"messages": turns, "id": 1}, {"messages": turns[:1]}, {"text": "a"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    collected = collect(reader="json_lines", kind="instruction", paths=["a.jsonl"], keep=["id"])
    assert collected.texts == {"a.jsonl:1": "user: Hé?\n\nassistant: Yes."}
    assert json.loads(collected.documents["metadata"][0]) == {
        "id": 1,
        "messages": {
            "messages": [
                {"role": "user", "content": [6, 10]},
                {"role": "assistant", "content": [23, 27]},
            ]
        },
    }
    assert collected.reasons == {"a.jsonl:2": "unanswered", "a.jsonl:3": "missing_key"}


def test_keys_lead_into_lists(tmp_path: Path, collect: Callable[..., Any]) -> None:
    (tmp_path / "a.jsonl").write_text('{"answers": [{"text": "a"}]}\n{"answers": []}\n')
    collected = collect(reader="json_lines", paths=["a.jsonl"], text="answers.0.text")
    assert collected.texts == {"a.jsonl:1": "a"}
    assert collected.reasons == {"a.jsonl:2": "missing_key"}
