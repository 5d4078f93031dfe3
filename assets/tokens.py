"""Tokens: the tokenizer, and the token shards that the trainer reads."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets.build import Build, Built, artifact_asset, markdown_table
from assets.declaration import Given
from assets.leaks import removal_input, removed_documents
from assets.shards_before import with_shards_before
from assets.token_gate import gate_inputs, refuse_contamination
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import digest, versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens import chat_splits, edits, splits
from midtrain_dagster.tokens import tokenizer as tokenizers
from midtrain_dagster.tokens.chat_template import CHATML
from midtrain_dagster.tokens.losses import (
    LeftOutError,
    check_left_out,
    conversation_losses,
    told,
)
from midtrain_dagster.tokens.tokenizer import (
    CHAT_TEMPLATE,
    VOCABULARY,
    Tokenizer,
    TrainedTokenizer,
)
from resources.terminal import LOST


def token_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The assets ``tokenizer`` and ``token_shards``."""
    trained = recipe.tokenizer.train
    tokenizer = _given_tokenizer(recipe) if trained is None else _trained_tokenizer(recipe, trained)
    return [tokenizer, _token_shards(recipe)]


def _trained_tokenizer(recipe: Recipe, section: TrainedTokenizer) -> dg.AssetsDefinition:
    def template() -> str | None:
        said = recipe.tokenizer.read_chat_template(recipe.path)
        return said or (CHATML if recipe.has_conversations else None)

    bos = recipe.tokenizer.bos

    def external(_: Mapping[str, Given]) -> dict[str, str]:
        said = {CHAT_TEMPLATE: digest((template() or "").encode())} if has_template else {}
        return said | ({"bos": bos} if bos == "always" else {})

    has_template = recipe.has_conversations or recipe.tokenizer.chat_template is not None

    @artifact_asset(
        recipe,
        "tokenizer",
        group="tokens",
        versions=versions_of(tokenizers, *([edits] if recipe.edits_text else [])),
        section=section,
        inputs={"documents": "documents", "decisions": "curated_documents"},
        external=external if has_template or bos == "always" else None,
        kinds=("huggingface",),
    )
    def tokenizer(build: Build) -> Built:
        """The tokenizer, trained on the curated documents."""
        documents = build["documents"].scan("documents").select("id", "text").collect()
        decisions = build["decisions"].read("decisions")
        files = tokenizers.train_tokenizer(
            splits.curated(documents, decisions).sort("id")["text"],
            vocabulary=section.vocabulary,
            chat_template=template(),
            bos=bos,
        )
        return _written(build, files)

    return tokenizer


def _given_tokenizer(recipe: Recipe) -> dg.AssetsDefinition:
    named = recipe.tokenizer.path
    path = recipe.base.checkpoint if named == "base" else named
    assert path is not None, "the recipe's problems say so before"

    folder_or_hub = recipe.folder_or_hub(path)

    def settings() -> dict[str, Any]:
        base = recipe.base.checkpoint
        folder = None if base is None else Path(recipe.path(base))
        return {
            "chat_template": recipe.tokenizer.read_chat_template(recipe.path),
            "default_template": CHATML if recipe.has_conversations else None,
            "bos": recipe.tokenizer.bos,
            "config": recipe.base.config_at_hand(folder),
        }

    def external(_: Mapping[str, Given]) -> dict[str, str]:
        return tokenizers.tokenizer_digests(folder_or_hub, **settings())

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
        return _written(build, tokenizers.tokenizer_files(folder_or_hub, **settings()))

    return tokenizer


def _written(build: Build, files: dict[str, bytes]) -> Built:
    vocabulary = tokenizers.vocabulary_of(files)
    parts = [build.write(name, data) for name, data in files.items()]
    parts.append(build.write(VOCABULARY, vocabulary.record()))
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
    written = {f"synthesis/{name}/documents" for name in recipe.conversing}
    parameters = {"share": recipe.held_out, "seed": recipe.seed}

    def gate(build: Build, artifact: Artifact) -> None:
        _check_conversations(artifact)
        if recipe.benchmarks:
            refuse_contamination(recipe, build, artifact.manifest.parts)

    # What the gate looks at is no cause: a new benchmark leaves the shards, and every model trained
    # on them, as they are. All shards are looked at whenever they are made or found.
    @artifact_asset(
        recipe,
        "token_shards",
        group="tokens",
        versions=versions_of(splits, *([chat_splits] if recipe.has_conversations else [])),
        section=parameters,
        inputs={
            "tokenizer": "tokenizer",
            **gate_inputs(recipe),
            **removal_input(recipe),
            **{name.replace("/", "_"): name for pair in pairs for name in pair},
        },
        gate=gate,
        rows="train_index",
        metadata=_shown,
        kinds=("numpy", "ray"),
    )
    def token_shards(build: Build) -> Built:
        """Memory-mapped tokens with an index, for training and held out.

        Edits are merged here; no text is rewritten in the store. A gate reads the tokens back as
        the trainer would and raises if text of a benchmark is among them. Conversations are written
        by the chat template, and have marks on what an assistant says.
        """
        tokenizer = Tokenizer(build["tokenizer"])
        opening = tokenizer.vocabulary.opening
        begun = {"opening": list(opening)} if opening else {}
        removed = removed_documents(build)

        def shard(name: str, document: Part, decision: Part, left_out: Sequence[str] = ()) -> Work:
            is_chat = name in written or (name, document.label) in conversational
            return Work(
                chat_splits.shard_conversations if is_chat else splits.shard,
                tables={"documents": [document], "decisions": [decision]},
                files={"tokenizer": tokenizer.files},
                # A conversation begins as its template has it.
                parameters=(parameters if is_chat else parameters | begun)
                | ({"left_out": left_out} if left_out else {}),
            )

        works = [
            shard(documents, *both, removed.get((documents, number), ()))
            for documents, decisions in pairs
            for number, both in enumerate(
                zip(
                    build[documents.replace("/", "_")].parts("documents"),
                    build[decisions.replace("/", "_")].parts("decisions"),
                    strict=True,
                )
            )
        ]
        parts = build.parts(with_shards_before(build, works, partial(shard, "documents")))
        return parts, _figures(parts)

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


def _conversations(artifact: Artifact) -> pl.DataFrame | None:
    """What became of each conversation (``chat_splits.CONVERSATIONS``), if there are some."""
    return artifact.read("conversations") if artifact.has("conversations") else None


def _check_conversations(artifact: Artifact) -> None:
    """Gate: no source may lose more conversations than may be lost. Again would find the same."""
    found = _conversations(artifact)
    if found is not None:
        try:
            check_left_out(conversation_losses(found))
        except LeftOutError as error:
            raise dg.Failure(str(error), allow_retries=False) from error


def _shown(artifact: Artifact) -> dict[str, Any]:
    """The domains, and of conversations what an assistant says of them, and which are left out."""
    shown: dict[str, Any] = {"domains": _domains(artifact)}
    found = _conversations(artifact)
    if found is not None:
        trained = found.filter(split="train")
        shown["conversation_tokens"] = int(trained["tokens"].sum())
        shown["assistant_tokens"] = int(trained["targets"].sum())
        if lost := told(conversation_losses(found)):
            shown[LOST] = "\n".join(lost)
    return shown
