import glob
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from midtrain_dagster.core.causes import cause
from midtrain_dagster.core.source_file import SourceError

TREE = [
    "a.txt",
    "b.md",
    "c.html",
    "one/a.txt",
    "one/deep/d.txt",
    "two/a.txt",
    "two/e.TXT",
    ".hidden.txt",
    ".git/f.txt",
    "one/[g].txt",
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in TREE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    "pattern",
    ["*.txt", "**/*.txt", "*/a.txt", "one/**/*", "**/deep/*", "*/[ad].txt", "?.*", "**/.*.txt"],
)
def test_patterns_match_as_glob_does(tree: Path, source: Callable[..., Any], pattern: str) -> None:
    listed = source(reader="text", paths=[pattern]).list_files("test", tree)
    found = glob.glob(str(tree / pattern), recursive=True)  # noqa: PTH207
    assert sorted(file.uri for file in listed) == sorted(
        path for path in found if Path(path).is_file()
    )


@pytest.mark.parametrize("pattern", ["*", "**/*", "."])
def test_what_a_system_leaves_is_no_document(
    tree: Path, source: Callable[..., Any], pattern: str
) -> None:
    before = source(reader="text", paths=[pattern]).list_files("test", tree)
    for name in ("Thumbs.db", "desktop.ini", "._a.txt", ".nfs0000000000a1b2c3", ".DS_Store"):
        (tree / name).write_bytes(b"left")
        (tree / "one" / name).write_bytes(b"left")
    assert source(reader="text", paths=[pattern]).list_files("test", tree) == before


def test_folders_are_searched_for_the_readers_suffixes(
    tree: Path, source: Callable[..., Any]
) -> None:
    names = [file.name for file in source(reader="text", paths=["."]).list_files("test", tree)]
    assert names == [
        "a.txt",
        "b.md",
        "one/[g].txt",
        "one/a.txt",
        "one/deep/d.txt",
        "two/a.txt",
        "two/e.TXT",
    ]
    html = source(reader="html", paths=[str(tree)]).list_files("test", Path("/nowhere"))
    assert [file.name for file in html] == ["c.html"]


def test_names_and_causes_hold_no_path_of_the_machine(
    tree: Path, source: Callable[..., Any]
) -> None:
    section = source(reader="text", paths=["one/*.txt", "two/e.TXT", "one/[g].txt"])
    files = section.list_files("test", tree)
    assert [file.name for file in files] == ["[g].txt", "a.txt", "e.TXT"]
    moved = tree.rename(tree.with_name(f"{tree.name}-moved"))
    there = section.list_files("test", moved)
    assert there != files
    assert cause(there) == cause(files)


def test_links_keep_their_names(tree: Path, source: Callable[..., Any]) -> None:
    (tree / "link.md").symlink_to(tree / "a.txt")
    (file,) = source(reader="text", paths=["link.md"]).list_files("test", tree)
    assert file.name == "link.md"


def test_paths_that_name_a_file_twice_give_it_once(tree: Path, source: Callable[..., Any]) -> None:
    section = source(reader="text", paths=["one/a.txt", "one/*.txt", "one/../one/a.txt"])
    assert len(section.list_files("test", tree)) == 2


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["*.pdf"], r"source 'web': no file matches '\*.pdf'"),
        (["three/*.txt"], r"source 'web': .*three does not exist"),
        (["data/pages.jsonl"], r"`midtrain fetch` \(or `make data`\)"),
        (["one/a.txt", "two/a.txt"], r"would both be called 'a.txt'"),
    ],
)
def test_paths_without_files_name_the_source_and_what_to_do(
    tree: Path, source: Callable[..., Any], paths: list[str], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        source(reader="text", paths=paths).list_files("web", tree)


def test_object_stores_are_listed_by_their_etags_and_read(
    s3_endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    source: Callable[..., Any],
    read_whole: Callable[..., Any],
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3")
    etags = {}
    for name in ("part 1.jsonl", "more/part%202.jsonl", "note.txt"):
        put = {"Bucket": "midtrain", "Key": f"pages/{name}", "Body": b'{"text": "otters"}\n'}
        etags[name] = client.put_object(**put)["ETag"].strip('"')
    section = source(reader="json_lines", paths=["s3://midtrain/pages/**/*.jsonl"])
    assert section.is_remote
    assert not source(reader="json_lines", paths=["file:///pages", "data/*.jsonl"]).is_remote
    files = section.list_files("web", "/nowhere")
    assert {file.name: file.digest for file in files} == {
        name: f"etag:{etag}" for name, etag in sorted(etags.items()) if name != "note.txt"
    }
    documents = read_whole("web", section, files, max_document_bytes=100)["documents"]
    assert documents["text"].to_list() == ["otters", "otters"]
    folder = section.model_copy(update={"paths": ["s3://midtrain/pages"]})
    assert folder.list_files("web", "/nowhere") == files


def test_what_is_neither_a_file_nor_a_folder_is_named(
    tmp_path: Path, source: Callable[..., Any]
) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(SourceError, match=r"pipe\.txt: it is neither a file nor a folder"):
        source(reader="text", paths=["pipe.txt"]).list_files("web", tmp_path)
