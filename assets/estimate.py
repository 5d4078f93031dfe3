"""About how long making an artifact takes, and how large it gets.

The ground is what earlier runs took (``core.making``): of the same asset if it was made before, of
the same method otherwise, on this machine if there is such a record, and of the amount of work that
is nearest. Seconds and bytes grow with the amount, hence *about*. Where nothing was recorded stands
a rate that was measured elsewhere, on two cores without a GPU.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from assets.declaration import Declaration
from midtrain_dagster.core.making import Making, makings
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.experiments.proxies.settings import Proxy
from midtrain_dagster.experiments.search.cost import costs
from midtrain_dagster.experiments.search.settings import MixtureSearch
from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.small_generator import SmallGenerator


class Cost(NamedTuple):
    """Seconds and bytes; NaN where nothing is known of the size of the work."""

    seconds: float
    bytes: float
    recorded: bool
    """Whether they follow from a record in the store, and not from a rate measured elsewhere."""


class Rate(NamedTuple):
    """Seconds to begin with, seconds for each unit of work, and bytes made of each unit."""

    first: float
    each: float
    bytes: float


PER_MEGABYTE = 1e-6
"""Work is bytes of input as they lie in the store, about 0.4 of the text."""

RATES = {
    "documents": Rate(3, 0.02 * PER_MEGABYTE, 0.6),
    "benchmark_items": Rate(1, 0.05 * PER_MEGABYTE, 0.5),
    "language": Rate(1, 0.05 * PER_MEGABYTE, 0.03),
    "personal_data": Rate(5, 0.02 * PER_MEGABYTE, 0.01),
    "signals": Rate(5, 0.05 * PER_MEGABYTE, 0.2),
    "ratings": Rate(3, 0.02 * PER_MEGABYTE, 0.04),
    "rater": Rate(5, 0.05 * PER_MEGABYTE, 0.1),
    "signatures": Rate(4, 0.01 * PER_MEGABYTE, 0.1),
    "duplicate_edges": Rate(3, 0.03 * PER_MEGABYTE, 0.05),
    "contamination": Rate(5, 0.06 * PER_MEGABYTE, 0.01),
    "curated_documents": Rate(2, 0.1 * PER_MEGABYTE, 0.3),
    "held_out_leaks": Rate(5, 0.1 * PER_MEGABYTE, 0.02),
    "distributions": Rate(5, 0.1 * PER_MEGABYTE, 0.1),
    "synthetic_documents": Rate(15, 1.5, 500),
    "probe_gaps": Rate(10, 1 / 2.2e11, 0),
    "probe_changes": Rate(10, 1 / 2.2e11, 0),
    "token_shards": Rate(5, 0.6 * PER_MEGABYTE, 1.0),
    "preflight": Rate(5, 0.002 * PER_MEGABYTE, 0),
    "generator": Rate(15, 1 / 2.2e11, 0),
    "checkpoint": Rate(15, 1 / 2.2e11, 0),
    "microanneals": Rate(20, 1 / 2.2e11, 0),
    "held_out_losses": Rate(10, 1 / 2.2e11, 0),
    "evaluation": Rate(10, 1 / 2.2e11, 0),
    "long_context": Rate(10, 1 / 2.2e11, 0),
    "samples": Rate(5, 1 / 1.1e10, 0),
    "report": Rate(5, 0, 0),
    "swarm": Rate(15, 1 / 6e10, 0),
}
"""By method: ``docs/performance.md`` where it has the step, else ``recipes/demo.yaml`` on the same
machine. Training: 6,400 tokens/s of a model of 5.8 million parameters, as FLOP/s; reading at the
same, and writing a token at a time at a twentieth."""

SMALL_BYTES = 1e6
"""Of tables of losses and scores, and of a page."""

OTHERS = Rate(2, 0.05 * PER_MEGABYTE, 0.1)
"""Of what is not in the table: joins of small tables, a page."""

FP32_BYTES = 4
"""A parameter's bytes alone, as proxies keep them."""

WEIGHT_BYTES = 12
"""A parameter's bytes in a checkpoint: fp32, and two moments."""


@dataclass
class Estimates:
    """Costs by the records of one store, which are read once."""

    storage: Storage
    _records: dict[str, list[Making]] = field(default_factory=dict)

    def cost(self, declaration: Declaration, amount: float) -> Cost:
        """What making that much of an asset takes."""
        record = self._nearest(declaration, amount)
        if record is None:
            rate = RATES.get(declaration.method, OTHERS)
            made = declaration.expected_bytes
            size = amount * rate.bytes if made is None else made
            return Cost(rate.first + amount * rate.each, size, recorded=False)
        ratio = amount / record.amount if record.amount else 1.0
        return Cost(record.seconds * ratio, record.bytes * ratio, recorded=True)

    def _nearest(self, declaration: Declaration, amount: float) -> Making | None:
        method = declaration.method
        if method not in self._records:
            self._records[method] = makings(self.storage, method)

        def order(making: Making) -> tuple[bool, bool, float]:
            other = making.amount or 1.0
            apart = abs(math.log(max(amount, 1.0) / other))
            return (not making.is_of_this_machine, making.asset != declaration.name, apart)

        return min(self._records[method], key=order, default=None)


