import json
from hashlib import blake2b
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.inference.batches import COMPLETED
from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis.answers import Answered
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.frame import Made, drive
from midtrain_dagster.synthesis.methods.tool_sessions import VERSION, Config
from midtrain_dagster.tokens.transcript import LAYOUT, restored

GOLDEN = (1, "817a922ad0515804")


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    return Config(**{"sessions": 24, "generator": generator, **fields})


def ask(requests: pl.DataFrame, request: Request, number: int) -> Answered:
    asked = [prompt.rpartition("Request: ")[2].partition("\n")[0] for prompt in requests["prompt"]]
    said = [Completion(f" Hello. {each}\n") for each in asked]
    table = requests.with_columns(key="id").hstack(pl.DataFrame(said, COMPLETED, orient="row"))
    return Answered(table, [Part(table="answers", path="p", digest="", bytes=1)], table.height)


@pytest.fixture(scope="module")
def made() -> Made:
    method = config()
    collector = Collector(method, source="synthetic_it", written_by="a model")
    return drive(method.make(DOCUMENTS.to_frame(), collector), ask)


def test_a_session_has_its_turns_calls_and_state(made: Made) -> None:
    rows = made.accepted.documents.select("text", "metadata").rows()
    assert len(rows) > 18
    assert len(rows) + made.accepted.rejects.height == 24
    errors = 0
    for text, metadata in rows:
        told = json.loads(metadata)
        messages = restored(text, told[LAYOUT])["messages"]
        assert sum(each["role"] == "user" for each in messages) == told["turns"]
        assert messages[-1]["role"] == "assistant"
        refused = [each for each in messages if each["role"] == "tool"]
        refused = [each for each in refused if each["content"].startswith("Error: ")]
        assert len(refused) == told["errors"]
        errors += len(refused)
        assert messages[0]["content"].startswith("Hello. ") is (told["request"] == "rephrased")
    assert errors


def test_what_cannot_be_is_said_before() -> None:
    for scenes in ((0, 1), (3, 2), (1, 9)):
        with pytest.raises(ValidationError, match="the smaller first"):
            config(scenes=scenes)
    assert all(each["tools"] for each in Config.CONVERSATIONS)


def test_golden(made: Made) -> None:
    """Bump VERSION when this changes: stored sessions were made by the old method."""
    told = repr([each.rows() for each in made.accepted])
    assert (VERSION, blake2b(told.encode(), digest_size=8).hexdigest()) == GOLDEN
