"""The sensor that looks at a recipe's sources, and requests a refresh when one has changed.

Its cursor holds a digest a source; the listings themselves lie in the store. What is requested
finds out by itself what is due, so a request too many costs a plan and makes nothing.
"""

from typing import Self

import dagster as dg
from pydantic import Field, ValidationError

from midtrain_dagster.collection.document_source import Watched
from midtrain_dagster.core.causes import cause
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.curation.takedown import RemovalListError
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.refresh.listing import Listing, difference, listed, write_listing
from midtrain_dagster.refresh.settings import Refresh
from resources.artifacts import ArtifactStoreResource

REMOVAL_LIST = "removal list"

SECONDS = 60
"""Between two looks at the sources."""


class Cursor(FrozenModel):
    """What the sensor has last asked for."""

    digests: dict[str, str] = Field(default_factory=dict)
    """Of each source's listing."""
    requests: int = 0
    """How many runs were asked for: a state of the sources that comes back is another request."""

    @classmethod
    def read(cls, text: str | None) -> Self:
        """The cursor, or an empty one of text that another version has written."""
        try:
            return cls.model_validate_json(text or "{}")
        except ValidationError:
            return cls()


def source_sensor(recipe: Recipe, section: Refresh, job: dg.JobDefinition) -> dg.SensorDefinition:
    """The sensor ``NAME_sources``; it stands still unless the recipe has it running."""
    status = dg.DefaultSensorStatus

    @dg.sensor(
        name=f"{recipe.name}_sources",
        job=job,
        minimum_interval_seconds=SECONDS,
        default_status=status.RUNNING if section.running else status.STOPPED,
        tags=dict(recipe.tags),
        description=f"Refreshes `{recipe.name}` when files of its sources are new, changed or gone",
    )
    def sources(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        seen = Cursor.read(context.cursor)
        found = [*listed(recipe.sources, recipe.folder), *_removal_list(recipe)]
        unknown = [each.fault for each in found if each.fault]
        if unknown:
            return dg.SkipReason("\n".join(["no refresh while this is unknown:", *unknown]))
        digests = {each.source: each.digest for each in found}
        if digests == seen.digests:
            return dg.SkipReason(f"no source has changed ({_files(found)} files)")
        news = _news(recipe, seen, found)
        if _is_under_way(context.instance, job.name):
            return dg.SkipReason(f"a refresh is under way; another one follows, for {news}")
        storage = ArtifactStoreResource().storage()
        for each in found:
            if each.digest != seen.digests.get(each.source):
                write_listing(storage, recipe.name, each)
        after = Cursor(digests=digests, requests=seen.requests + 1)
        key = f"{cause(digests)}-{after.requests}"
        context.log.info(news)
        request = dg.RunRequest(run_key=key, tags={"midtrain/news": news})
        return dg.SensorResult(run_requests=[request], cursor=after.model_dump_json())

    return sources


def _removal_list(recipe: Recipe) -> list[Listing]:
    """The removal list as if it were a source: another list is news, an unreadable one unknown."""
    if not recipe.removed:
        return []
    try:
        entries = recipe.removal_entries()
    except RemovalListError as error:
        return [Listing(REMOVAL_LIST, fault=f"removed: {error}")]
    named = (Watched(entry, 0, "") for entry in (*entries.ids, *entries.urls))
    return [Listing(REMOVAL_LIST, tuple(named))]


def _files(found: list[Listing]) -> str:
    return f"{sum(len(each.files) for each in found):,}"


def _news(recipe: Recipe, seen: Cursor, found: list[Listing]) -> str:
    """What has changed since the last request, in a line."""
    storage = ArtifactStoreResource().storage()
    said = [
        difference(storage, recipe.name, each, seen.digests.get(each.source))
        for each in found
        if each.digest != seen.digests.get(each.source)
    ]
    gone = [f"{name}: no source any more" for name in seen.digests if name not in _names(found)]
    return "; ".join([*said, *gone])


def _names(found: list[Listing]) -> set[str]:
    return {each.source for each in found}


def _is_under_way(instance: dg.DagsterInstance, job_name: str) -> bool:
    """Whether a run of the job is queued, or has begun and not ended."""
    statuses = [
        dg.DagsterRunStatus.QUEUED,
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    asked = dg.RunsFilter(job_name=job_name, statuses=statuses)
    return bool(instance.get_run_records(asked, limit=1))
