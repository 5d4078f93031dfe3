"""One invocation: `midtrain run`, or a run of the recipe's whole job in the UI.

It is several Dagster runs. They carry one tag, and the store keeps one record (``jobs.records``):
written when it begins, and again when it ends.
"""

import logging
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import dagster as dg

from assets.plan import Plan
from jobs.alerts import alerts_of_invocation, send
from jobs.killed import mark_killed
from jobs.news import News
from jobs.records import Invocation, Outcome, Status, write_record
from jobs.tags import RUN, recipe_tags
from midtrain_dagster.core.lease import lease
from midtrain_dagster.core.making import now, this_machine
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.recipe import Recipe
from resources.artifacts import REUSED, asset_name

PROJECT = Path(__file__).parents[1]


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

    What was killed before is marked first. Raises what the body raises, after writing how it ended
    and telling whoever wants to be told (``jobs.alerts``).
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
    mark_killed(storage, news.instance)
    with lease(storage, begun.lease):
        write_record(storage, begun)
        status: Status = "failed"
        error: Exception | None = None
        try:
            yield _Invoked(begun.id, {RUN: begun.id, **recipe_tags(recipe)})
            status = "done"
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
            status = "stopped"
            raise
        except Exception as raised:
            error = raised
            raise
        finally:
            # First without what the instance has to say: its database may be what failed.
            over = begun.model_copy(update={"status": status, "ended": now()})
            write_record(storage, over)
            artifacts = _outcomes(news.plan(), made_by(news.instance, begun.id))
            write_record(storage, over.model_copy(update={"artifacts": artifacts}))
            if status != "stopped":
                alerts = alerts_of_invocation(news.instance, begun.id, recipe.name, error)
                send(alerts, logging.getLogger(__name__).warning)


def made_by(instance: dg.DagsterInstance, run: str) -> set[str]:
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
