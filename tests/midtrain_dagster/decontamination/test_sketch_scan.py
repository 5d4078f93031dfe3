from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.artifacts import Part, scan_parts
from midtrain_dagster.core.causes import cause
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.decontamination import candidates as module
from midtrain_dagster.decontamination.candidates import candidates, evidence_of
from midtrain_dagster.decontamination.method import Method
from midtrain_dagster.decontamination.methods import decon, gpt3, marin, phi4, qwen_math, tulu3
from midtrain_dagster.decontamination.scan import scan, searched_of
from midtrain_dagster.decontamination.sketch import CELL, sketch_documents, sketched
from midtrain_dagster.decontamination.sketch_scan import (
    MOST_PARTS,
    is_enough,
    rows_of,
    runs_of,
    scan_by_sketch,
)

from .conftest import document_table, item_table

METHODS = [
    qwen_math.Config(),
    qwen_math.Config(ngram=9, lcs_ratio=0),
    qwen_math.Config(order_free=0.3),
    gpt3.Config(),
    tulu3.Config(),
]

FEW = ["a", "be", "sea", "dunes"]
MANY = [f"w{number}" for number in range(60)]
LINES = st.one_of(
    st.lists(st.sampled_from(words), min_size=low, max_size=40).map(" ".join)
    for words, low in ((FEW, 0), (MANY, 8), (MANY, 13))
)


def by_sketch(
    parts: list[pl.DataFrame], items: pl.DataFrame, config: Method, *, counting: bool = False
):
    """The hits, and if it is counting the counts of n-grams too."""
    with TemporaryDirectory() as folder:
        files = [Path(folder, f"{number:06d}-sketch") for number in range(len(parts))]
        for part, file in zip(parts, files, strict=True):
            file.write_bytes(sketch_documents(part)["sketch"])
        sketch = files[0] if len(files) == 1 else Path(folder)
        documents = {f"documents_{number}": part.lazy() for number, part in enumerate(parts)}
        found = list(
            scan_by_sketch(items, sketch=sketch, config=config, counting=counting, **documents)
        )
        names = ["hits", "ngrams"] if counting else ["hits"]
        assert [name for name, _ in found] == names * len(parts), "one of each part"
        made = [pl.concat(table for name, table in found if name == each) for each in names]
        return made if counting else made[0]


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    """Documents that hold pieces of items, whole or cut, amid other words; and the items."""
    items = draw(st.lists(st.tuples(LINES, LINES), min_size=1, max_size=5))
    texts = []
    for _ in range(draw(st.integers(1, 8))):
        said = draw(st.sampled_from([text for item in items for text in item])).split()
        low = draw(st.integers(0, len(said)))
        high = draw(st.integers(low, len(said)))
        pieces = [draw(LINES), " ".join(draw(st.sampled_from([said, said[low:high]]))), draw(LINES)]
        texts.append(draw(st.sampled_from([" ", "\n\n", " &amp; ", "... "])).join(pieces))
    return texts, items


@pytest.mark.parametrize("config", METHODS)
@settings(max_examples=20, deadline=None)
@given(corpora(), st.integers(1, 8))
def test_sketches_find_what_the_full_scan_finds(config: Method, corpus, size: int) -> None:
    """However the documents are cut into parts."""
    texts, written = corpus
    documents = document_table(*texts)
    items = item_table(*(("b", str(i), q, [], None, a) for i, (q, a) in enumerate(written)))
    full = scan(documents, items, config=config)["hits"]
    found = by_sketch(list(documents.iter_slices(size)), items, config)
    assert found.rows() == full.rows()


@pytest.mark.parametrize("config", METHODS)
@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32))
def test_sketches_find_what_the_full_scan_finds_in_long_documents(
    config: Method, seed: int
) -> None:
    """Of more words than a cell, with items anywhere."""
    random = np.random.default_rng(seed)
    some = [[f"i{word}" for word in random.integers(0, 400, size)] for size in (8, 13, 20, 60)]
    items = item_table(
        *(("b", str(n), " ".join(each), [], None, "") for n, each in enumerate(some))
    )
    texts = []
    for words in random.integers(0, 4 * CELL, 4).tolist():
        said = [f"w{word}" for word in random.integers(0, 5000, words)]
        for at in [*random.integers(0, words + 1, 2).tolist(), *range(CELL - 5, words, CELL)]:
            said[at:at] = some[int(random.integers(0, 4))]
        texts.append(" ".join(said))
    documents = document_table(*texts)
    full = scan(documents, items, config=config)["hits"]
    assert full.height
    assert by_sketch(list(documents.iter_slices(2)), items, config).rows() == full.rows()


