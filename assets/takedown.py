"""The removal list at work: the collected documents without those that it names."""

from typing import Any

from assets.build import Build
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import Work, read_table
from midtrain_dagster.core.source_file import SourceError
from midtrain_dagster.curation import takedown
from midtrain_dagster.curation.takedown import Entries, RemovalListError
from midtrain_dagster.recipe import Recipe

REMOVED = "removed"
"""What the removal list is called among the causes of documents."""


def named_for_removal(recipe: Recipe) -> dict[str, Entries]:
    """The removal list, as it is now, under its name; nothing of an empty one.

    Raises :class:`SourceError` for a list that cannot be read.
    """
    if not recipe.removed:
        return {}
    try:
        entries = recipe.removal_entries()
    except RemovalListError as error:
        raise SourceError(f"removed: {error}") from error
    return {REMOVED: entries} if entries else {}


def without_removed(build: Build, parts: list[Part]) -> list[Part]:
    """The parts of documents without what the list names, and the table ``taken_down``.

    Parts that hold none of it stay as they are.
    """
    entries: Entries | None = build.external.get(REMOVED)
    if entries is None:
        return parts
    documents = [part for part in parts if part.table == "documents"]
    places = build.by_work(Work(takedown.places, scans={"documents": [part]}) for part in documents)
    ((named,),) = build.by_work(
        [
            Work(
                takedown.taken_down,
                scans={"places": [part for made in places for part in made]},
                arguments={"ids": entries.ids, "urls": entries.urls},
                causes=entries.digest,
            )
        ]
    )
    storage = build.store.storage
    ids = set(read_table(storage, named)["id"])
    found = [
        (part, sorted(ids.intersection(read_table(storage, place)["id"])))
        for part, (place,) in zip(documents, places, strict=True)
        if ids
    ]
    works = [
        Work(takedown.without, tables={"documents": [part]}, parameters={"ids": own})
        for part, own in found
        if own
    ]
    concerned = [part for part, own in found if own]
    build.replaced.update(part.path for part in concerned)
    left = {
        part.path: made.model_copy(update={"label": part.label})
        for part, (made,) in zip(concerned, build.by_work(works), strict=True)
    }
    return [*(left.get(part.path, part) for part in parts), named]


def removal_told(recipe: Recipe, artifact: Artifact) -> list[str]:
    """What became of the removal list, in lines."""
    if not artifact.has("taken_down"):
        return []
    found: Any = artifact.read("taken_down")
    return takedown.told(found, recipe.removal_entries())