def training_amount(recipe: Recipe, run: Run) -> float:
    """The work of a training run: model FLOPs without attention, ``6 P`` a token, and ``2 P`` one
    that LongRoPE's search reads."""
    tokens = 6.0 * run.stage.batches.tokens
    rope = run.stage.rope
    if rope is not None and rope.method == "longrope" and rope.search is not None:
        read = rope.search.evaluations * rope.search.documents * run.stage.sequence_length
        tokens += 2.0 * read
    return parameters(recipe) * tokens


def search_amount(recipe: Recipe, search: MixtureSearch) -> float:
    """The work of a search: ``6 P`` FLOPs a token that its proxies are trained on, ``2 P`` one that
    is measured."""
    measured = search.targets.tokens_by_domain * len(search.domains)
    return sum(
        each.proxies
        * proxy_parameters(recipe, search.proxies[size])
        * (6 * each.tokens + 2 * measured)
        for size, each in costs(search, recipe.scale).items()
    )


def search_bytes(recipe: Recipe, search: MixtureSearch) -> float:
    """About the size of the weights that a search keeps."""
    return sum(
        search.count(size) * FP32_BYTES * proxy_parameters(recipe, proxy)
        for size, proxy in search.proxies.items()
    )


def proxy_parameters(recipe: Recipe, proxy: Proxy) -> float:
    """About how many parameters a proxy has."""
    return parameters(recipe) if proxy.new_model is None else _of_new(recipe, proxy.new_model)


def reading_amount(recipe: Recipe, tokens: float, others: int = 0) -> float:
    """The work of every checkpoint's reading as many tokens: ``2 P`` FLOPs each. As many ``others``
    of the same size read them too."""
    return 2.0 * parameters(recipe) * tokens * (len(recipe.checkpoints()) + others)


def checkpoint_bytes(recipe: Recipe) -> float:
    """About the size of one checkpoint of the recipe's model."""
    return WEIGHT_BYTES * parameters(recipe)


PAIR_TOKENS = 200
"""Of a pair that a small generator learns, about."""


def generator_bytes(recipe: Recipe, section: SmallGenerator) -> float:
    """About the size of a small generator: its weights in fp32, without moments."""
    return 4 * _parameters_at(Path(recipe.path(section.base)) / "config.json")


def generator_amount(recipe: Recipe, section: SmallGenerator) -> float:
    """The work of training a small generator, were everything accepted that its teacher asks."""
    asked = getattr(recipe.synthesis.get(section.pairs_of), "documents", 0)
    tokens = section.epochs * asked * PAIR_TOKENS
    return 6.0 * tokens * _parameters_at(Path(recipe.path(section.base)) / "config.json")


def parameters(recipe: Recipe) -> float:
    """About how many parameters the recipe's model has; NaN if its config is not at hand."""
    model = recipe.base.model
    if model is not None:
        return _of_new(recipe, model)
    return _parameters_at(Path(recipe.path(str(recipe.base.checkpoint))) / "config.json")


def _parameters_at(config: Path) -> float:
    """About how many parameters a config speaks of; NaN where it is not at hand."""
    if not config.is_file():
        return math.nan
    found = json.loads(config.read_text("utf-8"))

    def number(*names: str) -> float:
        values = (found[name] for name in names if found.get(name))
        return float(next(values, math.nan))

    hidden = number("hidden_size", "n_embd")
    heads = number("num_attention_heads", "n_head")
    return _parameters(
        hidden,
        number("num_hidden_layers", "n_layer"),
        number("intermediate_size", "n_inner") if found.get("intermediate_size") else 4 * hidden,
        number("num_key_value_heads", "num_attention_heads", "n_head") / heads,
        number("vocab_size"),
    )


def _of_new(recipe: Recipe, model: ModelConfig) -> float:
    """Of a model of random weights with the recipe's tokenizer; NaN if its size is not at hand."""
    vocabulary = recipe.tokenizer.train.vocabulary if recipe.tokenizer.train else math.nan
    groups = model.kv_heads / model.heads
    return _parameters(model.hidden_size, model.layers, model.intermediate_size, groups, vocabulary)


def _parameters(
    hidden: float, layers: float, intermediate: float, groups: float, vocabulary: float
) -> float:
    """Of a Llama: attention with ``groups`` of keys a head, a gated MLP, one embedding."""
    layer = hidden * hidden * (2 + 2 * groups) + 3 * hidden * intermediate
    return layers * layer + hidden * vocabulary
