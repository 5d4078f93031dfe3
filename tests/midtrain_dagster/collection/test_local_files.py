import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("data/x", "data/a/y", "data/a/b/z", "other/o"):
        path = tmp_path / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"text": name}) + "\n")
    return tmp_path


def names(source: Any, folder: Path) -> list[str]:
    return [file.name for file in source.list_files("web", folder)]


def test_loops_of_links_are_walked_once(folder: Path, source: Callable[..., Any]) -> None:
    section = source(reader="json_lines", paths=["data"])
    without = names(section, folder)
    assert without == ["a/b/z.jsonl", "a/y.jsonl", "x.jsonl"]
    (folder / "data/a/up").symlink_to("..")
    (folder / "data/a/b/above").symlink_to("../../..")
    (folder / "data/0").symlink_to("a")
    (folder / "data/self").symlink_to("self")
    assert names(section, folder) == without
    assert names(source(reader="json_lines", paths=["data/0/*.jsonl"]), folder) == ["y.jsonl"]
    assert names(source(reader="json_lines", paths=["data/0*/*.jsonl"]), folder) == ["0/y.jsonl"]


def test_links_to_other_places_are_followed(folder: Path, source: Callable[..., Any]) -> None:
    (folder / "data/out").symlink_to("../other")
    (folder / "data/again").symlink_to("../other")
    (folder / "data/file.jsonl").symlink_to("x.jsonl")
    os.mkfifo(folder / "data/pipe.jsonl")
    section = source(reader="json_lines", paths=["data/**/*.jsonl"])
    assert names(section, folder) == [
        *("a/b/z.jsonl", "a/y.jsonl", "again/o.jsonl", "file.jsonl", "x.jsonl"),
    ]


def test_names_that_are_not_utf8_are_printed_and_read(
    folder: Path, source: Callable[..., Any], collect: Callable[..., Any]
) -> None:
    odd = os.fsencode(folder) + b"/data/caf\xe9.jsonl"
    Path(os.fsdecode(odd)).write_text('{"text": "otter"}\n')
    collected = collect(reader="json_lines", paths=["data"])
    assert collected.texts["caf\\xe9.jsonl:1"] == "otter"
    (file,) = source(reader="json_lines", paths=["data/c*"]).list_files("web", folder)
    assert json.loads(file.model_dump_json())["uri"].endswith("/data/caf%E9.jsonl")


def test_folders_that_are_called_as_files_are_told(
    folder: Path, source: Callable[..., Any]
) -> None:
    (folder / "data/spark.jsonl").mkdir()
    look = source(reader="json_lines", paths=["data/*.jsonl"]).look("web", folder)
    assert [file.name for file in look.files] == ["x.jsonl"]
    (finding,) = look.findings
    assert "spark.jsonl is a folder" in finding.reason
    assert not finding.stops
