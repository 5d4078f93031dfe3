import glob
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.collection.files import bundles, list_files, units
from midtrain_dagster.core.source_file import SourceError, SourceFile

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
    listed = list_files("test", source(reader="text", paths=[pattern]), tree)
    found = glob.glob(str(tree / pattern), recursive=True)  # noqa: PTH207
    assert sorted(file.uri for file in listed) == sorted(
        path for path in found if Path(path).is_file()
    )


def test_a_folder_is_searched_for_the_readers_files(tree: Path, source: Callable[..., Any]) -> None:
    names = [file.name for file in list_files("test", source(reader="text", paths=["."]), tree)]
    assert names == [
        "a.txt",
        "b.md",
        "one/[g].txt",
        "one/a.txt",
        "one/deep/d.txt",
        "two/a.txt",
        "two/e.TXT",
    ]
    html = list_files("test", source(reader="html", paths=[str(tree)]), Path("/nowhere"))
    assert [file.name for file in html] == ["c.html"]


def test_names_hold_no_path_of_the_machine(tree: Path, source: Callable[..., Any]) -> None:
    section = source(reader="text", paths=["one/*.txt", "two/e.TXT", "one/[g].txt"])
    files = list_files("test", section, tree)
    assert [file.name for file in files] == ["[g].txt", "a.txt", "e.TXT"]
    moved = tree.rename(tree.with_name(f"{tree.name}-moved"))
    assert [file.cause for file in list_files("test", section, moved)] == [
        file.cause for file in files
    ]


def test_a_link_keeps_its_name(tree: Path, source: Callable[..., Any]) -> None:
    (tree / "link.md").symlink_to(tree / "a.txt")
    (file,) = list_files("test", source(reader="text", paths=["link.md"]), tree)
    assert file.name == "link.md"


def test_the_same_file_twice_is_one_file(tree: Path, source: Callable[..., Any]) -> None:
    section = source(reader="text", paths=["one/a.txt", "one/*.txt", "one/../one/a.txt"])
    assert len(list_files("test", section, tree)) == 2


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["*.pdf"], r"source 'web': no file matches '\*.pdf'"),
        (["three/*.txt"], r"source 'web': .*three does not exist"),
        (["data/pages.jsonl"], r"`make data` \(or `midtrain fetch`\)"),
        (["one/a.txt", "two/a.txt"], r"would both be called 'a.txt'"),
    ],
)
def test_errors_name_the_source_and_what_to_do(
    tree: Path, source: Callable[..., Any], paths: list[str], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        list_files("web", source(reader="text", paths=paths), tree)


def sized(name: str, size: int) -> SourceFile:
    return SourceFile(name=name, uri=f"/{name}", bytes=size, digest="")


FILES = st.dictionaries(st.text(min_size=1, max_size=8), st.integers(0, 150), min_size=1)


@given(FILES)
def test_bundles_hold_every_file_once_within_the_target(files: dict[str, int]) -> None:
    listed = [sized(name, size) for name, size in files.items()]
    groups = bundles(listed, 100)
    assert sorted(file.name for group in groups for file in group) == sorted(files)
    assert all(sum(file.bytes for file in group) <= 100 for group in groups if len(group) > 1)
    assert bundles(listed[::-1], 100) == groups


@given(FILES, st.text(min_size=1, max_size=8), st.integers(0, 150))
def test_adding_a_file_changes_one_bundle(files: dict[str, int], name: str, size: int) -> None:
    files = {key: value for key, value in files.items() if key != name}
    listed = [sized(key, value) for key, value in files.items()]
    before, after = bundles(listed, 100), bundles([*listed, sized(name, size)], 100)
    assert sum(group not in after for group in before) <= 1


def test_what_is_chosen_over_the_whole_source_is_one_unit(source: Callable[..., Any]) -> None:
    files = [sized(str(number), 80) for number in range(5)]
    pages = {"reader": "json_lines", "paths": ["*"], "domain": "web", "kind": "prose"}
    planted = source(reader="planted", pages=pages, benchmarks=["gsm8k"])
    assert units(planted, files, 100) == [files]
    assert units(source(reader="text", paths=["*"], take=3), files, 100) == [files]
    assert len(units(source(reader="text", paths=["*"]), files, 100)) == 5
