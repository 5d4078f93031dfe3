"""What was lost of real files is counted, told, and stops a run above its ceiling."""

import gzip
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from midtrain_dagster.collection.losses import (
    RejectionCeilingError,
    SourceLosses,
    check_losses,
    collection_losses,
    told,
)
from midtrain_dagster.collection.settings import CollectionSettings

Corpus = Callable[..., list[SourceLosses]]


@pytest.fixture
def collected(read_artifact: Callable[..., Any]) -> Corpus:
    """What sources lose."""

    def collected(sources: Mapping[str, Any], **options: Any) -> list[SourceLosses]:
        return collection_losses(read_artifact(sources), sources, **options)

    return collected


def test_files_and_rows_that_are_lost_are_counted(collected: Corpus, lossy_sources: Any) -> None:
    by_name = {each.source: each for each in collected(lossy_sources)}
    assert by_name["notes"].words == "2 of 3 files"
    assert by_name["forum"].words == "3 of 10 rows"
    assert by_name["table"].words == "1 of 2 files"
    rows = f"1 of {by_name['logs'].rows:,} rows"  # the line in which the stream breaks off
    assert by_name["logs"].words == f"1 of 2 files and {rows}"
    assert 900 < by_name["logs"].documents < 1800
    assert [round(by_name[name].share, 3) for name in lossy_sources] == [0.3, 0.5, 0.667, 0.5]
    reasons = {name: [each.reason for each in by_name[name].rejected] for name in lossy_sources}
    assert reasons == {
        "forum": ["empty", "invalid_json", "missing_key"],
        "logs": ["broken_stream"],
        "notes": ["broken_stream", "invalid_encoding"],
        "table": ["missing_key"],
    }


def test_a_file_of_rows_that_are_all_bad_is_lost(
    lossy: Path, collected: Corpus, lossy_sources: Any
) -> None:
    (lossy / "forum" / "b.jsonl").write_text('{"body": "no text"}\n' * 2)
    (lossy / "forum" / "nothing.jsonl").write_text("")
    (forum,) = collected({"forum": lossy_sources["forum"]})
    assert forum.words == "1 of 3 files and 5 of 12 rows"


def test_what_damaged_data_held_is_told_as_an_estimate(
    tmp_path: Path, collected: Corpus, source: Callable[..., Any]
) -> None:
    lines = [b'{"text": "document %d, and more of it"}\n' % number for number in range(100)]
    packed = [gzip.compress(b"".join(lines[n : n + 10])) for n in range(0, 100, 10)]
    packed[3] = packed[3][:-8] + b"\0\0\0\0" + packed[3][-4:]
    (tmp_path / "a.jsonl.gz").write_bytes(b"".join(packed))
    section = source(reader="json_lines", paths=[str(tmp_path / "a.jsonl.gz")])
    (loss,) = collected({"logs": section})
    assert loss.words == "about 10 of 100 rows"
    assert told([loss])[1].startswith("logs: damaged_data about 10: a.jsonl.gz:byte ")


def test_losses_are_told_with_file_and_row(collected: Corpus, lossy_sources: Any) -> None:
    lines = told(collected(lossy_sources, examples=2))
    assert re.sub(r"1 of [\d,]+ rows", "1 of N rows", lines[0]) == (
        "2 of 3 files of `notes`, 1 of 2 files and 1 of N rows of `logs`, "
        "1 of 2 files of `table`, and some of 1 more rejected"
    )
    assert "notes: invalid_encoding 1: latin.md: invalid UTF-8 at byte 12" in "\n".join(lines)
    assert "forum: invalid_json 1: a.jsonl:5: line at byte" in "\n".join(lines)
    assert "table: missing_key 1: 2.parquet: no column ['text']; there are ['body']" in lines
    (logs,) = [line for line in lines if line.startswith("logs")]
    assert "half.jsonl.gz: after line" in logs and "ends in the middle" in logs


def test_every_source_over_its_ceiling_is_named_with_its_field(
    collected: Corpus, lossy_sources: Any
) -> None:
    losses = collected(lossy_sources)
    place = lambda field: f"r.yaml, line 7: {'.'.join(field)}"  # noqa: E731
    with pytest.raises(RejectionCeilingError) as raised:
        check_losses(losses, lossy_sources, CollectionSettings(), place)
    message = str(raised.value)
    assert message.startswith("4 sources lose more than the recipe allows:")
    assert "forum: 3 of 10 rows rejected (30%, at most 20%)" in message
    assert "a.jsonl:6: no key 'text'; there are ['body']" in message
    assert "or allow it, r.yaml, line 7: sources.forum.max_rejected: 0.30" in message
    assert "or allow it, r.yaml, line 7: sources.notes.max_rejected: 0.67" in message
    with pytest.raises(RejectionCeilingError) as raised:
        check_losses(losses, lossy_sources, CollectionSettings(max_rejected=0.5), place)
    assert str(raised.value).startswith("a source loses more than the recipe allows:\n  notes:")
    own = {"notes": lossy_sources["notes"].model_copy(update={"max_rejected": 0.67})}
    check_losses(losses, lossy_sources | own, CollectionSettings(max_rejected=0.5), place)


def test_a_source_without_a_document_stops_under_any_ceiling(
    lossy: Path, collected: Corpus, lossy_sources: Any
) -> None:
    (lossy / "forum" / "a.jsonl").write_text("{broken\n")
    (lossy / "table" / "1.parquet").unlink()
    few = {name: lossy_sources[name] for name in ("forum", "table")}
    with pytest.raises(RejectionCeilingError) as raised:
        check_losses(collected(few), few, CollectionSettings(max_rejected=1), ".".join)
    message = str(raised.value)
    assert "it gave no document: mend its files or take it out, sources.forum" in message
    assert "it gave no document: mend its files or take it out, sources.table" in message


def test_what_a_reader_passes_over_is_told_and_no_loss(
    lossy: Path, collected: Corpus, source: Callable[..., Any]
) -> None:
    pages = lossy / "pages"
    pages.mkdir()
    (pages / "real.1").write_text(".TH OTTER 1\n.SH NAME\notter \\- floats\n")
    (pages / "other.1").write_text(".so man1/real.1\n")
    manual = source(reader="manual_page", paths=["pages"])
    (losses,) = collected({"pages": manual})
    assert (losses.files_lost, losses.rows_lost, losses.share) == (0, 0, 0.0)
    assert told([losses]) == ["passed over: pages redirect 1"]
    check_losses([losses], {"pages": manual}, CollectionSettings(max_rejected=0), ".".join)
