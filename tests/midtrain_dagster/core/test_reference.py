from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.core.reference import Reference, digest_of, open_column
from midtrain_dagster.core.storage import StorageError

TEXTS = [f"text {number} é" * (number % 7) for number in range(3000)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reference") / "a.parquet"
    table = pa.table({"n": range(len(TEXTS)), "text": TEXTS})
    pq.write_table(table, path, row_group_size=700)
    return path


def refer(path: Path, start: int, rows: int) -> Reference:
    with open_column(str(path), "text") as column:
        values = column.read(start, rows)
    return Reference(
        uri=str(path),
        bytes=path.stat().st_size,
        column="text",
        start=start,
        rows=rows,
        digest=digest_of(values),
    )


@given(st.integers(0, 3100), st.integers(0, 3100))
def test_rows_are_read_wherever_they_stand(path: Path, start: int, rows: int) -> None:
    with open_column(str(path), "text") as column:
        assert column.read(start, rows).to_pylist() == TEXTS[start : start + rows]


def test_row_groups(path: Path) -> None:
    with open_column(str(path), "text") as column:
        assert column.holds_strings
        assert column.row_groups(699, 2) == [0, 1]
        assert column.row_groups(700, 700) == [1]
        assert column.first_row(2) == 1400
        sizes = column.row_group_bytes()
    metadata = pq.ParquetFile(path).metadata
    assert sizes == [metadata.row_group(i).column(1).total_uncompressed_size for i in range(5)]
    for name in ("n", "absent"):
        with open_column(str(path), name) as column:
            assert not column.holds_strings


def test_the_digest_is_of_the_values_not_of_their_place() -> None:
    values = pa.array(["a", "bc", "", "d"], pa.large_string())
    same = pa.array(["x", "a", "bc", "", "d", "y"], pa.large_string()).slice(1, 4)
    assert digest_of(values) == digest_of(same) == "0e132abab7c440525b2bf824cbb0f1fc"
    assert digest_of(values) != digest_of(pa.array(["ab", "c", "", "d"], pa.large_string()))
    assert digest_of(values.slice(0, 0)) == digest_of(pa.array([], pa.large_string()))


def test_another_layout_of_the_same_rows_serves_as_well(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "b.parquet"
    pq.write_table(pq.read_table(path), copy, row_group_size=100, compression="zstd")
    reference = refer(path, 650, 100).model_copy(update={"uri": str(copy)})
    assert reference.read("a part").to_pylist() == TEXTS[650:750]


def test_a_file_that_is_gone_is_named_with_its_part(path: Path) -> None:
    reference = refer(path, 650, 100)
    assert reference.is_there
    gone = reference.model_copy(update={"uri": f"{path}.moved"})
    assert not gone.is_there
    with pytest.raises(StorageError, match=r"a\.parquet\.moved cannot be read .*text of parts/x"):
        gone.read("parts/x")


def test_a_file_that_has_changed_is_found_out(path: Path, tmp_path: Path) -> None:
    changed = tmp_path / "c.parquet"
    texts = [text.replace("text 701 ", "test 701 ") for text in TEXTS]
    pq.write_table(pa.table({"n": range(3000), "text": texts}), changed, row_group_size=700)
    reference = refer(path, 650, 100).model_copy(update={"uri": str(changed)})
    with pytest.raises(StorageError, match=r"has changed .* rows 650 to 749\. Restore the file"):
        reference.read("parts/x")
    assert not refer(path, 0, 10).model_copy(update={"bytes": 1}).is_there
    shorter = refer(path, 2990, 10).model_copy(update={"rows": 20})
    with pytest.raises(StorageError, match="has changed"):
        shorter.read("parts/x")
    other = refer(path, 0, 1).model_copy(update={"column": "body"})
    with pytest.raises(StorageError, match="cannot be read"):
        other.read("parts/x")
