"""The inputs that a recipe names, looked at before anything is made, and all that is wrong there.

Each room looks at its own (``ROOM/input_problems.py``); here they are put together, and what one
finds is told to the next: the tokenizer's size to the stages, the sources' first rows to the
mixtures, the checkpoints' positions to the evaluation.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from midtrain_dagster.collection.input_problems import SourceInputs, source_inputs
from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.core.machine import usable_cores
from midtrain_dagster.curation.classifier import model_fault
from midtrain_dagster.curation.signals import word_lists
from midtrain_dagster.curation.takedown import RemovalListError
from midtrain_dagster.decontamination import problems as decontamination
from midtrain_dagster.evaluation.input_problems import (
    answer_problems,
    benchmark_problems,
    measure_problems,
)
from midtrain_dagster.evaluation.shared_items import shared_items
from midtrain_dagster.forecast.supply import Supply, held_out, supplies, supply_problems
from midtrain_dagster.laws.decay.input_problems import findings as decay_laws
from midtrain_dagster.long_context import input_problems as long_context
from midtrain_dagster.long_context.preflight import findings as long_context_findings
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import RecipeError, finding_lines
from midtrain_dagster.synthesis.assembly import Assembly
from midtrain_dagster.tokens.chat_problems import chat_problems
from midtrain_dagster.tokens.estimate import bytes_a_token
from midtrain_dagster.tokens.input_problems import TokenizerInput, tokenizer_input
from midtrain_dagster.tokens.transcript import LAYOUT, Conversation, restored
from midtrain_dagster.training.input_problems import Chain, Given, chain_of, machine_problems
from midtrain_dagster.training.scale import Scale
from midtrain_dagster.training.transition.given import (
    BaseCheckpointError,
    checkpoint_at_hand,
    hub_config,
)

RAY_ADDRESS = "MIDTRAIN_RAY_ADDRESS"
"""Where this is set, or a run is submitted, stages are trained on machines that nobody looks at."""

CONVERSATIONS = 100
"""Of a source, those that the chat template is tried on."""


@dataclass
class Inputs:
    """What was seen of a recipe's inputs."""

    sources: dict[str, SourceInputs] = field(default_factory=dict)
    items: dict[str, pl.DataFrame] = field(default_factory=dict)
    """By benchmark."""
    supplies: dict[str, Supply] = field(default_factory=dict)
    """By domain, as far as its sources could be read."""
    findings: list[Finding] = field(default_factory=list)


def look(recipe: Recipe) -> Inputs:
    """Look at everything that a recipe names, as far as it is at hand."""
    inputs = Inputs()
    inputs.findings += [*_models(recipe), *_word_lists(recipe), *_removal_list(recipe)]
    for name, law in recipe.laws.items():
        inputs.findings += [each.below("laws", name) for each in decay_laws(law, recipe.path)]
    for name, source in recipe.sources.items():
        seen = source_inputs(
            name,
            source,
            recipe.folder,
            max_document_bytes=recipe.collection.max_document_bytes,
        )
        inputs.sources[name] = seen
        inputs.findings += [finding.below("sources", name) for finding in seen.findings]
    for name, benchmark in recipe.benchmarks.items():
        items, findings = benchmark_problems(name, benchmark, recipe.folder)
        inputs.findings += findings
        if items is not None:
            inputs.items[name] = items
    inputs.findings += shared_items(inputs.items)
    tokenizer, chain = _checkpoints(recipe, inputs)
    inputs.findings += chat_problems(
        recipe.tokenizer, tokenizer.folder, _conversations(recipe, inputs), recipe.path
    )
    inputs.supplies = supplies(recipe, inputs.sources, tokenizer)
    inputs.findings += _answers(recipe, inputs.items, tokenizer)
    inputs.findings += [
        *supply_problems(recipe, inputs.supplies),
        *_measures(recipe, inputs.supplies, chain),
        *_long_contexts(recipe, tokenizer, chain),
        *_machine(recipe),
    ]
    return inputs


def required_inputs(recipe: Recipe) -> Inputs:
    """The same, where a run can go well with them.

    Raises :class:`RecipeError` with everything that stops it, each with file, line, field and what
    to do.
    """
    inputs = look(recipe)
    stopping = told(recipe, inputs, stops=True)
    if stopping:
        raise RecipeError("\n".join(stopping))
    return inputs


def told(recipe: Recipe, inputs: Inputs, *, stops: bool) -> list[str]:
    """The findings that stop a run, or those that are only told: a line each."""
    return finding_lines(recipe, inputs.findings, stops=stops)


def _models(recipe: Recipe) -> Iterator[Finding]:
    """The language identifier, the raters' files, the generators."""
    if recipe.judges_language:
        fault = model_fault(recipe.language_identifier)
        if fault is not None:
            yield Finding(("language_model",), fault)
    for name, rater in recipe.raters.items():
        yield from (each.below("raters", name) for each in rater.findings(recipe.path))
    for finding in decontamination.findings(recipe.decontamination, recipe.path):
        yield finding.below("decontamination")
    for name, method in recipe.synthesis.items():
        if isinstance(method, Assembly):
            continue
        yield from (each.below("synthesis", name) for each in method.findings(recipe.path))
    for name, section in recipe.generators.items():
        yield from (each.below("generators", name) for each in section.findings(recipe.path))
    for name, benchmark in recipe.benchmarks.items():
        if benchmark.evaluate and benchmark.evaluate.judged_by:
            judge = benchmark.evaluate.judged_by.generator
            place = ("benchmarks", name, "evaluate", "generator")
            yield from (each.below(*place) for each in judge.findings(recipe.path))


