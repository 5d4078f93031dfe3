"""Held-out documents that were trained on as well: found before the token shards are made."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from assets.build import Build, Built, artifact_asset, markdown_table
from assets.declaration import Given, Input
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work, read_table
from midtrain_dagster.decontamination import leaks
from midtrain_dagster.display import numbers
from midtrain_dagster.recipe import Recipe

NAME = "held_out_leaks"

SHOWN = 20

REMOVED = pl.Schema({"asset": pl.String, "part": pl.Int64, "id": pl.String})
"""The documents that training does without, with the asset and the part that they are in."""


def leak_assets(recipe: Recipe, pairs: Sequence[tuple[str, str]]) -> list[dg.AssetsDefinition]:
    """The asset ``held_out_leaks``; ``pairs`` are the assets of documents and of decisions."""
    section = recipe.held_out_leaks
    sides = {"share": recipe.held_out, "seed": recipe.seed}
    how = {"ngram": section.ngram, "overlap": section.share}

    @artifact_asset(
        recipe,
        NAME,
        group="decontamination",
        versions=versions_of(leaks),
        section={"leaks": section, **sides},
        inputs={name.replace("/", "_"): name for pair in pairs for name in pair},
        rows="leaks",
        metadata=_shown,
        kinds=("polars", "ray"),
    )
    def held_out_leaks(build: Build) -> Built:
        """Held-out documents that training documents contain, or that are nearly the same as one.

        What becomes of them the recipe says: losses are of the others, or the training documents
        are left out of the token shards.
        """
        every = list(_parts(build, pairs))
        apart = build.parts(
            Work(
                leaks.held_out_texts,
                tables={"documents": [documents], "decisions": [decisions]},
                parameters=sides,
            )
            for _, _, documents, decisions in every
        )
        groups = _groups([part for part in apart if part.rows])
        asked = [(each, group) for each in every for group in groups]
        made = build.by_work(
            Work(
                leaks.find_pairs,
                tables={"documents": [documents], "decisions": [decisions], "held_out": group},
                parameters={**sides, **how},
            )
            for (_, _, documents, decisions), group in asked
        )
        found = [
            read_table(build.store.storage, part).with_columns(
                asset=pl.lit(asset), part=pl.lit(number, pl.Int64)
            )
            for ((asset, number, *_), _), (part,) in zip(asked, made, strict=True)
            if part.rows
        ]
        table = pl.concat([leaks.PAIRS.to_frame().with_columns(REMOVED_PLACE), *found])
        leaked = leaks.leaks(table.select(leaks.PAIRS.names()))
        removed = table.join(leaked, on=["held_out", "id"], how="semi").select(REMOVED.names())
        if section.remove == "held_out":
            removed = removed.clear()
        return [
            build.write("leaks", leaked),
            build.write("removed", removed.unique().sort(REMOVED.names())),
        ], {
            "held_out_documents": sum(part.rows for part in apart),
            "leaked_documents": leaked["held_out"].n_unique(),
            "training_documents_removed": removed["id"].n_unique(),
        }

    return [held_out_leaks]


REMOVED_PLACE = (
    pl.lit(None, pl.String).alias("asset"),
    pl.lit(None, pl.Int64).alias("part"),
)


def removal_input(recipe: Recipe) -> dict[str, Input]:
    """The input of what leaves out training documents; none where the recipe has the held-out ones
    go. Without a leak it is no cause, so the shards are those that there were."""
    if recipe.held_out_leaks.remove == "held_out":
        return {}
    return {NAME: Input(NAME, cause=_removed)}


def removed_documents(build: Build) -> dict[tuple[str, int], list[str]]:
    """The ids that training does without, by the asset and the part that they are in."""
    if NAME not in build.inputs:
        return {}
    found: dict[tuple[str, int], list[str]] = {}
    for asset, part, identity in build[NAME].read("removed").iter_rows():
        found.setdefault((asset, part), []).append(identity)
    return found


def leaked_ids(artifact: Artifact) -> list[str]:
    """The held-out documents that no loss is to be of; none where training does without them."""
    if artifact.rows("removed"):
        return []
    ids: list[str] = artifact.read("leaks")["held_out"].unique().sort().to_list()
    return ids


def _removed(given: Given) -> str | None:
    assert isinstance(given, Artifact)
    (part,) = given.parts("removed")
    return part.digest if part.rows else None


def _parts(build: Build, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, int, Part, Part]]:
    """Asset, number, documents and decisions of every part of all documents."""
    for documents, decisions in pairs:
        of_asset = zip(
            build[documents.replace("/", "_")].parts("documents"),
            build[decisions.replace("/", "_")].parts("decisions"),
            strict=True,
        )
        for number, (document, decision) in enumerate(of_asset):
            yield documents, number, document, decision


def _groups(parts: Sequence[Part]) -> list[list[Part]]:
    """Runs of parts of about ``GROUP_BYTES``."""
    groups: list[list[Part]] = []
    size = leaks.GROUP_BYTES
    for part in parts:
        if size >= leaks.GROUP_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(part)
        size += part.bytes
    return groups


def _shown(artifact: Artifact) -> Mapping[str, Any]:
    found = artifact.read("leaks")
    if found.is_empty():
        return {}
    rows = (
        (
            row["domain"],
            row["held_out"],
            row["id"],
            numbers.share(row["overlap"]),
            numbers.share(row["seen"]),
        )
        for row in found.head(SHOWN).iter_rows(named=True)
    )
    columns = ("domain", "held out", "trained on", "of the shorter one", "seen of the held-out one")
    return {"leaks": markdown_table(columns, rows, numbers=columns[3:])}
