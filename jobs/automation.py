"""What makes itself once a benchmark is added: Dagster's declarative automation.

In a graph that was made once, a new partition brings its items, its scans and its scores, and after
the scans the decision on each document is made. There it ends. What is made *of* decisions
(synthetic documents, the tokenizer, token shards, training) and the report have no condition: a
decision that changed is seen as a stale mark on them, and a person says when to train again.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache

import dagster as dg

from jobs.tags import RUN, recipe_tags
from midtrain_dagster.recipe import Recipe

SCAN, DECISION, END = "contamination", "curated_documents", "report"
"""What a decision begins and ends with, in each group of documents; and the graph's last asset."""

INTERVAL_SECONDS = 30


def automated(recipe: Recipe, assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The same assets, with a condition where one is to make itself."""
    conditions = automation_conditions(recipe, assets)
    return [
        each.map_asset_specs(
            lambda spec: spec.replace_attributes(automation_condition=conditions.get(spec.key))
        )
        if conditions.keys() & each.keys
        else each
        for each in assets
    ]


def automation_sensors(
    recipe: Recipe, assets: Sequence[dg.AssetsDefinition]
) -> list[dg.AutomationConditionSensorDefinition]:
    """The sensor that asks the conditions, where there are some. It runs unless a person stops it:
    it starts nothing in a graph that was not made, and nothing a second time."""
    conditions = automation_conditions(recipe, assets)
    if not conditions:
        return []
    sensor = dg.AutomationConditionSensorDefinition(
        name=f"{recipe.name}_automation",
        target=dg.AssetSelection.assets(*conditions),
        description="Fills in benchmarks that are added: items, scans, decisions, scores.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=INTERVAL_SECONDS,
        tags=dict(recipe.tags),
        run_tags=recipe_tags(recipe),
    )
    return [sensor]


def automation_conditions(
    recipe: Recipe, assets: Sequence[dg.AssetsDefinition]
) -> dict[dg.AssetKey, dg.AutomationCondition]:
    """By asset, those that have one; none of a recipe that has no benchmark."""
    specs = {spec.key: spec for each in assets for spec in each.specs}
    upstream = {
        key: {dep.asset_key for dep in spec.deps if dep.asset_key in specs}
        for key, spec in specs.items()
    }
    partitioned = [key for key, spec in specs.items() if spec.partitions_def]
    scans = [key for key in partitioned if key.path[-1] == SCAN]
    decided = {
        key
        for scan in scans
        for key in _between(upstream, scan, dg.AssetKey([*scan.path[:-1], DECISION]))
    }
    made = dg.AutomationCondition.asset_matches(
        dg.AssetKey([recipe.name, END]), ~dg.AutomationCondition.missing()
    ).with_label("the graph was made once")
    fill_in, decide = _fill_in(made, partitioned), _decide(made, [*scans, *decided])
    ordered = [key for key in specs if key in decided]
    return {**dict.fromkeys(partitioned, fill_in), **dict.fromkeys(ordered, decide)}


def _fill_in(
    made: dg.AutomationCondition, partitioned: Collection[dg.AssetKey]
) -> dg.AutomationCondition:
    """A partition that is missing, once: not again because it failed or was stopped, but when the
    recipe's benchmarks change, or what it is made of in the same partition was made."""
    ask, missing = dg.AutomationCondition, dg.AutomationCondition.missing()
    given = ask.any_deps_updated().allow(dg.AssetSelection.assets(*partitioned))
    asked = missing.newly_true() | ask.code_version_changed() | given
    handled = ask.newly_requested() | ask.newly_updated()
    return (missing & asked.since(handled) & _free(made)).with_label("a benchmark is new")


def _decide(
    made: dg.AutomationCondition, allowed: Collection[dg.AssetKey]
) -> dg.AutomationCondition:
    """A scan, or a decision that this one follows from, was made; but not by an invocation of
    ``midtrain run`` or of the whole job, which decide by themselves."""
    ask = dg.AutomationCondition
    alone = (
        ask.newly_updated()
        & ~ask.executed_with_root_target()
        & ~ask.all_new_updates_have_run_tags(tag_keys={RUN})
    )
    updated = ask.any_deps_match(alone | ask.will_be_requested())
    scanned = updated.allow(dg.AssetSelection.assets(*allowed))
    return (scanned.since_last_handled() & _free(made)).with_label("documents were scanned")


def _free(made: dg.AutomationCondition) -> dg.AutomationCondition:
    ask = dg.AutomationCondition
    busy = ask.any_deps_missing() | ask.any_deps_in_progress() | ask.in_progress()
    return made & ~busy


def _between(
    upstream: Mapping[dg.AssetKey, set[dg.AssetKey]], first: dg.AssetKey, last: dg.AssetKey
) -> frozenset[dg.AssetKey]:
    """All that is made of the first, directly or not, and that the last is made of; with the
    last."""

    @cache
    def follows(key: dg.AssetKey) -> frozenset[dg.AssetKey]:
        came = frozenset().union(*(follows(each) for each in upstream[key]))
        return came | {key} if came or first in upstream[key] else frozenset()

    return follows(last)
