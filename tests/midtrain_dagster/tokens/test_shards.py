import pickle
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from transformers import AutoTokenizer

from midtrain_dagster.tokens.shards import (
    INDEX,
    VERSION,
    ShardError,
    TokenShards,
    token_dtype,
    tokenize,
)


def documents_of(texts: list[str]) -> pl.DataFrame:
    count = len(texts)
    return pl.DataFrame(
        {
            "id": [f"d{number}" for number in range(count)],
            "domain": [("web", "code")[number % 2] for number in range(count)],
            "text": texts,
        },
        {"id": pl.String, "domain": pl.String, "text": pl.String},
    )


def test_token_dtype() -> None:
    assert (token_dtype(65_536), token_dtype(65_537)) == (np.dtype("<u2"), np.dtype("<u4"))


def test_every_document_is_its_tokens_and_one_end(tokenizer: Path, passages: list[str]) -> None:
    texts = [*passages[:20], "", "ends <|endoftext|> inside", "é" * 3000]
    shard = tokenize(documents_of(texts), tokenizer=tokenizer)
    tokens, index = shard["tokens"], shard["index"]
    assert tokens.dtype == np.dtype("<u2")
    assert index.schema == INDEX
    assert index["offset"].to_list() == [0, *np.cumsum(index["length"])[:-1]]
    assert len(tokens) == index["length"].sum()
    loaded = AutoTokenizer.from_pretrained(tokenizer)
    for text, offset, length in zip(texts, index["offset"], index["length"], strict=True):
        ids = tokens[offset : offset + length]
        assert ids[-1] == loaded.eos_token_id
        assert loaded.eos_token_id not in ids[:-1]
        assert loaded.decode(ids[:-1].tolist()) == text


def test_batches_do_not_show(
    tokenizer: Path, passages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = documents_of(passages[:30])
    whole = tokenize(documents, tokenizer=tokenizer)
    monkeypatch.setattr("midtrain_dagster.tokens.shards.BATCH_BYTES", 2000)
    batched = tokenize(documents, tokenizer=tokenizer)
    assert np.array_equal(whole["tokens"], batched["tokens"])
    assert whole["index"].equals(batched["index"])


def test_golden(tokenizer: Path, passages: list[str]) -> None:
    tokens = tokenize(documents_of(passages[:50]), tokenizer=tokenizer)["tokens"]
    digest = blake2b(tokens.tobytes(), digest_size=8).hexdigest()
    assert (VERSION, len(tokens), digest) == (2, 11_733, "d7016cf346ccc5b4")


def test_no_documents(tokenizer: Path) -> None:
    shard = tokenize(documents_of([]), tokenizer=tokenizer)
    assert (len(shard["tokens"]), shard["index"].height) == (0, 0)


def test_a_null_names_its_document(tokenizer: Path) -> None:
    documents = documents_of(["a", "b"]).with_columns(text=pl.Series(["a", None]))
    with pytest.raises(ValueError, match="document d1"):
        tokenize(documents, tokenizer=tokenizer)


def write(folder: Path, name: str, texts: list[str], tokenizer: Path) -> tuple[Path, Path]:
    documents = documents_of(texts).with_columns(id=name + pl.col("id"))
    shard = tokenize(documents, tokenizer=tokenizer)
    tokens, index = folder / f"{name}.tokens", folder / f"{name}.parquet"
    shard["tokens"].tofile(tokens)
    shard["index"].write_parquet(index)
    return tokens, index


def test_round_trip_over_parts(tmp_path: Path, tokenizer: Path, passages: list[str]) -> None:
    cuts = (slice(0, 7), slice(7, 7), slice(7, 20))
    parts = [
        write(tmp_path, f"part{number}-", passages[cut], tokenizer)
        for number, cut in enumerate(cuts)
    ]
    shards = TokenShards.open(parts, dtype=token_dtype(1024))
    assert len(shards) == 20
    assert shards.domains == ["code", "web"]
    assert shards.ids[6:8].to_list() == ["part0-d6", "part2-d0"]
    assert shards.number_of("part2-d0") == 7
    loaded = AutoTokenizer.from_pretrained(tokenizer)
    for copy in (shards, pickle.loads(pickle.dumps(shards))):
        for document, text in enumerate(passages[:20]):
            ids = copy.tokens(document, 0, int(copy.lengths[document]))
            assert loaded.decode(ids[:-1].tolist()) == text
    assert shards.tokens(3, 2, 5).tolist() == shards.tokens(3, 0, 9)[2:5].tolist()
    for domain in shards.domains:
        documents = shards.documents_of(domain)
        assert {shards.domains[shards.domain_of[document]] for document in documents} == {domain}
        assert documents.tolist() == sorted(documents)
        assert shards.lengths[documents].sum() == shards.tokens_of[domain]
    assert sum(len(shards.documents_of(domain)) for domain in shards.domains) == 20
    assert len(shards.documents_of("absent")) == 0


def test_a_pickle_holds_no_tokens(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    np.zeros(1_000_000, "<u2").tofile(tokens)
    index = pl.DataFrame([("a", "web", 0, 1_000_000)], INDEX, orient="row")
    assert len(pickle.dumps(TokenShards.open([(tokens, index)], dtype="uint16"))) < 10_000


def test_no_parts() -> None:
    shards = TokenShards.open([], dtype="uint16")
    assert (len(shards), shards.domains) == (0, [])


@pytest.mark.parametrize("span", [(-1, 2), (0, 6), (3, 2)])
def test_a_span_outside_its_document(tmp_path: Path, span: tuple[int, int]) -> None:
    tokens = tmp_path / "tokens"
    np.arange(10, dtype="<u2").tofile(tokens)
    index = pl.DataFrame([("a", "web", 0, 5), ("b", "web", 5, 5)], INDEX, orient="row")
    shards = TokenShards.open([(tokens, index)], dtype="uint16")
    with pytest.raises(IndexError, match="document 0 has 5 tokens"):
        shards.tokens(0, *span)


@pytest.mark.parametrize("change", [-1, 2])
def test_a_file_of_another_length_is_named(tmp_path: Path, tokenizer: Path, change: int) -> None:
    tokens, index = write(tmp_path, "broken", ["one", "two"], tokenizer)
    data = tokens.read_bytes()
    tokens.write_bytes(data[:change] if change < 0 else data + b"\0" * change)
    with pytest.raises(ShardError, match=r"broken\.tokens"):
        TokenShards.open([(tokens, index)], dtype="uint16")


def test_other_faults_name_the_file(tmp_path: Path, tokenizer: Path) -> None:
    tokens, index = write(tmp_path, "part", ["one", "two"], tokenizer)
    with pytest.raises(ShardError, match=r"part\.tokens: document partd0 .* more than once"):
        TokenShards.open([(tokens, index), (tokens, index)], dtype="uint16")
    table = pl.read_parquet(index)
    gap = table.with_columns(offset=pl.col("offset") + 1)
    with pytest.raises(ShardError, match=r"part\.tokens: .* gaps"):
        TokenShards.open([(tokens, gap)], dtype="uint16")
    tokens.unlink()
    with pytest.raises(ShardError, match=r"part\.tokens: .* missing"):
        TokenShards.open([(tokens, table)], dtype="uint16")
