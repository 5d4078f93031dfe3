"""Synthesis: documents made from curated ones, which then pass the same tests as any other."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets.curation.group import curation_assets
from assets.decontamination import contamination_assets
from assets.graph import asset_arguments, fingerprints, image, inputs, materialized
from assets.models import NO_CAUSE, folder_digests, model_folder
from midtrain_dagster.core import progress
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.synthesis import question_answer
from midtrain_dagster.synthesis.question_answer import SynthesisConfig
from midtrain_dagster.tokens import held_out
from midtrain_dagster.tokens.held_out import is_held_out
from resources.artifacts import ArtifactBuilder
from resources.generator import TextGeneratorResource

METHOD = "synthetic_documents"


def synthesis_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """``synthetic_documents`` and its curation group; nothing for a recipe without synthesis."""
    if recipe.synthesis is None:
        return []
    return [
        _synthetic_documents(recipe, recipe.synthesis),
        *curation_assets(recipe, documents=METHOD, prefix=("synthetic",)),
        *contamination_assets(recipe, documents=METHOD, prefix=("synthetic",)),
    ]


def _synthetic_documents(recipe: Recipe, config: SynthesisConfig) -> dg.AssetsDefinition:
    version = question_answer.VERSION + held_out.VERSION
    section = {
        "synthesis": config.model_dump(exclude={"generator": NO_CAUSE}),
        # The model's name is written into the documents; where it lies is no cause.
        "written_by": _written_by(config),
        "held_out": recipe.held_out,
        "seed": recipe.seed,
    }

    @dg.asset(
        **asset_arguments(
            recipe, "synthesis", version=version, section=section, kinds=("huggingface", "ray")
        ),
        ins=inputs(recipe, documents="documents", decisions="curated_documents"),
    )
    def synthetic_documents(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        text_generator: TextGeneratorResource,
        documents: Artifact,
        decisions: Artifact,
    ) -> dg.Output[Artifact]:
        """Question-answer pairs that a model wrote from curated documents.

        A pair is accepted only if its answer stands in its document; the table `rejects` has the
        others with the reason. Held-out documents are never asked.
        """
        folder = model_folder(recipe, config.generator)

        def build(fingerprint_: str) -> tuple[list[Part], dict[str, Any]]:
            chosen = question_answer.choose_documents(
                _askable(recipe, documents, decisions), config
            )
            asked = question_answer.prompts(chosen, config)
            completions = text_generator.complete(
                asked,
                config.request,
                folder,
                lambda done, total: progress.tell(METHOD, done, total, "prompts"),
            )
            made = question_answer.accept(
                completions, chosen, generator=_written_by(config), domain=config.domain
            )
            if made["documents"].is_empty():
                raise dg.Failure(
                    f"none of {asked.height} prompts gave a pair whose answer is in its document; "
                    "look at the generator, or ask more documents"
                )
            storage, into = workshop.store.storage, f"parts/{METHOD}/{fingerprint_}"
            parts = [write_output(storage, into, name, table) for name, table in made.items()]
            accepted = made["documents"].height
            return parts, {
                "prompts": asked.height,
                "accepted": accepted,
                "yield": round(accepted / asked.height, 4),
            }

        artifact = workshop.store.make(
            METHOD,
            version,
            section,
            {
                **fingerprints(documents=documents, decisions=decisions),
                "model": folder_digests(folder) if folder else None,
            },
            build,
        )
        return materialized(artifact, "documents", outcomes=image(_yield(artifact)))

    return synthetic_documents


def _askable(recipe: Recipe, documents: Artifact, decisions: Artifact) -> pl.DataFrame:
    """The curated documents that training may see: kept, and not held out."""
    kept = decisions.scan("decisions").filter("keep").select("id")
    curated = documents.scan("documents").join(kept, on="id", how="semi").collect().sort("id")
    return curated.filter(~is_held_out(curated["id"], share=recipe.held_out, seed=recipe.seed))


def _written_by(config: SynthesisConfig) -> str:
    return Path(config.generator.model).name


def outcomes(artifact: Artifact) -> pl.DataFrame:
    """What became of the prompts: reason (``kept`` or why not), count; kept first."""
    schema = pl.Schema({"reason": pl.String, "count": pl.UInt32})
    rejected = artifact.read("rejects").group_by("reason").agg(count=pl.len().cast(pl.UInt32))
    kept = pl.DataFrame({"reason": ["kept"], "count": [artifact.rows("documents")]}, schema=schema)
    return pl.concat([kept, rejected.sort("count", "reason", descending=[True, False])])


def _yield(artifact: Artifact) -> bytes:
    from midtrain_dagster.report.corpus_plots import synthesis_yield
    from midtrain_dagster.report.style import figure_png

    return figure_png(synthesis_yield(outcomes(artifact)))
