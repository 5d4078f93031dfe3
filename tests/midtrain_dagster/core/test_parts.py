import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from midtrain_dagster.core.artifacts import ArtifactStore, MissingArtifactError, Part, scan_parts
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.execution import InProcess
from midtrain_dagster.core.in_place import InPlace
from midtrain_dagster.core.parts import (
    LITTLE_BYTES,
    SCANNED,
    DamagedPartError,
    Output,
    Work,
    are_little,
    check_digests,
    do_work,
    file_names,
    find_parts,
    make_parts,
    read_table,
    write_output,
)
from midtrain_dagster.core.reference import Reference, digest_of
from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.core.storage import StorageError

VERSION = 1
"""Of the functions below, as every module of methods has one."""


def double(numbers: pl.DataFrame, *, by: int) -> Mapping[str, Output]:
    return {
        "doubled": numbers.select(pl.col("n") * by),
        "tokens": numbers["n"].to_numpy().astype("<u2"),
        "note.txt": f"by {by}".encode(),
    }


def seed(*, start: int) -> Mapping[str, Output]:
    return {"numbers": pl.DataFrame({"n": list(range(start, start + 4))})}


def add_file(numbers: pl.DataFrame, *, addend: Path) -> Mapping[str, Output]:
    return {"sum": numbers.select(pl.col("n") + int(addend.read_text().split()[1]))}


def by_turns(*, count: int) -> Iterator[tuple[str, Output]]:
    yield "note.txt", b"counting"
    for number in range(count):
        yield "numbers", pl.DataFrame({"n": [number]})
        if number == 13:
            raise KeyboardInterrupt


def fail(*, start: int) -> Mapping[str, Output]:
    raise ValueError(f"nothing starts at {start}")


def doubled(numbers: Part, *, by: int) -> Work:
    return Work(double, {"numbers": [numbers]}, parameters={"by": by})


def seeds(store: ArtifactStore, count: int) -> list[Part]:
    works = [Work(seed, parameters={"start": n}) for n in range(count)]
    return [parts[0] for parts in make_parts(store, InProcess(), works)]


def times(store: ArtifactStore) -> dict[str, int]:
    """Every file of the store with the time of its last change."""
    root = Path(store.storage.root)
    return {path: (root / path).stat().st_mtime_ns for path in store.storage.list("parts")}


def test_parts_are_stored_by_kind(store: ArtifactStore) -> None:
    (numbers,) = seeds(store, 1)
    parts = do_work(store.storage, doubled(numbers, by=2))
    table, tokens, note = parts
    assert read_table(store.storage, table)["n"].to_list() == [0, 2, 4, 6]
    assert (table.rows, tokens.tokens, tokens.rows) == (4, 4, 0)
    assert np.frombuffer(store.storage.read(tokens.path), "<u2").tolist() == [0, 1, 2, 3]
    assert store.storage.read(note.path) == b"by 2"


def test_text_is_stored_in_pages(store: ArtifactStore) -> None:
    """So that one document costs the unpacking of one page, and the same bytes each time."""
    table = pl.DataFrame({"id": ["a"] * 64, "text": [f"{n:05d}" * 2**12 for n in range(64)]})
    part = write_output(store.storage, "a", "documents", table)
    assert part.digest == write_output(store.storage, "b", "documents", table).digest
    column = pq.read_metadata(store.storage.uri(part.path)).row_group(0).column(1)
    assert not column.has_dictionary_page
    assert scan_parts(store.storage, [part]).slice(40, 1).collect().equals(table[40:41])