def _word_lists(recipe: Recipe) -> Iterator[Finding]:
    """Word lists that cannot be read or do nothing, and languages that have none."""
    policy = recipe.curation
    asked = {signal.removesuffix("_word_ratio") for signal in policy.listed}
    found = word_lists.findings(policy.word_lists, recipe.path, asked, policy.languages)
    for finding in found:
        yield finding.below("curation", "word_lists")


def _removal_list(recipe: Recipe) -> Iterator[Finding]:
    """A file of a removal list that is not there, or that holds something else."""
    try:
        recipe.removal_entries()
    except RemovalListError as error:
        yield Finding(("removed",), str(error))


def _conversations(recipe: Recipe, inputs: Inputs) -> dict[str, list[Conversation]]:
    """The first conversations of each source that holds some; those that methods of synthesis write
    are like these."""
    return {name: list(each.CONVERSATIONS) for name, each in recipe.conversing.items()} | {
        name: [
            restored(document.text, document.metadata[LAYOUT])
            for document in inputs.sources[name].rows.documents[:CONVERSATIONS]
        ]
        for name, source in recipe.sources.items()
        if source.has_conversations and inputs.sources[name].rows.documents
    }


def _checkpoints(recipe: Recipe, inputs: Inputs) -> tuple[TokenizerInput, Chain]:
    """The tokenizer, and what is known of every checkpoint."""
    base, config, findings = _base(recipe)
    inputs.findings += findings
    if recipe.tokenizer.path == "base":
        tokenizer = TokenizerInput()
        if base is not None:
            model = recipe.base.config_at_hand(base)
            tokenizer = tokenizer_input(recipe.tokenizer, str(base), model)
    else:
        path = recipe.tokenizer.path or ""
        tokenizer = tokenizer_input(
            recipe.tokenizer,
            recipe.folder_or_hub(path),
            recipe.base.config_at_hand(base or config),
        )
    inputs.findings += tokenizer.findings
    chain = chain_of(
        recipe.runs(),
        Given(
            vocabulary=tokenizer.vocabulary,
            tokenizer=tokenizer.folder,
            model=recipe.base.model,
            base=base,
            config=config,
            ingredients={name: list(recipe.ingredients(name)) for name in recipe.soups},
        ),
    )
    inputs.findings += chain.findings
    return tokenizer, chain


def _base(recipe: Recipe) -> tuple[Path | None, Path | None, list[Finding]]:
    """The folder of a given base; else that of its config alone, as the hub has it."""
    named, place = recipe.base.checkpoint, ("base", "checkpoint")
    if named is None:
        return None, None, []
    try:
        folder = checkpoint_at_hand(recipe.path(named), named)
        config = hub_config(named) if folder is None else None
    except BaseCheckpointError as error:
        return None, None, [Finding(place, str(error))]
    if folder is not None:
        return folder, None, []
    seen = "only its config is looked at before" if config else "the hub does not answer now"
    return None, config, [doubt(place, f"{named} is fetched from the hub by the run; {seen}")]


def _measures(recipe: Recipe, supplies: dict[str, Supply], chain: Chain) -> Iterator[Finding]:
    for finding in measure_problems(
        recipe.measures,
        held_out(recipe, supplies),
        positions=chain.positions,
        learned_positions=chain.learned_positions,
        longest_document=recipe.collection.max_document_bytes,
        said=recipe.evaluation.model_fields_set,
    ):
        # A rehearsal on shorter windows reads at the length of the whole run all the same, and a
        # length that nobody asked for stops no run.
        asked = recipe.scale == Scale() and recipe.evaluation.length is not None
        yield finding if asked else finding._replace(stops=False)


def _long_contexts(recipe: Recipe, tokenizer: TokenizerInput, chain: Chain) -> Iterator[Finding]:
    """Lengths beyond all positions or too short for a task, and stages that no needle judges."""
    settings, windows = recipe.contexts, {}
    if settings is not None:
        yield from long_context.position_findings(
            settings, chain.positions, learned_positions=chain.learned_positions
        )
        if tokenizer.folder is not None:
            yield from long_context_findings(settings, tokenizer.folder, None)
    for name, stage in recipe.stages.items():
        before = recipe.stages.get(stage.start)
        known = before.sequence_length if before else chain.positions.get(stage.start)
        if known is not None:
            windows[name] = known, stage.sequence_length
    yield from long_context.ungated(windows, recipe.gates)


def _answers(
    recipe: Recipe, items: dict[str, pl.DataFrame], tokenizer: TokenizerInput
) -> Iterator[Finding]:
    """Items whose answers are longer than the window in which checkpoints are compared."""
    window = min(run.stage.sequence_length for run in recipe.runs())
    for name, table in items.items():
        rate = bytes_a_token(
            table["question"], tokenizer=tokenizer.file, vocabulary=tokenizer.vocabulary
        )
        yield from answer_problems(
            name,
            recipe.benchmarks[name],
            table,
            folder=recipe.folder,
            window=window,
            bytes_a_token=rate,
        )


def _machine(recipe: Recipe) -> Iterator[Finding]:
    """What stages ask of this machine, where they are trained on it."""
    submitted = recipe.cluster is not None and RAY_ADDRESS not in os.environ
    if submitted or os.environ.get(RAY_ADDRESS, "local") != "local":
        return
    runs, gpus = recipe.runs(), 0
    if any(run.stage.accelerator == "gpu" for run in runs):
        import torch

        gpus = torch.cuda.device_count()
    yield from machine_problems(runs, cpus=usable_cores(), gpus=gpus)
