"""The documents that proxies read where they repeat as a longer run does."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.experiments.proxies.limited import limit
from midtrain_dagster.tokens.shards import INDEX, TokenShards


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A hundred documents of each of two domains, of 1 to 100 tokens, with copies of some."""
    rows, tokens = [], []
    for domain, first in (("web", 0), ("code", 1000)):
        for number in range(100):
            length = 1 + (37 * number) % 100
            name = f"{domain}{number - 1}#2" if number % 10 == 2 else f"{domain}{number}"
            rows.append((name, domain, len(tokens), length))
            tokens += [first + number] * length
    pl.DataFrame(rows, INDEX, orient="row").write_parquet(tmp_path / "all_index.parquet")
    np.array(tokens, "<u2").tofile(tmp_path / "all_tokens.bin")
    return tmp_path


def limited(shards: Path, part: float, **fields: Any) -> TokenShards:
    usual: dict[str, Any] = {"domain": "web", "part": part, "seed": 1, "dtype": "<u2"}
    made = limit(shards=shards, **usual | fields)
    file = shards / f"limited-{part}-{fields}.bin"
    made["train_tokens"].tofile(file)  # type: ignore[union-attr]
    return TokenShards.open([(file, made["train_index"])], dtype="<u2")  # type: ignore[list-item]


def test_so_many_tokens_of_a_domain_are_left_as_its_part_is(shards: Path) -> None:
    found = limited(shards, 0.25)
    assert found.domains == ["web"]
    assert 5050 / 4 <= found.tokens_of["web"] < 5050 / 4 + 100


def test_documents_keep_their_tokens_and_their_order(shards: Path) -> None:
    found = limited(shards, 0.5)
    numbers = [int(found.tokens(each, 0, 1)[0]) for each in range(len(found))]
    assert numbers == sorted(numbers)
    for each, number in enumerate(numbers):
        whole = found.tokens(each, 0, int(found.lengths[each]))
        assert len(whole) == 1 + (37 * number) % 100 and (whole == number).all()


def test_a_longer_proxy_reads_all_that_a_shorter_one_does(shards: Path) -> None:
    few, more = (set(limited(shards, part).ids) for part in (0.2, 0.6))
    assert few < more
    assert set(limited(shards, 0.2, seed=2).ids) != few


def test_copies_of_a_document_are_drawn_together(shards: Path) -> None:
    ids = set(limited(shards, 0.5).ids)
    copies = {each for each in ids if each.endswith("#2")}
    stems = {each.removesuffix("#2") for each in copies} - ids
    assert copies and len(stems) <= 1  # the last that has room may be alone


def test_one_document_is_left_at_least_and_all_of_a_whole(shards: Path) -> None:
    assert len(limited(shards, 1e-9)) == 1
    assert limited(shards, 1.0).tokens_of["web"] == 5050
