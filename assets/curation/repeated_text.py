"""Text that the corpus repeats: what of each document is cut because another one keeps it."""

import dagster as dg

from assets.attributes import AttributeGroup
from assets.graph import fingerprints, inputs, materialized
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation import curate, repeated_text
from midtrain_dagster.curation.repeated_text import RepeatedText
from resources.artifacts import ArtifactBuilder

METHOD = "repeated_text"


def repeated_text_asset(use: AttributeGroup, section: RepeatedText) -> dg.AssetsDefinition:
    """The asset ``repeated_text``, of a recipe that cuts repetitions."""
    parameters = section.model_dump(exclude={"maximum_share"})

    @dg.asset(
        name=METHOD,
        **use.arguments(repeated_text.VERSION, parameters),
        ins=inputs(
            use.recipe,
            documents=use.documents,
            eligibility=use.name("eligibility"),
            clusters=use.name("duplicate_clusters"),
        ),
    )
    def repeated_text_table(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        documents: Artifact,
        eligibility: Artifact,
        clusters: Artifact,
    ) -> dg.Output[Artifact]:
        """Spans of lines, paragraphs or sentences that another document of the corpus keeps.

        Hashes of a part's units are written once; which of them repeat is looked up anew, in ranges
        of hashes, among the documents that stay so far.
        """

        def build(_: str) -> tuple[list[Part], dict[str, int]]:
            hashed = workshop.parts(
                context, [_units(part) for part in documents.parts("documents")]
            )
            found = workshop.parts(context, [_keepers(hashed, number) for number in ranges])
            keepers = [part for made in found for part in made]
            cut = workshop.parts(context, [_cut(units, keepers) for units in hashed])
            return [part for made in cut for part in made], {}

        def _keepers(hashed: list[list[Part]], number: int) -> Work:
            return Work(
                "repeated_text_keepers",
                repeated_text.VERSION,
                curate.keepers,
                tables={
                    "units": [made[number] for made in hashed],
                    "clusters": clusters.parts("clusters"),
                },
                scans={"eligibility": eligibility.parts("eligibility")},
            )

        upstream = fingerprints(documents=documents, eligibility=eligibility, clusters=clusters)
        artifact = workshop.store.make(METHOD, repeated_text.VERSION, parameters, upstream, build)
        return materialized(artifact, METHOD)

    ranges = range(section.hash_ranges)

    def _units(part: Part) -> Work:
        return Work(
            "repeated_text_units",
            repeated_text.VERSION,
            repeated_text.units,
            tables={"documents": [part]},
            parameters=parameters,
        )

    def _cut(units: list[Part], keepers: list[Part]) -> Work:
        return Work(
            METHOD,
            repeated_text.VERSION,
            repeated_text.repeated_text,
            tables={"units": units, "keepers": keepers},
            parameters={"unit": section.unit},
        )

    return repeated_text_table
