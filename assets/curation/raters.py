"""Raters: models of quality, trained in the graph from sources, labels or judged pairs."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets.graph import asset_arguments, fingerprints, inputs, materialized
from assets.models import NO_CAUSE, folder_digests, model_folder
from midtrain_dagster.core import progress
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import file_digest
from midtrain_dagster.core.parts import Work, read_table, write_output
from midtrain_dagster.curation import curate
from midtrain_dagster.curation.raters import (
    embedding_rater,
    fasttext_rater,
    judgements,
    pairwise_rater,
)
from midtrain_dagster.curation.raters.config import (
    EmbeddingRater,
    FastTextRater,
    Judge,
    PairwiseRater,
    RaterConfig,
)
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.recipe import Recipe
from resources.artifacts import ArtifactBuilder
from resources.generator import TextGeneratorResource

ANSWER_TOKENS = 4


def is_trained(rater: RaterConfig) -> bool:
    """Whether the rater is made in the graph: not a given file, not a combination of others."""
    if isinstance(rater, FastTextRater):
        return rater.given is None
    return isinstance(rater, EmbeddingRater | PairwiseRater)


def rater_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """An asset ``NAME_rater`` for each rater that is trained, once, and used on every document."""
    assets = []
    for name, rater in recipe.raters.items():
        if isinstance(rater, FastTextRater) and is_trained(rater):
            assets.append(_fasttext(recipe, name, rater))
        elif isinstance(rater, EmbeddingRater | PairwiseRater):
            assets.append(_regression(recipe, name, rater))
    return assets


def _fasttext(recipe: Recipe, name: str, config: FastTextRater) -> dg.AssetsDefinition:
    method, version = f"{name}_rater", fasttext_rater.VERSION

    @dg.asset(
        name=method,
        **asset_arguments(recipe, "curation", version=version, section=config, kinds=("fasttext",)),
        ins=inputs(recipe, documents="documents"),
    )
    def rater(
        context: dg.AssetExecutionContext, workshop: ArtifactBuilder, documents: Artifact
    ) -> dg.Output[Artifact]:
        """A fastText classifier of quality, trained on the recipe's positives and negatives."""
        chosen = {
            side: [part for part in documents.parts("documents") if part.label in names]
            for side, names in (("positives", config.positives), ("negatives", config.negatives))
        }
        work = Work(
            "fasttext_rater",
            version,
            fasttext_rater.train,
            tables=chosen,
            parameters=config.training(),
        )

        def build(_: str) -> tuple[list[Part], dict[str, float]]:
            (parts,) = workshop.parts(context, [work])
            return parts, {}

        causes = {side: [part.digest for part in parts] for side, parts in chosen.items()}
        artifact = workshop.store.make(method, version, work.parameters, causes, build)
        return materialized(artifact, **_metrics(artifact))

    return rater


def _regression(
    recipe: Recipe, name: str, config: EmbeddingRater | PairwiseRater
) -> dg.AssetsDefinition:
    method = f"{name}_rater"
    train, trained = (
        (curate.train_pairwise_rater, pairwise_rater.VERSION)
        if isinstance(config, PairwiseRater)
        else (curate.train_embedding_rater, embedding_rater.VERSION)
    )
    version = judgements.VERSION + trained
    section = config.model_dump(exclude={"embedding": True, "judge": {"generator": NO_CAUSE}})

    @dg.asset(
        name=method,
        **asset_arguments(recipe, "curation", version=version, section=section, kinds=("numpy",)),
        ins=inputs(recipe, documents="documents"),
    )
    def rater(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        text_generator: TextGeneratorResource,
        documents: Artifact,
    ) -> dg.Output[Artifact]:
        """A regression on sentence embeddings, from labels or from judged pairs of documents."""
        embedding = Path(recipe.path(config.embedding))
        causes = {"embedding": folder_digests(embedding), "judged": _judged_by(recipe, config)}

        def build(fingerprint_: str) -> tuple[list[Part], dict[str, float]]:
            tables = _examples(context, workshop, text_generator, recipe, config, documents)
            storage, folder = workshop.store.storage, f"parts/{method}/{fingerprint_}"
            written = {
                key: write_output(storage, folder, key, each) for key, each in tables.items()
            }
            work = Work(
                method,
                version,
                train,
                tables={"examples": [written["examples"]]},
                scans={"documents": documents.parts("documents")},
                parameters=config.model_dump(include={"ridge", "prior"}),
                causes=causes["embedding"],
                arguments={"embedding": embedding},
            )
            (parts,) = workshop.parts(context, [work])
            return [*parts, *written.values()], {}

        upstream = {**fingerprints(documents=documents), **causes}
        artifact = workshop.store.make(method, version, section, upstream, build)
        return materialized(artifact, **_metrics(artifact))

    return rater


