"""Text that the corpus repeats: what of each document is cut because another one keeps it."""

from collections.abc import Sequence

import dagster as dg

from assets.attributes import AttributeGroup
from assets.build import Build, Built
from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation import repeated_text as repetitions
from midtrain_dagster.curation.repeated_text import RepeatedText


def repeated_text_asset(use: AttributeGroup, section: RepeatedText) -> dg.AssetsDefinition:
    """The asset ``repeated_text``, of a recipe that cuts repetitions."""
    # How much of a document may be cut is asked of it later, when it is decided upon.
    parameters = {
        "unit": section.unit,
        "minimum_words": section.minimum_words,
        "hash_ranges": section.hash_ranges,
    }

    @use.asset(
        "repeated_text",
        versions=versions_of(repetitions),
        section=parameters,
        inputs={
            "documents": use.documents,
            "eligibility": use.key("eligibility"),
            "clusters": use.key("duplicate_clusters"),
        },
        rows="repeated_text",
    )
    def repeated_text(build: Build) -> Built:
        """Spans of lines, paragraphs or sentences that another document of the corpus keeps.

        Hashes of a part's units are written once; which of them repeat is looked up anew, in ranges
        of hashes, among the documents that stay so far.
        """
        units = build.by_work(
            Work(repetitions.units, tables={"documents": [part]}, parameters=parameters)
            for part in build["documents"].parts("documents")
        )
        keepers = build.parts(
            _keepers(build, [made[number] for made in units])
            for number in range(section.hash_ranges)
        )
        return build.parts(
            Work(
                repetitions.repeated_text,
                tables={"units": made, "keepers": keepers},
                parameters={"unit": section.unit},
            )
            for made in units
        )

    return repeated_text


def _keepers(build: Build, units: Sequence[Part]) -> Work:
    """The unit of work that looks for repetitions in one range of hashes."""
    return Work(
        repetitions.keepers,
        tables={"units": units, "clusters": build["clusters"].parts("clusters")},
        scans={"eligibility": build["eligibility"].parts("eligibility")},
    )
