"""Tokens: the tokenizer, and the token shards that the trainer reads."""

from collections.abc import Iterator, Mapping

import dagster as dg
import polars as pl

from assets.build import Build, Built, artifact_asset, markdown_table
from assets.declaration import Given, Input
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import digest, versions_of
from midtrain_dagster.core.parts import Work, read_table
from midtrain_dagster.decontamination import tokens as token_gate
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens import chat_splits, splits
from midtrain_dagster.tokens import tokenizer as tokenizers
from midtrain_dagster.tokens.chat_template import CHATML
from midtrain_dagster.tokens.tokenizer import (
    CHAT_TEMPLATE,
    VOCABULARY,
    Tokenizer,
    TrainedTokenizer,
)

MOST_LEFT_OUT = 0.2
"""The share of conversations that the chat template may refuse before a run stops."""

REASONS_TOLD = 3

CONTAMINATED = "benchmark text is in the token shards"


def token_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The assets ``tokenizer`` and ``token_shards``."""
    trained = recipe.tokenizer.train
    tokenizer = _given_tokenizer(recipe) if trained is None else _trained_tokenizer(recipe, trained)
    return [tokenizer, _token_shards(recipe)]


def _trained_tokenizer(recipe: Recipe, section: TrainedTokenizer) -> dg.AssetsDefinition:
    def template() -> str | None:
        said = recipe.tokenizer.read_chat_template(recipe.path)
        return said or (CHATML if recipe.has_conversations else None)

    def external(_: Mapping[str, Given]) -> dict[str, str]:
        return {CHAT_TEMPLATE: digest((template() or "").encode())}

    has_template = recipe.has_conversations or recipe.tokenizer.chat_template is not None

    @artifact_asset(
        recipe,
        "tokenizer",
        group="tokens",
        versions=versions_of(tokenizers),
        section=section,
        inputs={"documents": "documents", "decisions": "curated_documents"},
        external=external if has_template else None,
        kinds=("huggingface",),
    )
    def tokenizer(build: Build) -> Built:
        """The tokenizer, trained on the curated documents."""
        kept = build["decisions"].scan("decisions").filter("keep").select("id")
        texts = build["documents"].scan("documents").join(kept, on="id", how="semi").sort("id")
        files = tokenizers.train_tokenizer(
            texts.select("text").collect()["text"],
            vocabulary=section.vocabulary,
            chat_template=template(),
        )
        return _written(build, files)

    return tokenizer


def _given_tokenizer(recipe: Recipe) -> dg.AssetsDefinition:
    named = recipe.tokenizer.path
    path = recipe.base.checkpoint if named == "base" else named
    assert path is not None, "the recipe's problems say so before"

    def files() -> dict[str, bytes]:
        return tokenizers.tokenizer_files(
            recipe.folder_or_hub(path),
            chat_template=recipe.tokenizer.read_chat_template(recipe.path),
            default_template=CHATML if recipe.has_conversations else None,
        )

    def external(_: Mapping[str, Given]) -> dict[str, str]:
        return {name: digest(data) for name, data in files().items()}

    @artifact_asset(
        recipe,
        "tokenizer",
        group="tokens",
        versions=versions_of(tokenizers),
        external=external,
        kinds=("huggingface",),
    )
    def tokenizer(build: Build) -> Built:
        """The tokenizer that the recipe names, or that of its base checkpoint."""
        return _written(build, files())

    return tokenizer


def _written(build: Build, files: dict[str, bytes]) -> Built:
    vocabulary = tokenizers.vocabulary_of(files)
    parts = [build.write(name, data) for name, data in files.items()]
    parts.append(build.write(VOCABULARY, vocabulary.model_dump_json().encode()))
    return parts, {"vocabulary": vocabulary.tokens}


def curated_pairs(recipe: Recipe) -> list[tuple[str, str]]:
    """The assets of documents with those of their decisions: natural ones, then synthetic ones."""
    synthetic = (f"synthesis/{name}" for name in recipe.synthesis)
    return [
        ("documents", "curated_documents"),
        *((f"{each}/documents", f"{each}/curated_documents") for each in synthetic),
    ]


def _token_shards(recipe: Recipe) -> dg.AssetsDefinition:
    pairs = curated_pairs(recipe)
    conversational = {
        ("documents", name) for name, each in recipe.sources.items() if each.has_conversations
    }
    parameters = {"share": recipe.held_out, "seed": recipe.seed}

    def gate(build: Build, artifact: Artifact) -> None:
        if recipe.benchmarks:
            refuse_contamination(recipe, build, artifact)

    # No cause: a new benchmark leaves the shards, and every model trained on them, as they are. The
    # gate looks at all shards whenever they are made or found.
    items = {"benchmark_items": Input("benchmark_items", cause=None)} if recipe.benchmarks else {}

    @artifact_asset(
        recipe,
        "token_shards",
        group="tokens",
        versions=versions_of(splits, *([chat_splits] if recipe.has_conversations else [])),
        section=parameters,
        inputs={
            "tokenizer": "tokenizer",
            **items,
            **{name.replace("/", "_"): name for pair in pairs for name in pair},
        },
        gate=gate,
        rows="train_index",
        metadata=lambda artifact: {"domains": _domains(artifact)},
        kinds=("numpy", "ray"),
    )
    def token_shards(build: Build) -> Built:
        """Memory-mapped tokens with an index, for training and held out.

        Edits are merged here and nowhere else. A gate reads the tokens back as the trainer would
        and raises if text of a benchmark is among them. Conversations are written by the chat
        template, and have marks on what an assistant says.
        """
        tokenizer = Tokenizer(build["tokenizer"])
        parts = build.parts(
            Work(
                chat_splits.shard_conversations
                if (documents, document.label) in conversational
                else splits.shard,
                tables={"documents": [document], "decisions": [decision]},
                files={"tokenizer": tokenizer.files},
                parameters=parameters,
            )
            for documents, decisions in pairs
            for document, decision in zip(
                build[documents.replace("/", "_")].parts("documents"),
                build[decisions.replace("/", "_")].parts("decisions"),
                strict=True,
            )
        )
        return parts, {**_figures(parts), **_conversations(build, parts)}

    return token_shards


def _domains(artifact: Artifact) -> dg.MarkdownMetadataValue:
    """Tokens and documents of each domain, as the UI shows them."""
    index = artifact.scan("train_index").group_by("domain")
    table = index.agg(tokens=pl.col("length").sum(), documents=pl.len()).sort("domain").collect()
    rows = ((domain, f"{tokens:,}", f"{count:,}") for domain, tokens, count in table.iter_rows())
    return markdown_table(("domain", "tokens", "documents"), rows, numbers=("tokens", "documents"))


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


def _conversations(build: Build, parts: list[Part]) -> dict[str, int | str | None]:
    """What became of conversations. Raises where the template refuses too many of them."""
    tables = [
        read_table(build.store.storage, part) for part in parts if part.table == "conversations"
    ]
    if not tables:
        return {}
    told = pl.concat(tables)
    lost = told.drop_nulls("left_out")
    if lost.height > MOST_LEFT_OUT * told.height:
        raise dg.Failure(
            f"{lost.height:,} of {told.height:,} conversations cannot be written, more than "
            f"{MOST_LEFT_OUT:.0%}: {_reasons(lost)}",
            allow_retries=False,
        )
    trained = told.filter(split="train")
    return {
        "conversation_tokens": int(trained["tokens"].sum()),
        "assistant_tokens": int(trained["targets"].sum()),
        "conversations_left_out": lost.height,
        "left_out_because": _reasons(lost) if lost.height else None,
    }


def _reasons(lost: pl.DataFrame) -> str:
    """Why conversations were left out, the most frequent first, with one of each reason."""
    counted = lost.group_by("left_out").agg(pl.len(), pl.col("id").min()).sort("len", "left_out")
    told = counted.reverse().head(REASONS_TOLD).iter_rows()
    return "; ".join(f"{count:,} x {reason} (say {identity})" for reason, count, identity in told)


def refuse_contamination(recipe: Recipe, build: Build, artifact: Artifact) -> None:
    """Gate: no benchmark's text may be in the tokens, as the trainer reads them."""
    found = build.parts(_gate_works(recipe, build, artifact))
    hits = [read_table(build.store.storage, part) for part in found if part.rows]
    if hits:
        table = pl.concat(hits)
        named = ", ".join(sorted(table["benchmark"].unique()))
        raise dg.Failure(
            f"{CONTAMINATED} ({table.height} hits of {named}); first: document {table['id'][0]}, "
            f"{table['text'][0][:120]!r}. Scan those benchmarks again and curate again"
        )


def _gate_works(recipe: Recipe, build: Build, artifact: Artifact) -> Iterator[Work]:
    tokenizer = Tokenizer(build["tokenizer"])
    items = [
        part
        for each in build.partitions("benchmark_items").values()
        for part in each.parts("items")
    ]
    shards: dict[str, dict[str, Part]] = {}
    for part in artifact.manifest.parts:
        shards.setdefault(part.path.rpartition("/")[0], {})[part.table] = part
    for by_name in shards.values():
        for split in splits.SPLITS:
            if by_name[f"{split}_index"].rows:
                yield Work(
                    token_gate.scan_tokens,
                    tables={"index": [by_name[f"{split}_index"]], "items": items},
                    files={"tokens": [by_name[f"{split}_tokens"]], "tokenizer": tokenizer.files},
                    parameters={"config": recipe.decontamination, "dtype": tokenizer.dtype},
                )
