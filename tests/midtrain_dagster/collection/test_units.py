from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.collection.units import bundles, units
from midtrain_dagster.core.source_file import SourceFile


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
def test_bundles_change_by_one_when_a_file_is_added(
    files: dict[str, int], name: str, size: int
) -> None:
    files = {key: value for key, value in files.items() if key != name}
    listed = [sized(key, value) for key, value in files.items()]
    before, after = bundles(listed, 100), bundles([*listed, sized(name, size)], 100)
    assert sum(group not in after for group in before) <= 1


def test_units_are_one_where_a_choice_spans_the_files(source: Callable[..., Any]) -> None:
    files = [sized(str(number), 80) for number in range(5)]
    pages = {"reader": "json_lines", "paths": ["*"], "domain": "web", "kind": "prose"}
    planted = source(reader="planted", pages=pages, benchmarks=["gsm8k"])
    assert units(planted, files, 100) == [files]
    assert units(source(reader="text", paths=["*"], take=3), files, 100) == [files]
    assert len(units(source(reader="text", paths=["*"]), files, 100)) == 5


def test_units_of_a_large_file_are_its_pieces(tmp_path: Path, source: Callable[..., Any]) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "otters"}\n' * 100)
    (tmp_path / "b.jsonl").write_text('{"text": "kelp"}\n')
    section = source(reader="json_lines", paths=["."])
    files = section.list_files("web", tmp_path)
    cut = units(section, files, 1000)
    assert [len(unit) for unit in cut] == [1, 1, 1]
    assert [unit[0].name for unit in cut] == ["a.jsonl", "a.jsonl", "b.jsonl"]
    assert units(section, files, 2**20) == [files]
    assert units(section.model_copy(update={"take": 3}), files, 1000) == [files]
