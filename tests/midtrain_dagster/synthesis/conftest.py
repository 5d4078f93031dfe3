"""Documents to ask about, and completions about them."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.inference.batches import COMPLETED
from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis.answers import Answered
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.frame import Made, drive
from midtrain_dagster.synthesis.passages import PassageConfig
from midtrain_dagster.synthesis.tables import Accepted

CASTLE = (
    "The castle of “Großenstein” was built in 1384 by Karl  von Stein, who never\nlived in it. "
    "It burned down in 1702. Today a café and a small museum stand on its walls, and "
    "about 20,000 people visit them in a year. The way up is steep."
)


@pytest.fixture(scope="session")
def castle() -> str:
    """A passage with white space, quotation marks and letters that are easily got wrong."""
    return CASTLE


@pytest.fixture(scope="session")
def documents() -> Callable[..., pl.DataFrame]:
    """Makes a table of documents with these texts."""

    def make(*texts: str, domain: str = "web") -> pl.DataFrame:
        rows = [
            (f"d{i}", text, "s", domain, "prose", "plain", "de" if i == 1 else None, f"f:{i}", "{}")
            for i, text in enumerate(texts)
        ]
        return pl.DataFrame(rows, schema=DOCUMENTS, orient="row")

    return make


@pytest.fixture(scope="session")
def answered(documents: Any) -> Callable[..., Accepted]:
    """Has a method accept completions, each about a document of its own with the same text."""

    def make(method: PassageConfig, *completions: str, text: str = CASTLE) -> Accepted:
        sources = documents(*[text] * len(completions))
        table = method.prompts(sources).with_columns(
            completion=pl.Series(completions, dtype=pl.String)
        )
        collector = Collector(method, source="synthetic_it", written_by="a model")
        return method.accept(table, sources, collector)

    return make


@pytest.fixture(scope="session")
def driven() -> Callable[..., Made]:
    """Drives a method over documents with answers that a function gives, by prompt."""

    def make(method: Any, seeds: pl.DataFrame, answer: Callable[[str], str]) -> Made:
        def ask(requests: pl.DataFrame, request: Request, number: int) -> Answered:
            assert requests["id"].is_unique().all()
            said = [Completion(answer(prompt), "stop", 2, 3) for prompt in requests["prompt"]]
            completed = pl.DataFrame(said, COMPLETED, orient="row")
            table = requests.with_columns(key=pl.col("prompt")).hstack(completed)
            return Answered(table, [], table.height)

        collector = Collector(method, source="synthetic_it", written_by="a model")
        return drive(method.make(seeds, collector), ask)

    return make
