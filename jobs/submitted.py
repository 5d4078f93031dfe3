"""A run on a cluster that it is submitted to: Ray runs `midtrain run` there, on the same store.

The job makes the artifacts; this instance is told of them afterwards, by the runs that find them
(``jobs.news``). What counts is the store: a job that Ray calls succeeded has failed if an artifact
is missing there.
"""

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import dagster as dg

from assets.plan import Plan
from jobs.news import News
from jobs.stopped import INTERRUPTIONS, canceled_when_stopped
from jobs.tags import RECIPE, RECIPE_DIGEST, recipe_tags
from midtrain_dagster.collection.default_data import LANGUAGE_MODEL
from midtrain_dagster.core.causes import cause, digest
from midtrain_dagster.core.cluster import ClusterError
from midtrain_dagster.core.execution import travelling
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.submission.follow import Following, Request
from midtrain_dagster.submission.package import PROJECT, package
from midtrain_dagster.submission.server import JobServer
from midtrain_dagster.submission.settings import Cluster
from resources.artifacts import ROOT_VARIABLE
from resources.ray import ADDRESS_VARIABLE, RayCluster

JOB = "midtrain/ray_job"
"""The tag of a Dagster run that says as which Ray job it was submitted last."""


class MissingManifestError(ClusterError):
    """A job that succeeded, as Ray says, and whose artifacts are not in the store."""


def cluster_of(recipe: Recipe) -> Cluster | None:
    """The cluster that a recipe's run is submitted to; None where this process does the work,
    here or on the cluster that it is told to connect to (``MIDTRAIN_RAY_ADDRESS``)."""
    return None if ADDRESS_VARIABLE in os.environ else recipe.cluster


def submit(recipe: Recipe, cluster: Cluster, news: News, until: str | None, log: "Log") -> None:
    """Have the cluster make what is missing, and follow the job; nothing where all is there.

    An interruption stops the job, and is raised. Raises :class:`ClusterError` where the cluster
    cannot be used or is lost, where the job fails, and where the store lacks what it should have.
    """
    plan, storage = news.plan(), news.planner.store.storage
    if not _missing(plan):
        return
    with _request(recipe, cluster, storage, plan, until) as request:
        following = Following(JobServer(cluster.address), request, log.line, log.note, log.job)
        try:
            id_ = following.to_the_end()
        except INTERRUPTIONS:
            following.stop()
            raise
    missing = _missing(news.plan())
    if missing:
        raise MissingManifestError(
            f"the Ray job {id_} succeeded, as Ray says, but the store {storage.root} lacks "
            f"{', '.join(missing)}: does the job write to another store, or do the recipe's paths "
            "lead to other files there?"
        )


class Log:
    """Where the words of a job go: into the log of a Dagster run, and to who ``shows`` them."""

    def __init__(
        self, context: dg.OpExecutionContext, show: Callable[[str], None] | None = None
    ) -> None:
        self._context, self._show = context, show or (lambda line: None)

    def line(self, line: str) -> None:
        """A line of the job's own log."""
        if line.strip():
            self._context.log.info(line.rstrip())
        self._show(line)

    def job(self, id_: str) -> None:
        """The job that is followed from now on."""
        self._context.instance.add_run_tags(self._context.run_id, {JOB: id_})

    def note(self, words: str) -> None:
        """What became of the job."""
        self._context.log.info(words)
        self._show(words)


def require_ray(recipe: Recipe, storage: Storage) -> None:
    """Raise :class:`ClusterError` where the cluster that a run submits or connects to cannot be
    used."""
    if cluster := cluster_of(recipe):
        JobServer(cluster.address)
    else:
        RayCluster().require(storage)


def execute_submission(
    recipe: Recipe,
    news: News,
    until: str | None,
    *,
    tags: Mapping[str, str],
    logger: dg.LoggerDefinition,
    show: Callable[[str], None],
) -> None:
    """:func:`submit` as a Dagster run of its own, to be seen in the UI; what the cluster says is
    ``shown`` too. For `midtrain run`: a job that the UI starts has a run already."""
    cluster = cluster_of(recipe)
    if cluster is None:
        return

    @dg.op(name=f"submit_{recipe.name}", description="Has a Ray cluster make what is missing")
    def submit_recipe(context: dg.OpExecutionContext) -> None:
        submit(recipe, cluster, news, until, Log(context, show))

    @dg.job(
        name=f"{recipe.name}_submitted",
        logger_defs={"terminal": logger},
        description=f"Submits `{recipe.name}` to {cluster.address} and follows it to its end",
    )
    def submitted() -> None:
        submit_recipe()

    run_id = str(uuid4())
    with canceled_when_stopped(news.instance, run_id):
        submitted.execute_in_process(
            run_id=run_id,
            instance=news.instance,
            run_config={"loggers": {"terminal": {}}},
            tags=dict(tags),
            raise_on_error=True,
        )


def _missing(plan: Plan) -> list[str]:
    return [step.name for step in plan.steps if step.outcome != "reuse"]


@contextmanager
def _request(
    recipe: Recipe, cluster: Cluster, storage: Storage, plan: Plan, until: str | None
) -> Iterator[Request]:
    """What is asked of the cluster, while what is uploaded lies ready."""
    recipe_digest = digest(recipe.text.encode())
    asked = cause({s.name: s.declaration.code_version for s in plan.steps}, storage.root)
    variables = {
        ROOT_VARIABLE: storage.root,
        ADDRESS_VARIABLE: "auto",
        # Both say where the store is, which Ray would take for a conflict.
        "RAY_OVERRIDE_JOB_RUNTIME_ENV": "1",
        **travelling(),
        **cluster.runtime_env.get("env_vars", {}),
    }
    tags = recipe_tags(recipe)
    metadata = {RECIPE: tags[RECIPE], RECIPE_DIGEST: tags[RECIPE_DIGEST]}
    if until:
        metadata["midtrain/until"] = until

    def request(folder: Path | None, path: str, before: str = "") -> Request:
        command = ["python", "-m", "midtrain.job", path, recipe_digest, *([until] if until else [])]
        return Request(
            name=f"midtrain-{recipe.name}-{asked[:12]}",
            entrypoint=before + shlex.join(command),
            runtime_env={**cluster.runtime_env, "env_vars": variables},
            metadata=metadata,
            folder=folder,
        )

    file = Path(recipe.file).absolute()
    if cluster.project is not None:
        ours = file.relative_to(PROJECT) if file.is_relative_to(PROJECT) else file
        yield request(None, str(ours), f"cd {shlex.quote(cluster.project)} && ")
        return
    named = recipe.judges_language and recipe.language_model is None
    with package(file, recipe.text, [LANGUAGE_MODEL] if named else []) as (folder, path):
        yield request(folder, path)
