"""One invocation: a recipe as it was when somebody ran it, and what became of it.

`midtrain run`, or a run of the recipe's whole job in the UI, is several Dagster runs. They carry
one tag, and the store keeps one record: written when it begins, and again when it ends.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import uuid4

import dagster as dg
from pydantic import Field

from assets.plan import Plan
from jobs.news import News
from jobs.tags import RUN, recipe_tags
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.making import now, this_machine
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.recipe import Recipe
from resources.artifacts import REUSED, asset_name

FOLDER = "invocations"
PROJECT = Path(__file__).parents[1]

Status = Literal["running", "done", "failed", "stopped"]
"""One that was killed stays `running`: nobody was left to write."""


class Outcome(FrozenModel):
    """What an asset, or a partition of it, is in the end, and whether it was made for this."""

    fingerprint: str
    made: bool


class Invocation(FrozenModel):
    """A record in the store, ``invocations/ID.json``. Times are UTC, ISO 8601."""

    id: str
    recipe: str
    file: str
    text: str
    until: str | None = None
    started: str
    ended: str | None = None
    status: Status = "running"
    project: str | None = None
    """What git calls the state of this project, where it is a checkout."""
    machine: str
    artifacts: dict[str, Outcome] = Field(default_factory=dict)
    """By asset, with the partition in brackets; of those that there are in the end."""


@dataclass(frozen=True)
class _Invoked:
    """An invocation that is under way: what its Dagster runs are tagged with."""

    id: str
    tags: dict[str, str]


@contextmanager
def invocation(
    recipe: Recipe, storage: Storage, news: News, until: str | None = None
) -> Iterator[_Invoked]:
    """Keep the record of what the body does; yields the tags for its runs.

    Raises what the body raises, after writing how it ended.
    """
    begun = Invocation(
        id=uuid4().hex[:8],
        recipe=recipe.name,
        file=str(Path(recipe.file).absolute()),
        text=recipe.text,
        until=until,
        started=now(),
        project=_project(),
        machine=this_machine(),
    )
    _write(storage, begun)
    status: Status = "failed"
    try:
        yield _Invoked(begun.id, {RUN: begun.id, **recipe_tags(recipe)})
        status = "done"
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        status = "stopped"
        raise
    finally:
        artifacts = _outcomes(news.plan(), _made(news.instance, begun.id))
        ended = {"status": status, "ended": now(), "artifacts": artifacts}
        _write(storage, begun.model_copy(update=ended))


def invocations(storage: Storage) -> list[Invocation]:
    """Every invocation on this store, the latest last."""
    found = [Invocation.model_validate_json(storage.read(path)) for path in storage.list(FOLDER)]
    return sorted(found, key=lambda each: (each.started, each.id))


def _write(storage: Storage, record: Invocation) -> None:
    storage.write(f"{FOLDER}/{record.id}.json", record.model_dump_json(indent=1).encode())


def _made(instance: dg.DagsterInstance, run: str) -> set[str]:
    """The assets, partitions in brackets, that the invocation's Dagster runs have made."""
    made: set[str] = set()
    for each in instance.get_runs(dg.RunsFilter(tags={RUN: run})):
        events = instance.all_logs(each.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
        for event in events:
            told = event.asset_materialization
            if told and told.metadata[REUSED].value is False:
                name = asset_name(told.asset_key)
                made.add(f"{name} [{told.partition}]" if told.partition else name)
    return made


def _outcomes(plan: Plan, made: set[str]) -> dict[str, Outcome]:
    return {
        step.name: Outcome(fingerprint=step.artifact.fingerprint, made=step.name in made)
        for step in plan.having("reuse")
    }


def _project() -> str | None:
    """What git calls the project's state; None where it is no checkout or git is not here."""
    git = shutil.which("git")
    if git is None or not (PROJECT / ".git").exists():
        return None
    described = subprocess.run(
        [git, "-C", str(PROJECT), "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or None
