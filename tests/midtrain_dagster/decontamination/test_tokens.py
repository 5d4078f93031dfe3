"""The gate reads shards as the trainer does, so it finds what the documents no longer show."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.decontamination.methods.qwen_math import Config
from midtrain_dagster.decontamination.scan import scan
from midtrain_dagster.decontamination.tokens import scan_tokens
from midtrain_dagster.tokens.shards import tokenize
from midtrain_dagster.tokens.tokenizer import train_tokenizer

CONFIG = Config()


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory, pages: list[str]) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    for name, data in train_tokenizer(pages[:300], vocabulary=600).items():
        (folder / name).write_bytes(data)
    return folder


def gate(texts: list[str], items: pl.DataFrame, tokenizer: Path, folder: Path) -> pl.DataFrame:
    documents = pl.DataFrame(
        {"id": [f"d{i}" for i in range(len(texts))], "domain": "web", "text": texts},
        {"id": pl.String, "domain": pl.String, "text": pl.String},
    )
    made = tokenize(documents, tokenizer=tokenizer)
    np.asarray(made["tokens"]).tofile(folder / "tokens.bin")
    return scan_tokens(
        made["index"],
        items,
        tokens=folder / "tokens.bin",
        tokenizer=tokenizer,
        dtype=made["tokens"].dtype.str,
        config=CONFIG,
    )["hits"]


def test_what_the_scan_finds_in_texts_the_gate_finds_in_tokens(
    pages, benchmark_items, tokenizer, tmp_path
) -> None:
    leaks = [
        f"{page} {row['question']} {row['answer']} {page[::-1]}"
        for page, row in zip(pages[:12], benchmark_items[::97].iter_rows(named=True), strict=False)
    ]
    texts = [*pages[20:30], *leaks, "Größe — naïve 日本語 🎈"]
    documents = pl.DataFrame({"id": [f"d{i}" for i in range(len(texts))], "text": texts})
    expected = scan(documents, benchmark_items, config=CONFIG)["hits"]
    assert expected["id"].n_unique() >= 10
    assert gate(texts, benchmark_items, tokenizer, tmp_path).equals(expected)


def test_clean_shards_pass(pages, benchmark_items, tokenizer, tmp_path) -> None:
    assert gate(pages[:50], benchmark_items, tokenizer, tmp_path).is_empty()


def test_a_shard_without_documents_has_no_hits(benchmark_items, tokenizer, tmp_path) -> None:
    assert gate([], benchmark_items.head(5), tokenizer, tmp_path).is_empty()


def test_what_nobody_sees_hides_nothing_from_the_gate(
    pages, benchmark_items, tokenizer, tmp_path
) -> None:
    question = benchmark_items["question"][7]
    hidden = "".join(f"{character}\u00ad" for character in question).replace(" ", "\u200b \u2060")
    hits = gate([f"{pages[3]}\n{hidden}"], benchmark_items, tokenizer, tmp_path)
    assert hits.select("item", "lcs_ratio").rows() == [("7", 1.0)]
