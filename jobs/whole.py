"""The job that makes all of a recipe: what `midtrain run` does, from Dagster's UI.

Dagster's own *Materialize all* is a backfill: a graph with partitions in the middle is launched
layer by layer, and its daemon looks once in 30 seconds whether the next may start. This job is one
run that starts the recipe's other jobs one after the other in its own process, and of them only
what is not there.
"""

from collections.abc import Sequence

import dagster as dg

from assets.plan import Planner
from assets.plan_lines import summary
from jobs.invocation import invocation
from jobs.news import News
from jobs.run import run_recipe
from jobs.sequence import Phase
from jobs.tags import recipe_metadata, recipe_tags, recipe_text
from midtrain_dagster.recipe import Recipe
from resources.artifacts import ArtifactStoreResource, remember_digests


def whole_job(
    recipe: Recipe, assets: Sequence[dg.AssetsDefinition], sequence: Sequence[Phase]
) -> dg.JobDefinition:
    """The job of the recipe's name."""

    @dg.op(name=f"make_all_of_{recipe.name}", description="Makes what is missing, in order")
    def make(context: dg.OpExecutionContext) -> dg.Output[None]:
        store = ArtifactStoreResource().store()
        remember_digests(store.storage)
        news = News(Planner(store, assets), context.instance)
        plan = news.plan()
        context.log.info(summary(plan))
        with invocation(recipe, store.storage, news) as invoked:
            context.instance.add_run_tags(context.run_id, invoked.tags)
            run_recipe(
                recipe,
                context.repository_def.get_job,
                sequence,
                context.instance,
                news,
                tags=invoked.tags,
            )
        return dg.Output(None, metadata={"recipe": recipe_text(recipe), "plan": summary(plan)})

    @dg.job(
        name=recipe.name,
        description=(
            f"Makes all of the recipe `{recipe.name}` that is not there yet, as `midtrain run` "
            f"does. {recipe.description}"
        ),
        tags=recipe_tags(recipe),
        metadata=recipe_metadata(recipe),
    )
    def whole() -> None:
        make()

    return whole