def _judged_by(recipe: Recipe, config: EmbeddingRater | PairwiseRater) -> Any:
    """The digest of the file of judgements, or of the judge's model."""
    if config.judge is None:
        return file_digest(_file(recipe, config))
    folder = model_folder(recipe, config.judge.generator)
    return folder_digests(folder) if folder else config.judge.generator.model


def _file(recipe: Recipe, config: EmbeddingRater | PairwiseRater) -> Path:
    named = config.judgements if isinstance(config, PairwiseRater) else config.labels
    return Path(recipe.path(named or ""))


def _examples(
    context: dg.AssetExecutionContext,
    workshop: ArtifactBuilder,
    text_generator: TextGeneratorResource,
    recipe: Recipe,
    config: EmbeddingRater | PairwiseRater,
    documents: Artifact,
) -> dict[str, pl.DataFrame]:
    """The ``examples`` to learn from; of a judge also what it answered that could not be used."""
    pairwise = isinstance(config, PairwiseRater)
    judge = config.judge
    if judge is None:
        read = judgements.read_judgements if pairwise else judgements.read_labels
        return {"examples": read(_file(recipe, config))}
    shown = _drawn(context, workshop, judge, documents)

    def generate(prompts: list[str]) -> list[str]:
        request = Request(generator=judge.generator, max_new_tokens=ANSWER_TOKENS, seed=judge.seed)
        folder = model_folder(recipe, judge.generator)

        def told(done: int, total: int) -> None:
            progress.tell("judgements", done, total, "prompts")

        asked = pl.DataFrame({"prompt": prompts})
        return text_generator.complete(asked, request, folder, told)["completion"].to_list()

    if isinstance(config, PairwiseRater):
        asked = judgements.pairs(shown["id"], count=config.pairs, seed=judge.seed)
        made = judgements.judge_pairs(
            shown, asked, generate, criterion=config.criterion, characters=judge.characters
        )
        names = {"judgements": "examples", "metrics": "judge"}
    else:
        made = judgements.judge_labels(shown, generate, characters=judge.characters)
        names = {"labels": "examples"}
    return {names.get(name, name): table for name, table in made.items()}


def _drawn(
    context: dg.AssetExecutionContext, workshop: ArtifactBuilder, judge: Judge, documents: Artifact
) -> pl.DataFrame:
    """The documents that the judge reads."""
    count = {"count": judge.documents, "seed": judge.seed}
    works = [
        Work(
            "judged_documents",
            judgements.VERSION,
            curate.drawn,
            tables={"documents": [part]},
            parameters=count,
        )
        for part in documents.parts("documents")
        if not judge.sources or part.label in judge.sources
    ]
    parts = [part for made in workshop.parts(context, works) for part in made]
    drawn = pl.concat([read_table(workshop.store.storage, part) for part in parts])
    return curate.drawn(drawn, **count)["drawn"].select("id", "text")


def _metrics(artifact: Artifact) -> dict[str, Any]:
    """The figures worth showing; one that could not be measured is left out."""
    metrics = artifact.read("metrics").drop_nulls("value")
    return dict(metrics.select("name", "value").iter_rows())