def test_parts_take_a_file_without_being_read(store: ArtifactStore, tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(b"weights")
    part = write_output(store.storage, "a", "model", file)
    same = write_output(store.storage, "b", "model", b"weights")
    assert part.model_copy(update={"path": same.path}) == same


def test_a_damaged_part_is_named_before_it_is_used(store: ArtifactStore) -> None:
    storage = store.storage
    parts = [write_output(storage, f"p/{n}", "tokens", np.arange(9) + n) for n in range(3)]
    files = file_names(parts)
    with storage.local_folder(files) as folder:
        check_digests(storage, parts, folder)
    data = bytearray(storage.read(parts[1].path))
    data[5] ^= 1
    storage.write(parts[1].path, bytes(data))
    told = pytest.raises(DamagedPartError, match=r"p/1/tokens\.bin: damaged.*delete it and run")
    with storage.local_folder(files) as folder, told:
        check_digests(storage, parts, folder)


def test_a_part_that_exists_is_not_made_again(store: ArtifactStore) -> None:
    seeds(store, 3)
    written = times(store)
    seeds(store, 3)
    assert times(store) == written
    seeds(store, 4)
    assert {path: times(store)[path] for path in written} == written
    assert len(times(store)) == len(written) + 2  # the part and its record


def test_a_part_without_its_record_does_not_exist(store: ArtifactStore) -> None:
    work = Work(seed, parameters={"start": 1})
    do_work(store.storage, work)
    Path(store.storage.uri(f"{work.folder}/part.json")).unlink()
    assert find_parts(store.storage, [work]) == [None]


def test_a_truncated_part_does_not_exist(store: ArtifactStore) -> None:
    work = Work(seed, parameters={"start": 1})
    (part,) = do_work(store.storage, work)
    store.storage.write(part.path, b"cut")
    assert find_parts(store.storage, [work]) == [None]


def test_the_digest_of_an_input_is_the_cause_not_its_path(store: ArtifactStore) -> None:
    first, second = seeds(store, 2)
    moved = first.model_copy(update={"path": "elsewhere.parquet", "label": "other"})
    works = [Work(double, {"numbers": [part]}) for part in (first, moved, second)]
    assert works[0].folder == works[1].folder != works[2].folder


def test_work_is_named_and_versioned_by_the_module_of_its_function(store: ArtifactStore) -> None:
    work = Work(seed, parameters={"start": 1})
    assert work.folder.startswith("parts/test_parts.seed/")
    own = versions_of(sys.modules[__name__])
    other, more, same = (
        Work(seed, parameters={"start": 1}, versions=versions)
        for versions in (dict.fromkeys(own, 2), own | {"helper": 1}, own)
    )
    assert work.folder == same.folder
    assert len({each.folder for each in (work, other, more)}) == 3


def test_work_asks_for_memory_by_what_it_reads(store: ArtifactStore) -> None:
    (numbers,) = seeds(store, 1)
    work = doubled(numbers, by=2)
    larger = doubled(numbers.model_copy(update={"bytes": 10 * numbers.bytes}), by=2)
    assert larger.resources.memory > work.resources.memory > numbers.bytes
    assert work.resources.cpus == 1


def test_little_is_what_is_given_few_bytes_and_takes_no_longer_than_they_do() -> None:
    def part(name: str, bytes: int) -> Part:
        return Part(table="numbers", path=f"parts/{name}", digest=name, bytes=bytes)

    def work(name: str, bytes: int, **more: Any) -> Work:
        return Work(double, {"numbers": [part(name, bytes)]}, parameters={"by": 2}, **more)

    half = LITTLE_BYTES // 2
    assert are_little([])
    assert are_little([work("a", half), work("b", half)])
    assert not are_little([work("a", half), work("b", half + 1)])
    assert not are_little([work("a", 1), work("b", 1, by_bytes=False)])
    assert not are_little([work("a", 1, cpus=2)])
    assert are_little([work("a", 2 * LITTLE_BYTES, effort=0.5)])
    # What is scanned counts less, and what several are given once.
    scanned = {"scans": {"more": [part("c", half * SCANNED)]}}
    assert are_little([work("a", half // 2, **scanned), work("b", half // 2, **scanned)])
    assert not are_little([work("a", half, **scanned), work("b", 1, **scanned)])
    one, other = (SourceFile(name=name, uri=name, bytes=LITTLE_BYTES, digest=name) for name in "xy")
    assert are_little([Work(seed, parameters={"start": 1, "files": [one]})])
    assert not are_little([Work(seed, parameters={"start": 1, "files": [one, other]})])


def test_files_arrive_as_local_paths(store: ArtifactStore) -> None:
    (numbers,) = seeds(store, 1)
    outputs = do_work(store.storage, doubled(numbers, by=3))
    files = {"addend": [outputs[2]]}
    work = Work(add_file, {"numbers": [numbers]}, files=files)
    (part,) = do_work(store.storage, work)
    assert read_table(store.storage, part)["n"].to_list() == [3, 4, 5, 6]


def test_outputs_may_come_one_by_one(store: ArtifactStore) -> None:
    work = Work(by_turns, parameters={"count": 3})
    parts = do_work(store.storage, work)
    assert [part.table for part in parts] == ["note.txt", "numbers", "numbers", "numbers"]
    assert [Path(part.path).name for part in parts[1:]] == [
        f"numbers-0000{number}.parquet" for number in range(3)
    ]
    assert scan_parts(store.storage, parts[1:]).collect()["n"].to_list() == [0, 1, 2]
    assert find_parts(store.storage, [work]) == [parts]


def test_what_breaks_off_half_way_is_not_found(store: ArtifactStore) -> None:
    work = Work(by_turns, parameters={"count": 20})
    with pytest.raises(KeyboardInterrupt):
        do_work(store.storage, work)
    written = store.storage.list(work.folder)
    assert len(written) == 15
    assert f"{work.folder}/part.json" not in written
    assert find_parts(store.storage, [work]) == [None]


def documents(count: int) -> pl.DataFrame:
    columns = {name: [f"{name} {number}" for number in range(count)] for name in DOCUMENTS}
    return pl.DataFrame(columns, schema=DOCUMENTS)


def refer(*, rows: int, path: str) -> Mapping[str, Output]:
    """Documents whose text is in a Parquet file."""
    table = documents(rows)
    reference = Reference(
        uri=path,
        bytes=Path(path).stat().st_size,
        column="text",
        start=0,
        rows=rows,
        digest=digest_of(table["text"].to_arrow().cast(pa.large_string())),
    )
    return {"documents": InPlace(table, (reference,))}


def lengths(documents: pl.DataFrame) -> Mapping[str, Output]:
    return {"lengths": documents.select("id", pl.col("text").str.len_chars())}


def referring(path: Path) -> Work:
    return Work(refer, parameters={"rows": 5}, arguments={"path": str(path)})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source" / "a.parquet"
    path.parent.mkdir()
    documents(5).write_parquet(path, compression="uncompressed")
    return path


def test_text_that_stays_in_its_source(store: ArtifactStore, source: Path) -> None:
    (part,) = do_work(store.storage, referring(source))
    assert "text" not in pl.read_parquet(store.storage.uri(part.path)).columns
    assert find_parts(store.storage, [referring(source)]) == [[part]]
    assert read_table(store.storage, part).equals(documents(5))
    (made,) = do_work(store.storage, Work(lengths, {"documents": [part]}))
    assert read_table(store.storage, made)["text"].to_list() == [6] * 5


def test_whole_parts_and_referring_ones_are_one_table(store: ArtifactStore, source: Path) -> None:
    (part,) = do_work(store.storage, referring(source))
    whole = write_output(store.storage, "parts/whole", "documents", documents(2))
    frame = scan_parts(store.storage, [whole, part, whole, part])
    assert frame.collect().equals(pl.concat([documents(2), documents(5)] * 2))
    assert frame.select("text").head(3).collect().height == 3


def test_a_source_that_moved_makes_its_parts_anew(store: ArtifactStore, source: Path) -> None:
    (before,) = do_work(store.storage, referring(source))
    moved = source.rename(source.with_name("b.parquet"))
    assert find_parts(store.storage, [referring(moved)]) == [None]
    with pytest.raises(MissingArtifactError, match=r"a\.parquet is gone or .* run again"):
        read_table(store.storage, before)
    ((after,),) = make_parts(store, InProcess(), [referring(moved)])
    assert (after.path, after.digest) == (before.path, before.digest)
    assert read_table(store.storage, after).equals(documents(5))
    works = [Work(lengths, {"documents": [part]}) for part in (before, after)]
    assert works[0].folder == works[1].folder


def test_a_source_that_changed_is_found_out(store: ArtifactStore, source: Path) -> None:
    (part,) = do_work(store.storage, referring(source))
    data = source.read_bytes()
    source.write_bytes(data.replace(b"text 3", b"test 3"))
    assert find_parts(store.storage, [referring(source)]) == [[part]]
    with pytest.raises(StorageError, match=r"a\.parquet has changed .*documents\.parquet"):
        read_table(store.storage, part)
    assert read_table_without_text(store, part).height == 5
    source.write_bytes(data + b"more")
    assert find_parts(store.storage, [referring(source)]) == [None]


def read_table_without_text(store: ArtifactStore, part: Part) -> pl.DataFrame:
    return scan_parts(store.storage, [part]).select("id").collect()


def test_ray_and_the_plain_loop_make_the_same(store: ArtifactStore, tmp_path, on_ray) -> None:
    from midtrain_dagster.core.storage import Storage

    works = [Work(seed, parameters={"start": n}) for n in range(7)]
    told: list[tuple[int, int]] = []
    elsewhere = ArtifactStore(Storage(root=str(tmp_path / "ray")))
    by_ray = make_parts(elsewhere, on_ray, works, lambda done, total: told.append((done, total)))
    assert by_ray == make_parts(store, InProcess(), works)
    assert told == [(n, 7) for n in range(8)]


def test_an_error_comes_back_as_itself(store: ArtifactStore, on_ray) -> None:
    works = [Work(fail, parameters={"start": 5})]
    with pytest.raises(ValueError, match="nothing starts at 5"):
        make_parts(store, on_ray, works)