def test_of_real_pages_few_are_candidates(pages, benchmark_items) -> None:
    """Planted ones are, in capitals and with other accents, also those of eight words."""
    config = qwen_math.Config()
    plain = "Which sea lies between the two oldest harbours"
    items = pl.concat([benchmark_items, item_table(("s", "short", plain, [], None, ""))])
    planted = [*pages, f"We ask: {plain.upper()}?", f"It says: {plain.replace('e', 'é')}."]
    long = benchmark_items.filter(pl.col("question").str.split(" ").list.len() >= 20)["question"]
    planted += [f"{page} {text}" for page, text in zip(pages, long[:20], strict=False)]
    documents = document_table(*planted)
    rows = candidates(sketched(documents["text"]), evidence_of(searched_of(items, config=config)))
    assert set(range(2000, 2022)) <= set(rows.tolist())
    assert len(rows) < 0.1 * len(planted)
    full = scan(documents, items, config=config)["hits"]
    assert by_sketch([documents], items, config).rows() == full.rows()
    assert full.filter(item="short").height == 2


@settings(max_examples=20, deadline=None)
@given(st.integers(0, CELL + 20), st.integers(0, 2), st.integers(13, 30))
def test_an_item_is_found_across_cells(place: int, cell: int, size: int) -> None:
    item = [f"item{number}" for number in range(size)]
    other = [f"w{number % 97}" for number in range(3 * CELL)]
    at = cell * CELL + place
    texts = pl.Series([" ".join(other), " ".join([*other[:at], *item, *other[at:]])])
    items = item_table(("b", "1", " ".join(item), [], None, None))
    evidence = evidence_of(searched_of(items, config=qwen_math.Config(ngram=size)))
    assert 1 in candidates(sketched(texts), evidence)


@pytest.mark.parametrize("rows", [[3], [0, 1, 2, 7], [*range(0, 40, 2)], [*range(40)]])
def test_rows_of_a_stored_table(tmp_path: Path, rows: list[int]) -> None:
    storage = Storage(root=str(tmp_path))
    table = pl.DataFrame({"id": map(str, range(40)), "text": [f"{n} " * 20_000 for n in range(40)]})
    part = write_output(storage, "made", "documents", table)
    read = rows_of(scan_parts(storage, [part]), np.array(rows, np.int64))
    assert read.equals(table[rows])


@given(st.lists(st.integers(0, 2**32), unique=True, max_size=200), st.integers(0, 2**32))
def test_a_part_that_comes_changes_one_run(numbers: list[int], new: int) -> None:
    parts = [Part(table="documents", path=str(n), digest=cause([n]), bytes=1) for n in numbers]
    runs = runs_of(parts)
    assert [part for run in runs for part in run] == parts
    assert all(0 < len(run) <= MOST_PARTS for run in runs)
    if len(parts) <= MOST_PARTS:
        added = Part(table="documents", path="new", digest=cause([new, "new"]), bytes=1)
        old = {tuple(part.path for part in run) for run in runs}
        assert sum(tuple(p.path for p in run) not in old for run in runs_of([*parts, added])) == 1


def test_a_part_without_candidates_is_not_opened() -> None:
    def opened(_: pl.DataFrame) -> pl.DataFrame:
        raise AssertionError("the documents were read")

    documents = document_table("eight other words than those of the item here")
    items = item_table(("b", "1", " ".join(MANY[:20]), [], None, None))
    with TemporaryDirectory() as folder:
        file = Path(folder, "sketch")
        file.write_bytes(sketch_documents(documents)["sketch"])
        unread = documents.lazy().map_batches(opened)
        found = scan_by_sketch(items, config=qwen_math.Config(), sketch=file, documents_0=unread)
        ((_, hits),) = found
    assert hits.is_empty()


@pytest.mark.parametrize(
    "config",
    [
        qwen_math.Config(ngram=5, shortest=4),
        marin.Config(),
        phi4.Config(),
        decon.Config(shortest=5, answers=False),
    ],
)
def test_what_a_sketch_cannot_tell_is_read_whole(config: Method) -> None:
    items = item_table(("b", "1", "five words are too few", [], None, "and four too"))
    documents = document_table("He said: five words are too few! And four, too.")
    assert not is_enough(items, config=config)
    full = scan(documents, items, config=config)["hits"]
    assert by_sketch([documents], items, config).rows() == full.rows()


def test_time_is_bounded_where_everything_is_everywhere(monkeypatch) -> None:
    """After so many looks more documents are candidates, none fewer."""
    apart = " ".join(f"x{number % 89}" for number in range(2 * CELL))
    texts = pl.Series([" ".join(MANY), apart, " ".join(MANY[:12]), apart, *MANY])
    items = item_table(("b", "1", " ".join(MANY), [], None, None))
    evidence = evidence_of(searched_of(items, config=qwen_math.Config()))
    exact = candidates(sketched(texts), evidence)
    assert exact.tolist() == [0, 1]
    monkeypatch.setattr(module, "LOOKS_A_KEY", 0)
    assert np.isin(exact, candidates(sketched(texts), evidence)).all()
