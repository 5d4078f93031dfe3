"""A method of synthesis driven through the frame, with answers that a test wrote."""

from collections.abc import Callable
from typing import Any

import polars as pl

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.inference.batches import COMPLETED
from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis.answers import Answered
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.frame import Made, drive

Script = Callable[[dict[str, Any], int, Request], str | Completion]
"""From a request (its row), the round's number and how it is asked to what comes back."""


def made_by(method: Any, documents: pl.DataFrame, script: Script) -> Made:
    """What a method makes of documents where a generator answers by the script."""

    def ask(requests: pl.DataFrame, request: Request, number: int) -> Answered:
        said = [script(row, number, request) for row in requests.iter_rows(named=True)]
        whole = [Completion(each) if isinstance(each, str) else each for each in said]
        keys = [f"{number}/{identity}" for identity in requests["id"]]
        table = requests.with_columns(key=pl.Series(keys, dtype=pl.String)).hstack(
            pl.DataFrame(whole, COMPLETED, orient="row")
        )
        return Answered(table, [Part(table="answers", path=f"p{number}", digest="", bytes=1)], 0)

    collector = Collector(method, source="synthetic_it", written_by="a script")
    return drive(method.make(method.choose(documents), collector), ask)
