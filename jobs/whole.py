"""The jobs that make all of a recipe, or all that one asset needs: what `midtrain run` does, from
Dagster's UI.

Dagster's own *Materialize all* is a backfill: a graph with partitions in the middle is launched
layer by layer, and its daemon looks once in 30 seconds whether the next may start. Such a job is
one run that starts the recipe's other jobs one after the other in its own process, and of them only
what is not there.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.declaration import declarations
from assets.plan import Planner
from assets.plan_lines import summary
from assets.training import POOL
from jobs.changes import record_changes, shown
from jobs.invocation import invocation
from jobs.news import News
from jobs.run import run_recipe
from jobs.sequence import Phase, ancestry
from jobs.submitted import Log, cluster_of, submit
from jobs.tags import recipe_metadata, recipe_tags, recipe_text
from midtrain_dagster.recipe import Recipe
from resources.artifacts import ArtifactStoreResource, remember_digests


def whole_job(
    recipe: Recipe, assets: Sequence[dg.AssetsDefinition], sequence: Sequence[Phase]
) -> dg.JobDefinition:
    """The job of the recipe's name."""
    return making_job(
        recipe,
        assets,
        sequence,
        name=recipe.name,
        op_name=f"make_all_of_{recipe.name}",
        description=(
            f"Makes all of the recipe `{recipe.name}` that is not there yet, as `midtrain run` "
            f"does. {recipe.description}"
        ),
    )


def making_job(
    recipe: Recipe,
    assets: Sequence[dg.AssetsDefinition],
    sequence: Sequence[Phase],
    *,
    name: str,
    op_name: str,
    description: str,
    until: str | None = None,
) -> dg.JobDefinition:
    """A job that makes what is missing of all assets, or of ``until`` and what that is made from.

    Raises :class:`UnknownAssetError` for an asset that the recipe's graph does not have.
    """
    wanted = ancestry(assets, until) if until else None
    # A refresh asks what it goes up to again, so that it is known when somebody looked last.
    asked = {
        (each.key, partition)
        for each in declarations(assets).values()
        if each.name == until
        for partition in each.partitions
    }
    pools = {each.op.pool for each in assets if wanted is None or each.key in wanted}

    # Its own run is the one that the queue sees.
    @dg.op(
        name=op_name,
        description="Makes what is missing, in order",
        pool=POOL if POOL in pools else None,
    )
    def make(context: dg.OpExecutionContext) -> dg.Output[None]:
        store = ArtifactStoreResource().store()
        remember_digests(store.storage)
        news = News(Planner(store, assets), context.instance, wanted)
        plan = news.plan()
        context.log.info(summary(plan))
        with invocation(recipe, store.storage, news, until) as invoked:
            context.instance.add_run_tags(context.run_id, invoked.tags)
            if cluster := cluster_of(recipe):
                submit(recipe, cluster, news, until, Log(context))
            run_recipe(
                recipe,
                context.repository_def.get_job,
                sequence,
                context.instance,
                lambda: news() | asked,
                tags=invoked.tags,
            )
            record = record_changes(recipe, news, invoked.id)
        told: dict[str, Any] = {"recipe": recipe_text(recipe), "plan": summary(plan)}
        if record:
            context.log.info("\n".join(record.lines()))
            told |= shown(record)
        return dg.Output(None, metadata=told)

    @dg.job(
        name=name,
        description=description,
        tags=recipe_tags(recipe),
        metadata=recipe_metadata(recipe),
    )
    def job() -> None:
        make()

    return job
