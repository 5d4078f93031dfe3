import json
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
import pytest

from midtrain_dagster.core.parts import read_table
from midtrain_dagster.tokens.chat_template import CHATML
from midtrain_dagster.tokens.held_out import is_held_out
from midtrain_dagster.tokens.tokenizer import Tokenizer

REPOSITORY = Path(__file__).parents[2]


def test_the_shards_hold_the_kept_documents_once_each(shards) -> None:
    made = shards.artifact("token_shards")
    train, held_out = made.read("train_index"), made.read("held_out_index")
    kept = shards.artifact("curated_documents").read("decisions").filter("keep")["id"]
    assert sorted([*train["id"], *held_out["id"]]) == sorted(kept)
    apart = is_held_out(held_out["id"], share=0.2, seed=shards.recipe.seed)
    assert apart.all()
    figures = made.manifest.figures
    assert figures["train_documents"] == train.height
    assert figures["train_tokens"] == train["length"].sum()
    assert figures["held_out_tokens"] == held_out["length"].sum()


def test_conversations_are_written_by_the_template_and_what_it_refuses_is_told(
    graph, folder
) -> None:
    def said(number: int) -> dict[str, Any]:
        asked = f"Where does river {number} end? Write to ann{number}@kelp.org."
        answer = f"River {number} ends in the sea, {number * 7} miles from here."
        return {"messages": [("user", asked), ("assistant", answer)]}

    rows = [said(number) for number in range(20)]
    rows[3]["messages"][0] = ("system", rows[3]["messages"][0][1])
    turns = [[{"role": r, "content": c} for r, c in row["messages"]] for row in rows]
    lines = [json.dumps({"messages": each}) for each in turns]
    (folder / "chat.jsonl").write_text("\n".join(lines))
    template = CHATML.replace(
        "{%- for",
        "{%- if messages[0].role == 'system' %}{{ raise_exception('no system') }}"
        "{%- endif %}{%- for",
        1,
    )
    chat = {"reader": "json_lines", "domain": "web", "kind": "instruction"}
    pages = {"reader": "json_lines", "domain": "wikipedia", "kind": "qa"}
    made = graph(
        sources={
            "chat": chat | {"paths": ["chat.jsonl"]},
            "wikipedia": pages | {"paths": ["wikipedia.jsonl"]},
        },
        raters={},
        benchmarks={},
        duplicates={"method": "exact"},
        personal_data={},
        tokenizer={"train": {"vocabulary": 300}, "chat_template": template},
    )
    made.make("documents", "language", "signals", "personal_data", "signatures")
    made.make("duplicate_edges")
    made.make("eligibility", "duplicate_clusters", "curated_documents", "tokenizer")
    (result,) = made.make("token_shards")
    shards = made.artifact("token_shards")
    assert len(shards.parts("train_targets")) == 1 < len(shards.parts("train_tokens"))
    (event,) = result.asset_materializations_for_node("small__token_shards")
    shown = {name: each.value for name, each in event.metadata.items()}
    assert 0 < shown["assistant_tokens"] < shown["conversation_tokens"]
    headline, reason = shown["lost"].splitlines()
    assert headline == "1 of 20 conversations of `chat` left out"
    assert "no system" in reason
    assert made.artifact("tokenizer").content("chat_template.jinja").decode() == template


def leaking(graph: Any, shards: Any, folder: Path, tmp_path: Path) -> tuple[Any, str]:
    """A recipe with a new benchmark whose item is in the shards, and that document's id."""
    shutil.copytree(shards.artifacts.root, tmp_path / "store")
    identity = shards.artifact("token_shards").read("train_index").sort("id")["id"][0]
    documents = shards.artifact("documents").read("documents")
    text = documents.filter(id=identity)["text"][0]
    pl.DataFrame({"question": [text[:300]]}).write_ndjson(folder / "leaked.jsonl")
    riddles = {"paths": ["riddles.jsonl"], "question": "q", "answer": "a"}
    leaked = {"paths": ["leaked.jsonl"], "question": "question"}
    return graph(benchmarks={"riddles": riddles, "leaked": leaked}), identity


