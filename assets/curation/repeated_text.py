"""Text that the corpus repeats: what of each document is cut because another one keeps it."""

from collections.abc import Sequence

import dagster as dg

from assets.attributes import AttributeGroup
from assets.build import Build, Built
from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation import repeated_runs
from midtrain_dagster.curation import repeated_text as repetitions
from midtrain_dagster.curation.repeated_text import RepeatedText


def repeated_text_asset(use: AttributeGroup, section: RepeatedText) -> dg.AssetsDefinition:
    """The asset ``repeated_text``, of a recipe that cuts repetitions."""
    of_runs = section.unit == "substring"
    modules = [repetitions, repeated_runs] if of_runs else [repetitions]

    @use.asset(
        "repeated_text",
        versions=versions_of(*modules),
        # How much of a document may be cut is asked of it later, when it is decided upon.
        section=section.model_dump(exclude={"maximum_share"}),
        inputs={
            "documents": use.documents,
            "eligibility": use.key("eligibility"),
            "clusters": use.key("duplicate_clusters"),
        },
        rows="repeated_text",
    )
    def repeated_text(build: Build) -> Built:
        """Spans of lines, paragraphs, sentences or words that the corpus keeps elsewhere.

        Hashes of a part's units are written once; which of them repeat is looked up anew, in ranges
        of hashes, among the documents that stay so far.
        """
        units = _runs(build, section) if of_runs else _units(build, section)
        keepers = build.parts(
            _keepers(build, [made[number] for made in units])
            for number in range(section.hash_ranges)
        )
        return build.parts(
            Work(
                repetitions.repeated_text,
                tables={"units": made},
                scans={"keepers": keepers},
                parameters={"unit": section.unit},
            )
            for made in units
        )

    return repeated_text


def _units(build: Build, section: RepeatedText) -> list[list[Part]]:
    """The units of each part of documents, a table for each range of hashes."""
    parameters = section.model_dump(exclude={"maximum_share"})
    return build.by_work(
        Work(repetitions.units, tables={"documents": [part]}, parameters=parameters)
        for part in build["documents"].parts("documents")
    )


def _runs(build: Build, section: RepeatedText) -> list[list[Part]]:
    """The same of a substring: the runs of words of each part that may stand elsewhere too."""
    parameters = section.model_dump(include={"minimum_words", "hash_ranges"})
    documents = build["documents"].parts("documents")
    found = build.by_work(
        Work(repeated_runs.minimisers, tables={"documents": [part]}, parameters=parameters)
        for part in documents
    )
    repeated = build.parts(
        Work(
            repeated_runs.repeated_minimisers,
            tables={"minimisers": [made[number] for made in found]},
        )
        for number in range(section.hash_ranges)
    )
    return build.by_work(
        Work(
            repeated_runs.units,
            tables={"documents": [part]},
            scans={"repeated": repeated},
            parameters=parameters,
        )
        for part in documents
    )


def _keepers(build: Build, units: Sequence[Part]) -> Work:
    """The unit of work that looks for repetitions in one range of hashes."""
    return Work(
        repetitions.keepers,
        tables={"units": units, "clusters": build["clusters"].parts("clusters")},
        scans={"eligibility": build["eligibility"].parts("eligibility")},
    )
