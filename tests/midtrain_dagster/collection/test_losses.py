"""What was lost of real files is counted, told, and stops a run above its ceiling."""

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.collection.losses import (
    RejectionCeilingError,
    SourceLosses,
    check_losses,
    collection_losses,
    told,
)
from midtrain_dagster.collection.read import read
from midtrain_dagster.collection.settings import CollectionSettings
from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.parts import Work

Corpus = Callable[..., list[SourceLosses]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files as people have them: most are good, and each source has a fault of its own."""
    notes, forum, logs, table = (tmp_path / name for name in ("notes", "forum", "logs", "table"))
    for each in (notes, forum, logs, table):
        each.mkdir()
    (notes / "good.md").write_text("# Otters\n\nThey float.\n")
    (notes / "latin.md").write_bytes("Fischotter mögen".encode("latin-1"))
    (notes / "cut.md.gz").write_bytes(gzip.compress(b"They float on their backs. " * 900)[:60])
    good = [json.dumps({"text": f"The {number}th otter floats."}) for number in range(7)]
    bad = ["{broken", '{"body": "no text"}', '{"text": ""}']
    (forum / "a.jsonl").write_text("\n".join([*good[:4], *bad, *good[4:]]))
    packed = gzip.compress(
        "\n".join(json.dumps({"text": f"{n} {n * n}"}) for n in range(9000)).encode()
    )
    (logs / "whole.jsonl.gz").write_bytes(packed)
    (logs / "half.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    pl.DataFrame({"text": ["one", "two"]}).write_parquet(table / "1.parquet")
    pl.DataFrame({"body": ["one", "two"]}).write_parquet(table / "2.parquet")
    return tmp_path


SECTIONS: dict[str, dict[str, Any]] = {
    "forum": {"reader": "json_lines", "paths": ["forum"]},
    "logs": {"reader": "json_lines", "paths": ["logs"]},
    "notes": {"reader": "text", "paths": ["notes"]},
    "table": {"reader": "parquet", "paths": ["table"]},
}


@pytest.fixture
def sources(source: Callable[..., Any]) -> dict[str, Any]:
    return {name: source(**fields) for name, fields in SECTIONS.items()}


@pytest.fixture
def collected(folder: Path, store: ArtifactStore) -> Callable[..., list[SourceLosses]]:
    """What sources lose, each file read by itself as one unit of work."""

    def collected(sources: Mapping[str, Any], **options: Any) -> list[SourceLosses]:
        from midtrain_dagster.core.parts import do_work

        parts = []
        for name, source in sources.items():
            for file in source.list_files(name, folder):
                parameters = {"source_name": name, "source": source, "files": [file]}
                sizes = {"part_bytes": 2000, "max_document_bytes": 10_000}
                work = Work(read, versions={}, parameters={**parameters, **sizes})
                parts += do_work(store.storage, work)
        documents = store.make("documents", {}, None, {}, lambda _: (parts, {}))
        return collection_losses(documents, sources, **options)

    return collected


def test_files_and_rows_that_are_lost_are_counted(collected: Corpus, sources: Any) -> None:
    by_name = {each.source: each for each in collected(sources)}
    assert by_name["notes"].words == "2 of 3 files"
    assert by_name["forum"].words == "3 of 10 rows"
    assert by_name["table"].words == "1 of 2 files"
    assert by_name["logs"].words == "1 of 2 files"
    assert 9000 < by_name["logs"].documents < 18_000
    assert [round(by_name[name].share, 3) for name in sources] == [0.3, 0.5, 0.667, 0.5]
    reasons = {name: [each.reason for each in by_name[name].rejected] for name in sources}
    assert reasons == {
        "forum": ["empty", "invalid_json", "missing_key"],
        "logs": ["broken_stream"],
        "notes": ["broken_stream", "invalid_encoding"],
        "table": ["missing_key"],
    }


def test_a_file_of_rows_that_are_all_bad_is_lost(
    folder: Path, collected: Corpus, sources: Any
) -> None:
    (folder / "forum" / "b.jsonl").write_text('{"body": "no text"}\n' * 2)
    (folder / "forum" / "nothing.jsonl").write_text("")
    (forum,) = collected({"forum": sources["forum"]})
    assert forum.words == "1 of 3 files and 5 of 12 rows"


def test_losses_are_told_with_file_and_row(collected: Corpus, sources: Any) -> None:
    lines = told(collected(sources, examples=1))
    assert lines[0] == (
        "2 of 3 files of `notes`, 1 of 2 files of `logs`, 1 of 2 files of `table`, "
        "and some of 1 more rejected"
    )
    assert "notes: invalid_encoding 1: latin.md: invalid UTF-8 at byte 12" in "\n".join(lines)
    assert "forum: invalid_json 1: a.jsonl:5: line at byte" in "\n".join(lines)
    assert "table: missing_key 1: 2.parquet: no column ['text']; there are ['body']" in lines
    (logs,) = [line for line in lines if line.startswith("logs")]
    assert "half.jsonl.gz: after byte" in logs and "ends in the middle" in logs


def test_every_source_over_its_ceiling_is_named_with_its_field(
    collected: Corpus, sources: Any
) -> None:
    losses = collected(sources)
    place = lambda field: f"r.yaml, line 7: {'.'.join(field)}"  # noqa: E731
    with pytest.raises(RejectionCeilingError) as raised:
        check_losses(losses, sources, CollectionSettings(), place)
    message = str(raised.value)
    assert message.startswith("4 sources lose more than the recipe allows:")
    assert "forum: 3 of 10 rows rejected (30%, at most 20%)" in message
    assert "a.jsonl:6: no key 'text'; there are ['body']" in message
    assert "or allow it, r.yaml, line 7: sources.forum.max_rejected: 0.30" in message
    assert "or allow it, r.yaml, line 7: sources.notes.max_rejected: 0.67" in message
    with pytest.raises(RejectionCeilingError) as raised:
        check_losses(losses, sources, CollectionSettings(max_rejected=0.5), place)
    assert str(raised.value).startswith("a source loses more than the recipe allows:\n  notes:")
    own = {"notes": sources["notes"].model_copy(update={"max_rejected": 0.67})}
    check_losses(losses, sources | own, CollectionSettings(max_rejected=0.5), place)


def test_a_source_without_a_document_stops_under_any_ceiling(
    folder: Path, collected: Corpus, sources: Any
) -> None:
    (folder / "forum" / "a.jsonl").write_text("{broken\n")
    (folder / "table" / "1.parquet").unlink()
    few = {name: sources[name] for name in ("forum", "table")}
    with pytest.raises(RejectionCeilingError) as raised:
        check_losses(collected(few), few, CollectionSettings(max_rejected=1), ".".join)
    message = str(raised.value)
    assert "it gave no document: mend its files or take it out, sources.forum" in message
    assert "it gave no document: mend its files or take it out, sources.table" in message


def test_what_a_reader_passes_over_is_told_and_no_loss(
    folder: Path, collected: Corpus, source: Callable[..., Any]
) -> None:
    pages = folder / "pages"
    pages.mkdir()
    (pages / "real.1").write_text(".TH OTTER 1\n.SH NAME\notter \\- floats\n")
    (pages / "other.1").write_text(".so man1/real.1\n")
    manual = source(reader="manual_page", paths=["pages"])
    (losses,) = collected({"pages": manual})
    assert (losses.files_lost, losses.rows_lost, losses.share) == (0, 0, 0.0)
    assert told([losses]) == ["passed over: pages redirect 1"]
    check_losses([losses], {"pages": manual}, CollectionSettings(max_rejected=0), ".".join)