def test_benchmark_text_in_the_shards_stops_the_run(graph, shards, folder, tmp_path) -> None:
    made, identity = leaking(graph, shards, folder, tmp_path)
    made.make("benchmark_items")
    for _ in range(2):  # the shards are found the second time; the gate is there all the same
        with pytest.raises(dg.Failure) as raised:
            made.make("token_shards")
        told = str(raised.value.description)
        assert told.startswith("benchmark text is in the token shards (1 hits of leaked)")
        assert identity in told


def test_after_a_new_scan_the_gate_opens(graph, shards, folder, tmp_path) -> None:
    made, identity = leaking(graph, shards, folder, tmp_path)
    made.make(
        *("benchmark_items", "contamination", "eligibility", "duplicate_clusters"),
        *("curated_documents", "tokenizer", "token_shards"),
    )
    shown = made.artifact("token_shards")
    assert identity not in set(shown.read("train_index")["id"])
    assert shown.fingerprint != shards.artifact("token_shards").fingerprint


def test_a_benchmark_that_is_found_nowhere_leaves_the_shards_alone(
    graph, shards, folder, tmp_path
) -> None:
    shutil.copytree(shards.artifacts.root, tmp_path / "store")
    asked = {
        "question": [
            "Who mended the astrolabe of the third drowned abbot of Lindisfarne, and when?"
        ]
    }
    pl.DataFrame(asked).write_ndjson(folder / "new.jsonl")
    riddles = {"paths": ["riddles.jsonl"], "question": "q", "answer": "a"}
    new = {"paths": ["new.jsonl"], "question": "question"}
    made = graph(benchmarks={"riddles": riddles, "new": new})
    made.make(
        *("benchmark_items", "contamination", "eligibility", "duplicate_clusters"),
        *("curated_documents", "tokenizer", "token_shards"),
    )
    for name in ("tokenizer", "token_shards"):
        assert made.artifact(name).fingerprint == shards.artifact(name).fingerprint


def test_a_tokenizer_may_be_given(graph, shards, tmp_path) -> None:
    shutil.copytree(shards.artifacts.root, tmp_path / "store")
    given = REPOSITORY / "data" / "smollm2-135m-instruct"
    made = graph(tokenizer={"path": str(given)})
    made.make("tokenizer")
    artifact = made.artifact("tokenizer")
    assert Tokenizer(artifact).vocabulary.tokens == 49_152
    assert artifact.content("tokenizer.json") == (given / "tokenizer.json").read_bytes()


def test_a_recipe_says_what_documents_begin_with(graph, shards, tmp_path) -> None:
    """The stored tokenizer begins texts as it says, and every document begins so and ends once."""
    shutil.copytree(shards.artifacts.root, tmp_path / "store")
    given = REPOSITORY / "data" / "smollm2-135m-instruct"
    made = graph(tokenizer={"path": str(given), "bos": "always"})
    made.make("tokenizer", "token_shards")
    tokenizer = Tokenizer(made.artifact("tokenizer"))
    assert tokenizer.vocabulary.opening == (1,)
    artifact = made.artifact("token_shards")
    parts = zip(artifact.parts("train_tokens"), artifact.parts("train_index"), strict=True)
    for tokens, table in parts:
        ids = np.frombuffer(artifact.storage.read(tokens.path), tokenizer.dtype)
        index = read_table(artifact.storage, table).select(pl.col("offset", "length").cast(int))
        begins = index["offset"].to_numpy()
        ends = begins + index["length"].to_numpy() - 1
        assert np.flatnonzero(ids == 1).tolist() == begins.tolist()
        assert np.flatnonzero(ids == 2).tolist() == ends.tolist()
