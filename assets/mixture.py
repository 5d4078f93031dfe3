"""Mixture: the tokenizer, and the token shards that the trainer reads."""

import dagster as dg
import polars as pl

from assets.graph import asset_arguments, fingerprints, inputs, materialized, require_benchmarks
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import digest
from midtrain_dagster.core.parts import Work, read_table, write_output
from midtrain_dagster.decontamination import tokens as token_gate
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens import splits
from midtrain_dagster.tokens import tokenizer as tokenizers
from midtrain_dagster.tokens.shards import token_dtype
from resources.artifacts import ArtifactBuilder

CONTAMINATED = "benchmark text is in the token shards"


def mixture_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The assets ``tokenizer`` and ``token_shards``."""
    return [_tokenizer(recipe), _token_shards(recipe)]


def _tokenizer(recipe: Recipe) -> dg.AssetsDefinition:
    section = recipe.tokenizer.train

    @dg.asset(
        **asset_arguments(
            recipe,
            "mixture",
            version=tokenizers.VERSION,
            section=section,
            kinds=("huggingface",),
        ),
        ins=inputs(recipe, documents="documents", decisions="curated_documents"),
    )
    def tokenizer(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        documents: Artifact,
        decisions: Artifact,
    ) -> dg.Output[Artifact]:
        """The tokenizer: trained on the curated documents, or that of the base checkpoint."""
        trained = recipe.tokenizer.train
        if trained is None:
            return materialized(_given_tokenizer(recipe, workshop))

        def build(fingerprint_: str) -> tuple[list[Part], dict[str, int]]:
            kept = decisions.scan("decisions").filter("keep").select("id")
            texts = documents.scan("documents").join(kept, on="id", how="semi").sort("id")
            files = tokenizers.train_tokenizer(
                texts.select("text").collect()["text"], vocabulary=trained.vocabulary
            )
            folder = f"parts/tokenizer/{fingerprint_}"
            parts = [
                write_output(workshop.store.storage, folder, name, data)
                for name, data in files.items()
            ]
            return parts, tokenizers.tokenizer_figures(files)

        artifact = workshop.store.make(
            "tokenizer",
            tokenizers.VERSION,
            section,
            fingerprints(documents=documents, decisions=decisions),
            build,
        )
        return materialized(artifact)

    return tokenizer


def _given_tokenizer(recipe: Recipe, workshop: ArtifactBuilder) -> Artifact:
    named = recipe.tokenizer.path
    path = recipe.base.checkpoint if named == "base" else named
    if path is None:
        raise dg.Failure("tokenizer.path is `base`, but the recipe's base is trained in the graph")
    files = tokenizers.tokenizer_files(recipe.folder_or_hub(path))

    def build(fingerprint_: str) -> tuple[list[Part], dict[str, int]]:
        folder = f"parts/tokenizer/{fingerprint_}"
        storage = workshop.store.storage
        parts = [write_output(storage, folder, name, data) for name, data in files.items()]
        return parts, tokenizers.tokenizer_figures(files)

    causes = {name: digest(data) for name, data in files.items()}
    return workshop.store.make("tokenizer", tokenizers.VERSION, None, causes, build)


def _token_shards(recipe: Recipe) -> dg.AssetsDefinition:
    section = {"held_out": recipe.held_out, "seed": recipe.seed}
    pairs = curated_pairs(recipe)

    @dg.asset(
        **asset_arguments(
            recipe, "mixture", version=splits.VERSION, section=section, kinds=("numpy", "ray")
        ),
        ins=inputs(
            recipe,
            tokenizer="tokenizer",
            benchmark_items="benchmark_items",
            **{name.replace("/", "_"): name for pair in pairs for name in pair},
        ),
    )
    def token_shards(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        tokenizer: Artifact,
        benchmark_items: dict[str, Artifact],
        **curated: Artifact,
    ) -> dg.Output[Artifact]:
        """Memory-mapped tokens with an index, for training and held out.

        Edits are merged here and nowhere else. A gate reads the tokens back as the trainer would
        and raises if benchmark text is among them.
        """
        items = require_benchmarks(recipe, benchmark_items)

        def build(_: str) -> tuple[list[Part], dict[str, int]]:
            works = [
                Work(
                    "token_shards",
                    splits.VERSION,
                    splits.shard,
                    tables={"documents": [document], "decisions": [decision]},
                    files={"tokenizer": tokenizer.manifest.parts},
                    parameters={"held_out": recipe.held_out, "seed": recipe.seed},
                )
                for documents, decisions in pairs
                for document, decision in zip(
                    curated[documents].parts("documents"),
                    curated[decisions.replace("/", "_")].parts("decisions"),
                    strict=True,
                )
            ]
            parts = [part for made in workshop.parts(context, works) for part in made]
            return parts, _figures(parts)

        artifact = workshop.store.make(
            "token_shards",
            splits.VERSION,
            section,
            fingerprints(tokenizer=tokenizer, **curated),
            build,
        )
        _refuse_contamination(recipe, workshop, context, artifact, tokenizer, items)
        return materialized(artifact, "train_index", domains=_domains(artifact))

    return token_shards


def _domains(artifact: Artifact) -> dg.MarkdownMetadataValue:
    """Tokens and documents of each domain, as the UI shows them."""
    index = artifact.scan("train_index").group_by("domain")
    table = index.agg(tokens=pl.col("length").sum(), documents=pl.len()).sort("domain").collect()
    rows = [f"| {domain} | {tokens:,} | {count:,} |" for domain, tokens, count in table.iter_rows()]
    head = ["| domain | tokens | documents |", "|---|---:|---:|"]
    return dg.MetadataValue.md("\n".join(head + rows))


def curated_pairs(recipe: Recipe) -> list[tuple[str, str]]:
    """The assets of documents with those of their decisions: natural ones, then synthetic ones."""
    natural = [("documents", "curated_documents")]
    synthetic = [("synthetic_documents", "synthetic/curated_documents")]
    return natural + (synthetic if recipe.synthesis else [])


def _figures(parts: list[Part]) -> dict[str, int]:
    return {
        f"{split}_{unit}": sum(
            getattr(part, unit if unit == "tokens" else "rows")
            for part in parts
            if part.table == f"{split}_{'tokens' if unit == 'tokens' else 'index'}"
        )
        for split in splits.SPLITS
        for unit in ("documents", "tokens")
    }


def _refuse_contamination(
    recipe: Recipe,
    workshop: ArtifactBuilder,
    context: dg.AssetExecutionContext,
    artifact: Artifact,
    tokenizer: Artifact,
    items: dict[str, Artifact],
) -> None:
    """Gate: no benchmark's text may be in the tokens, as the trainer reads them.

    The benchmarks are no cause of the shards, so that a new one leaves them, and every model
    trained on them, as they are; the gate looks at all shards whenever they are made or found.
    """
    shards: dict[str, dict[str, Part]] = {}
    for part in artifact.manifest.parts:
        shards.setdefault(part.path.rpartition("/")[0], {})[part.table] = part
    item_parts = [part for artifact in items.values() for part in artifact.parts("items")]
    vocabulary = int(tokenizer.manifest.figures["vocabulary"] or 0)
    works = [
        Work(
            "token_gate",
            token_gate.VERSION,
            token_gate.scan_tokens,
            tables={"index": [by_name[f"{split}_index"]], "items": item_parts},
            files={
                "tokens": [by_name[f"{split}_tokens"]],
                "tokenizer": tokenizer.manifest.parts,
            },
            parameters={"config": recipe.decontamination, "dtype": token_dtype(vocabulary).str},
        )
        for by_name in shards.values()
        for split in splits.SPLITS
        if by_name[f"{split}_index"].rows
    ]
    hits = [part for made in workshop.parts(context, works) for part in made if part.rows]
    if hits:
        found = pl.concat([read_table(workshop.store.storage, part) for part in hits])
        named = ", ".join(sorted(found["benchmark"].unique()))
        raise dg.Failure(
            f"{CONTAMINATED} ({found.height} hits of {named}); first: document {found['id'][0]}, "
            f"{found['text'][0][:120]!r}. Scan those benchmarks again and curate again"
        )
