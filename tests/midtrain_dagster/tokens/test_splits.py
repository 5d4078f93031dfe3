import json
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.curation.decisions import DECISIONS
from midtrain_dagster.tokens.held_out import is_held_out
from midtrain_dagster.tokens.splits import SPLITS, VERSION, curated, open_shards, shard

GOLDEN = (1, "e4e2ac62805434ea")


def documents_of(texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"document-{number}" for number in range(len(texts))],
            "domain": [("web", "code")[number % 2] for number in range(len(texts))],
            "text": texts,
        }
    )


def decisions_of(documents: pl.DataFrame, dropped: set[str] = frozenset(), **edits) -> pl.DataFrame:  # type: ignore[assignment]
    rows = [
        {
            "id": identity,
            "keep": identity not in dropped,
            "reason": "duplicate" if identity in dropped else "kept",
            "copies": 0 if identity in dropped else 1,
            "edits": edits.get(identity, []),
        }
        for identity in documents["id"]
    ]
    return pl.DataFrame(rows, schema=DECISIONS)


def texts_of(made: dict, split: str, tokenizer: Path) -> dict[str, str]:
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(tokenizer)
    tokens, index = made[f"{split}_tokens"], made[f"{split}_index"]
    return {
        identity: loaded.decode(tokens[offset : offset + length - 1].tolist())
        for identity, offset, length in index.select("id", "offset", "length").iter_rows()
    }


def test_what_is_trained_on_has_the_band_that_its_decision_says(
    tokenizer: Path, passages: list[str]
) -> None:
    documents = documents_of(passages[:20])
    plain = decisions_of(documents)
    band = pl.when(documents["domain"] == "web").then(pl.lit("web/2"))
    made, one = (
        shard(documents, each, tokenizer=tokenizer, share=0.3, seed=5)
        for each in (plain.with_columns(band=band), plain)
    )
    assert set(made["train_index"]["domain"]) == {"web/2", "code"}
    assert made["held_out_index"].equals(one["held_out_index"])
    assert made["train_index"].drop("domain").equals(one["train_index"].drop("domain"))
    assert np.array_equal(made["train_tokens"], one["train_tokens"])


def test_each_kept_document_is_in_exactly_one_split(tokenizer: Path, passages: list[str]) -> None:
    documents = documents_of(passages[:60])
    dropped = {"document-3", "document-4"}
    made = shard(
        documents, decisions_of(documents, dropped), tokenizer=tokenizer, share=0.3, seed=5
    )
    train, held_out = (texts_of(made, split, tokenizer) for split in SPLITS)
    assert not train.keys() & held_out.keys()
    expected = dict(documents.select("id", "text").iter_rows())
    assert train | held_out == {id_: text for id_, text in expected.items() if id_ not in dropped}
    apart = documents.filter(is_held_out(documents["id"], share=0.3, seed=5))["id"]
    assert set(held_out) == set(apart) - dropped


def test_copies_are_trained_on_and_held_out_once(tokenizer: Path, passages: list[str]) -> None:
    documents = documents_of(passages[:12])
    decisions = decisions_of(documents).with_columns(copies=pl.lit(3, pl.UInt32))
    made = shard(documents, decisions, tokenizer=tokenizer, share=0.4, seed=5)
    train, held_out = (texts_of(made, split, tokenizer) for split in SPLITS)
    apart = is_held_out(documents["id"], share=0.4, seed=5)
    assert set(held_out) == set(documents.filter(apart)["id"])
    names = documents.filter(~apart)["id"].to_list()
    assert list(train) == [name + copy for name in names for copy in ("", "#2", "#3")]
    assert all(train[f"{name}#3"] == train[name] for name in names)


def test_edits_are_merged_and_nowhere_else(tokenizer: Path) -> None:
    documents = documents_of(["Write to anna@example.org now.", "Ünïcode: call 555-0100!"])
    start = len("Ünïcode: call ".encode())
    decisions = decisions_of(
        documents,
        **{
            "document-0": [{"start": 9, "stop": 25, "replacement": "<email>"}],
            "document-1": [{"start": start, "stop": start + 8, "replacement": ""}],
        },
    )
    made = shard(documents, decisions, tokenizer=tokenizer, share=0.0, seed=0)
    assert texts_of(made, "train", tokenizer) == {
        "document-0": "Write to <email> now.",
        "document-1": "Ünïcode: call !",
    }
    assert made["held_out_index"].is_empty()
    assert len(made["held_out_tokens"]) == 0


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(12)), extra=st.integers(0, 5))
def test_a_document_s_split_and_tokens_do_not_depend_on_its_neighbours(
    tokenizer: Path, passages: list[str], order: list[int], extra: int
) -> None:
    documents = documents_of(passages[:12])
    shuffled = documents[order][: 12 - extra]
    options = {"tokenizer": tokenizer, "share": 0.4, "seed": 1}
    whole = shard(documents, decisions_of(documents), **options)
    some = shard(shuffled, decisions_of(documents), **options)
    for split in SPLITS:
        all_of_them = texts_of(whole, split, tokenizer)
        present = texts_of(some, split, tokenizer)
        assert present == {id_: all_of_them[id_] for id_ in present}
        assert list(present) == [id_ for id_ in shuffled["id"] if id_ in all_of_them]


def test_a_document_without_a_decision_is_named(tokenizer: Path) -> None:
    documents = documents_of(["one", "two"])
    decisions = decisions_of(documents).head(1)
    with pytest.raises(KeyError, match="document-1 has no decision"):
        shard(documents, decisions, tokenizer=tokenizer, share=0.1, seed=0)


def test_shards_of_several_parts_are_opened_together(
    tokenizer: Path, passages: list[str], tmp_path: Path
) -> None:
    for number in range(3):
        documents = documents_of(passages[10 * number : 10 * number + 10]).with_columns(
            id=pl.format("{}-{}", pl.lit(str(number)), "id")
        )
        made = shard(documents, decisions_of(documents), tokenizer=tokenizer, share=0.0, seed=0)
        np.asarray(made["train_tokens"]).tofile(tmp_path / f"{number:06d}-train_tokens.bin")
        made["train_index"].write_parquet(tmp_path / f"{number:06d}-train_index.parquet")
    opened = open_shards(tmp_path, dtype="<u2")
    assert len(opened) == 30
    assert opened.ids[0].startswith("0-") and opened.ids[29].startswith("2-")


def test_golden(tokenizer: Path, passages: list[str]) -> None:
    """The output of VERSION: raise it, and change this, when the output changes."""
    documents = documents_of(passages[:20])
    made = shard(documents, decisions_of(documents), tokenizer=tokenizer, share=0.2, seed=3)
    state = blake2b(digest_size=8)
    for split in SPLITS:
        state.update(np.asarray(made[f"{split}_tokens"]).tobytes())
        state.update(json.dumps(made[f"{split}_index"].rows()).encode())
    assert (VERSION, state.hexdigest()) == GOLDEN


def test_curated_text_is_that_of_kept_documents_with_their_edits() -> None:
    documents = documents_of(["one two", "three", "four five"])
    edit = [{"start": 3, "stop": 7, "replacement": "!"}]
    decisions = decisions_of(documents, {"document-1"}, **{"document-0": edit})
    assert curated(documents, decisions).select("id", "text").rows() == [
        ("document-0", "one!"),
        ("document-2", "four five"),
    ]
    with pytest.raises(KeyError, match="document-2 has no decision"):
        curated(documents, decisions.head(2))
