"""Held-out documents that training documents hold: found, and gone from where the recipe says."""

import json
from pathlib import Path
from typing import Any

import pytest

from assets.leaks import leaked_ids
from midtrain_dagster.tokens.held_out import is_held_out

TOKENIZER = {"path": str(Path(__file__).parents[2] / "data" / "smollm2-135m-instruct")}
TO_DECISIONS = (
    *("documents", "language", "signals", "signatures", "duplicate_edges"),
    *("eligibility", "duplicate_clusters", "curated_documents"),
)


@pytest.fixture
def leaking(graph: Any, shards: Any, folder: Path) -> Any:
    """Makes a recipe whose corpus has a book that holds a held-out page, as far as decisions."""
    documents = shards.artifact("documents").read("documents").sort("id")
    kept = shards.artifact("curated_documents").read("decisions").filter("keep")["id"]
    apart = documents.filter(documents["id"].is_in(kept.implode()), domain="wikipedia")
    apart = apart.filter(is_held_out(apart["id"], 0.2, shards.recipe.seed))
    page, others = apart["text"][0], documents.filter(domain="web")["text"].head(6)
    # Several books, for which of them are held out themselves is drawn.
    books = [{"text": "\n\n".join([each, page, each[::2]])} for each in others]
    (folder / "books.jsonl").write_text("\n".join(map(json.dumps, books)))

    def made(**changes: Any) -> tuple[Any, str]:
        web = {"reader": "json_lines", "domain": "web", "kind": "prose"}
        built = graph(
            sources={
                "books": web | {"paths": ["books.jsonl"]},
                "wikipedia": web | {"paths": ["wikipedia.jsonl"], "domain": "wikipedia"},
            },
            tokenizer=TOKENIZER,
            curation={
                "prose": {"thresholds": {"minimum_word_count": 20}},
                "removal_ceilings": {"books": 1.0},
            },
            raters={},
            benchmarks={},
            **changes,
        )
        built.make(*TO_DECISIONS, "held_out_leaks", "tokenizer", "token_shards")
        return built, apart["id"][0]

    return made


def test_a_leak_goes_from_the_held_out_set_or_from_training(leaking: Any) -> None:
    made, page = leaking()
    leaks = made.artifact("held_out_leaks")
    found = leaks.read("leaks")
    assert found["held_out"].unique().to_list() == [page] == leaked_ids(leaks)
    shards = made.artifact("token_shards")
    trained = set(shards.read("train_index")["id"])
    assert set(found["id"]) <= trained and leaks.rows("removed") == 0

    other, _ = leaking(held_out_leaks={"remove": "training"})
    again = other.artifact("held_out_leaks")
    assert again.read("leaks").equals(found) and leaked_ids(again) == []
    without = other.artifact("token_shards")
    assert trained - set(without.read("train_index")["id"]) == set(found["id"])
    assert without.read("held_out_index").equals(shards.read("held_out_index"))
    untouched = {part.digest for part in shards.parts("train_tokens")}
    assert untouched & {part.digest for part in without.parts("train_tokens")}


def test_without_a_leak_the_shards_are_what_they_were(graph: Any, shards: Any, root: Path) -> None:
    made = graph(held_out_leaks={"remove": "training"})
    made.make("held_out_leaks", "token_shards")
    assert made.artifact("held_out_leaks").rows("leaks") == 0
    fingerprint = made.artifact("token_shards").fingerprint
    assert fingerprint == shards.artifact("token_shards").fingerprint
