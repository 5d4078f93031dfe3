"""What is learnt of each document by itself: its language, its signals, what C4 would cut of it,
personal data in it."""

from typing import Any

import dagster as dg

from assets.attributes import AttributeGroup, by_part
from assets.build import Build, Built
from assets.curation.removal import check_removal_by
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.causes import Versions, cause, versions_of
from midtrain_dagster.core.known_digests import known_digest
from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation import c4_edits, language
from midtrain_dagster.curation.personal_data import spans
from midtrain_dagster.curation.personal_data.spans import PersonalData
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.signals import signals, word_lists


def language_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``language``."""
    model = use.recipe.language_identifier

    @use.asset(
        "language",
        versions=versions_of(language),
        inputs={"documents": use.documents},
        external=lambda _: {"model": known_digest(model)},
        gate=lambda build, artifact: check_removal_by(use, build, "language", artifact),
        rows="language",
    )
    def language_table(build: Build) -> Built:
        """The language of each document and how sure fastText's lid.176 is of it."""
        return by_part(build, language.identify, causes=build.external, arguments={"model": model})

    return language_table


def signals_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``signals``: those that the recipe's rules ask for."""
    policy = use.recipe.curation
    versions = versions_of(signals) | signals.revisions(policy.signals)
    parameters: dict[str, Any] = {"names": policy.signals}
    if policy.cutting:
        parameters["cutting"] = policy.cutting
    if policy.listed:
        return _signals_of_lists(use, parameters, versions | versions_of(word_lists))

    @use.asset(
        "signals",
        versions=versions,
        section=parameters,
        inputs={"documents": use.documents},
        gate=lambda build, artifact: check_removal_by(use, build, "signals", artifact),
        rows="signals",
    )
    def signals_table(build: Build) -> Built:
        """The numbers that the recipe's heuristic rules look at; thresholds come later."""
        return by_part(build, signals.signals, parameters=parameters, versions=versions)

    return signals_table


def _signals_of_lists(
    use: AttributeGroup, parameters: dict[str, Any], versions: Versions
) -> dg.AssetsDefinition:
    """The same where rules go by word lists: they and the languages are causes too."""
    recipe = use.recipe

    @use.asset(
        "signals",
        versions=versions,
        section=parameters,
        inputs={"documents": use.documents, "language": use.key("language")},
        external=lambda _: {"word_lists": cause(recipe.word_lists())},
        gate=lambda build, artifact: check_removal_by(use, build, "signals", artifact),
        rows="signals",
    )
    def signals_table(build: Build) -> Built:
        """The numbers that the recipe's heuristic rules look at; words by the lists of each
        document's language. Thresholds come later."""
        pairs = zip(
            build["documents"].parts("documents"), build["language"].parts("language"), strict=True
        )
        lists = {"word_lists": recipe.word_lists()}
        return build.parts(
            Work(
                signals.signals,
                tables={"documents": [document], "language": [language]},
                parameters=parameters,
                versions=versions,
                causes=build.external,
                arguments=lists,
            )
            for document, language in pairs
        )

    return signals_table


def c4_edits_asset(use: AttributeGroup, cutting: CurationPolicy) -> dg.AssetsDefinition:
    """The asset ``c4_edits``, of a recipe with a policy that cuts."""
    parameters = {"policy": cutting}

    @use.asset(
        "c4_edits",
        versions=versions_of(c4_edits),
        section=parameters,
        inputs={"documents": use.documents},
        rows="c4_edits",
    )
    def edits(build: Build) -> Built:
        """Lines and citations that C4 cuts, as spans, of documents whose policy cuts."""
        return by_part(build, c4_edits.c4_edits, parameters=parameters)

    return edits


def personal_data_asset(use: AttributeGroup, section: PersonalData) -> dg.AssetsDefinition:
    """The asset ``personal_data``, of a recipe that looks for it."""
    parameters = {"types": section.types, "phone_regions": section.phone_regions}

    @use.asset(
        "personal_data",
        versions=versions_of(spans),
        section=section,
        inputs={"documents": use.documents},
        rows="personal_data",
        metadata=_found,
    )
    def personal_data(build: Build) -> Built:
        """Spans of e-mail addresses, telephone numbers and other personal data, and secrets."""
        return by_part(build, spans.personal_data, parameters=parameters)

    return personal_data


def _found(artifact: Artifact) -> dict[str, int]:
    """Spans by type."""
    found = artifact.scan("personal_data").group_by("type").len().sort("type").collect()
    return dict(found.iter_rows())
