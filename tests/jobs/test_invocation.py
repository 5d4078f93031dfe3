"""One invocation leaves one record: the recipe's text, how it ended, what was made for it."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.plan import Planner
from jobs.invocation import invocation
from jobs.news import News
from jobs.records import invocations
from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.recipe_file import load_recipe


def test_record_of_a_run_has_the_recipe_and_what_was_made(whole_run: Any, tiny_run: Any) -> None:
    (record, *_) = invocations(tiny_run.store.storage)
    assert (record.recipe, record.status) == ("tiny", "done")
    assert record.text == tiny_run.recipe.text
    assert record.ended is not None and record.started <= record.ended
    documents = record.artifacts["documents"]
    assert documents.fingerprint == tiny_run["documents"].fingerprint and documents.made
    assert "evaluation [hellaswag]" in record.artifacts
    with dg.DagsterInstance.from_config(str(whole_run[0].root / ".dagster")) as instance:
        runs = instance.get_runs(dg.RunsFilter(tags={"midtrain/run": record.id}))
    assert {run.job_name for run in runs} >= {"tiny_collect_and_curate", "tiny_report"}
    assert {run.tags["midtrain/recipe"] for run in runs} == {"tiny"}


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("no"), "failed"), (KeyboardInterrupt(), "stopped")]
)
def test_record_says_how_it_ended(
    tiny: Path, store: ArtifactStore, error: BaseException, status: str
) -> None:
    recipe = load_recipe(tiny)
    with dg.DagsterInstance.ephemeral() as instance:
        news = News(Planner(store, []), instance)
        with (
            pytest.raises(type(error)),
            invocation(recipe, store.storage, news, "documents") as invoked,
        ):
            (running,) = invocations(store.storage)
            assert (running.status, running.ended, running.id) == ("running", None, invoked.id)
            raise error
    (record,) = invocations(store.storage)
    assert (record.status, record.until, record.artifacts) == (status, "documents", {})
