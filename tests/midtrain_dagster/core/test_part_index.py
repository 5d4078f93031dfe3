import polars as pl

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.execution import InProcess
from midtrain_dagster.core.part_index import WORTH_IT, PartIndex
from midtrain_dagster.core.parts import RECORD, Output, Work, find_parts, make_parts

VERSION = 1
"""Of the function below."""


def number(*, start: int) -> dict[str, Output]:
    return {"numbers": pl.DataFrame({"n": [start]})}


def works(first: int, count: int) -> list[Work]:
    return [Work(number, parameters={"start": n}) for n in range(first, first + count)]


def test_an_index_holds_the_records_of_the_last_build(store: ArtifactStore) -> None:
    index = PartIndex(store.storage, "recipe/asset/number")
    made = make_parts(store, InProcess(), works(0, WORTH_IT), index=index)
    assert list(index.read().values()) == made
    grown = make_parts(store, InProcess(), works(1, WORTH_IT + 1), index=index)
    assert list(index.read().values()) == grown
    assert grown[: WORTH_IT - 1] == made[1:]


def test_few_records_are_not_worth_an_index(store: ArtifactStore) -> None:
    index = PartIndex(store.storage, "few")
    make_parts(store, InProcess(), works(0, WORTH_IT - 1), index=index)
    assert index.read() == {}


def test_an_index_takes_the_place_of_records_and_of_no_part(store: ArtifactStore) -> None:
    index, asked = PartIndex(store.storage, "recipe/asset/number"), works(0, WORTH_IT)
    made = make_parts(store, InProcess(), asked, index=index)
    for work in asked:
        store.storage.delete(f"{work.folder}/{RECORD}")
    store.storage.delete(made[3][0].path)
    found = find_parts(store.storage, asked, index.read())
    assert [position for position, parts in enumerate(found) if parts is None] == [3]
    assert make_parts(store, InProcess(), asked, index=index) == made
    assert store.storage.size(made[3][0].path) == made[3][0].bytes
