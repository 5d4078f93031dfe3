"""What is learnt of each document by itself: its language, its signals, personal data in it."""

from pathlib import Path

import dagster as dg

from assets.attributes import AttributeGroup, attribute_table
from assets.graph import inputs, materialized
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.causes import file_digest
from midtrain_dagster.curation import language
from midtrain_dagster.curation.personal_data import spans as personal_data
from midtrain_dagster.curation.personal_data.spans import PersonalData
from midtrain_dagster.curation.signals import signals
from resources.artifacts import ArtifactBuilder


def language_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``language``."""
    model = Path(use.recipe.path(use.recipe.language_model))

    @dg.asset(
        name="language",
        **use.arguments(language.VERSION, None),
        ins=inputs(use.recipe, documents=use.documents),
    )
    def language_table(
        context: dg.AssetExecutionContext, workshop: ArtifactBuilder, documents: Artifact
    ) -> dg.Output[Artifact]:
        """The language of each document and how sure fastText's lid.176 is of it."""
        digest = file_digest(model)
        artifact = attribute_table(
            context,
            workshop,
            "language",
            language.VERSION,
            language.identify,
            documents,
            upstream={"model": digest},
            causes={"model": digest},
            arguments={"model": model},
        )
        return materialized(artifact, "language")

    return language_table


def signals_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``signals``."""

    @dg.asset(
        name="signals",
        **use.arguments(signals.VERSION, None),
        ins=inputs(use.recipe, documents=use.documents),
    )
    def signals_table(
        context: dg.AssetExecutionContext, workshop: ArtifactBuilder, documents: Artifact
    ) -> dg.Output[Artifact]:
        """The numbers that the heuristic rules look at; thresholds come later."""
        artifact = attribute_table(
            context, workshop, "signals", signals.VERSION, signals.signals, documents, upstream={}
        )
        return materialized(artifact, "signals")

    return signals_table


def personal_data_asset(use: AttributeGroup, section: PersonalData) -> dg.AssetsDefinition:
    """The asset ``personal_data``, of a recipe that looks for it."""

    @dg.asset(
        name="personal_data",
        **use.arguments(personal_data.VERSION, section),
        ins=inputs(use.recipe, documents=use.documents),
    )
    def personal_data_table(
        context: dg.AssetExecutionContext, workshop: ArtifactBuilder, documents: Artifact
    ) -> dg.Output[Artifact]:
        """Spans of e-mail addresses, telephone numbers and other personal data, and secrets."""
        artifact = attribute_table(
            context,
            workshop,
            "personal_data",
            personal_data.VERSION,
            personal_data.personal_data,
            documents,
            upstream={},
            parameters=section.model_dump(),
        )
        found = artifact.scan("personal_data").group_by("type").len().sort("type").collect()
        return materialized(artifact, "personal_data", **dict(found.iter_rows()))

    return personal_data_table
