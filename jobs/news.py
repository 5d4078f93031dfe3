"""What a run has to execute: what is to be made, and what Dagster has not been told.

An asset whose artifact is there and whose last materialisation in this instance says all that
there is to say (``Declaration.standing``) is left alone. A new instance on an old store is told of
what is there by executing the assets, which find their artifacts.
"""

from collections.abc import Collection
from dataclasses import dataclass

import dagster as dg

from assets.build import STANDING
from assets.plan import Plan, Planner, Step

Due = set[tuple[dg.AssetKey, str | None]]
"""Assets, each with the partition, that are to be executed."""


@dataclass(frozen=True)
class News:
    """Looks at store and instance as they are."""

    planner: Planner
    instance: dg.DagsterInstance
    wanted: Collection[dg.AssetKey] | None = None
    """The assets that a person wants, with what they need; None: all."""

    def plan(self) -> Plan:
        """What becomes of the assets that are wanted."""
        return self.planner.plan().of(self.wanted)

    def __call__(self) -> Due:
        """What is to be executed."""
        steps = self.plan().steps
        there = [step for step in steps if step.outcome == "reuse"]
        told = _told(self.instance, there)
        return {
            (step.declaration.key, step.partition)
            for step in steps
            if step.outcome != "reuse"
            or not (step.is_latest and step.standing)
            or told.get((step.declaration.key, step.partition)) != step.standing
        }


def _told(
    instance: dg.DagsterInstance, steps: list[Step]
) -> dict[tuple[dg.AssetKey, str | None], str | None]:
    """What the last materialisation of each says."""
    whole = [step.declaration.key for step in steps if step.partition is None]
    told: dict[tuple[dg.AssetKey, str | None], str | None] = {}
    for record in instance.get_asset_records(whole) if whole else ():
        last = record.asset_entry.last_materialization
        if last and last.asset_materialization:
            key = record.asset_entry.asset_key
            told[key, None] = (last.asset_materialization.tags or {}).get(STANDING)
    for step in steps:
        if step.partition is not None:
            found = instance.fetch_materializations(
                dg.AssetRecordsFilter(
                    asset_key=step.declaration.key, asset_partitions=[step.partition]
                ),
                limit=1,
            ).records
            last_of = found[0].asset_materialization if found else None
            tags = (last_of.tags or {}) if last_of else {}
            told[step.declaration.key, step.partition] = tags.get(STANDING)
    return told
