"""The model card: what a checkpoint is and was made from, told from its lineage alone.

What the lineage does not know (who may use the weights, what the model is good for, what making it
cost) the card names as not known, for a person to fill in: a card that guesses is worse than one
with gaps.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl
import yaml

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.delivery.data_used import by_language, by_source
from midtrain_dagster.delivery.known_sets import benchmark_sets, benchmark_titles, source_sets
from midtrain_dagster.delivery.metadata import front_matter
from midtrain_dagster.display import numbers
from midtrain_dagster.display.templates import templates
from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation.headline import Measurements
from midtrain_dagster.evaluation.items_asked import prompt_notes
from midtrain_dagster.evaluation.report_comparison import comparison_rows
from midtrain_dagster.evaluation.report_section import items_notes
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens.report_section import tokens_by_domain
from midtrain_dagster.training.artifact import CONFIG, Checkpoint
from midtrain_dagster.training.optimizers.optimizer import USUAL
from midtrain_dagster.training.transition.given import is_hub_id

SAID = (
    *("start", "tokens", "batch_tokens", "sequence_length", "packing", "schedule", "optimizer"),
    *("precision", "loss_on", "z_loss", "rope", "inherit", "fill_in_the_middle"),
)
"""What a card says of a stage, as it was trained."""

SHAPE = {
    "model_type": "architecture",
    "num_hidden_layers": "layers",
    "hidden_size": "hidden size",
    "intermediate_size": "size of the feed-forward part",
    "num_attention_heads": "attention heads",
    "num_key_value_heads": "key and value heads",
    "vocab_size": "vocabulary",
    "max_position_embeddings": "positions that it can read, in tokens",
}
"""Keys of a model's config, in words."""


@dataclass(frozen=True)
class Lineage:
    """What a run has made, as far as a card tells of it; what is not there was not made yet."""

    made: Mapping[str, Checkpoint]
    """The checkpoints on the way to the card's (:func:`way_to`), itself last."""
    shards: Artifact
    documents: Sequence[Artifact]
    """All that were collected, and that each method of synthesis wrote."""
    languages: Sequence[Artifact] = ()
    """What says the language of each of them."""
    measured: Measurements | None = None
    """What the report shows."""
    found: pl.DataFrame | None = None
    """What of the benchmarks was found in the corpus (``report_section.FOUND``)."""
    compared: pl.DataFrame | None = None
    """Checkpoints held against each other (``comparison.COMPARISONS``)."""


@dataclass(frozen=True)
class Trained:
    """A stage on the way to the checkpoint, as the card tells it."""

    name: str
    tokens: str
    window: str
    rate: str
    mixture: str
    fingerprint: str
    said: str = field(repr=False, default="")
    """How it was trained, as YAML."""


def model_card(recipe: Recipe, name: str, lineage: Lineage) -> str:
    """The card of the checkpoint ``name``, as Markdown with the hub's front matter."""
    return _Card(recipe, name, lineage).rendered()


@dataclass(frozen=True)
class _Card:
    recipe: Recipe
    name: str
    lineage: Lineage

    def rendered(self) -> str:
        recipe, name, lineage = self.recipe, self.name, self.lineage
        made, measured = lineage.made, lineage.measured
        ingredients = recipe.ingredients(name) if name in recipe.soups else {}
        names: list[str] = []
        if measured is not None:
            known = measured.checkpoints
            chosen = dict.fromkeys((known[0], f"{name}/control", *ingredients, name))
            names = [each for each in chosen if each in known]
        rows = [] if measured is None else measured.rows
        template = templates("midtrain_dagster.delivery").get_template("model_card.md.jinja")
        return template.render(
            front=self._front(),
            recipe=recipe,
            name=name,
            spoken=spoken,
            base=_base(recipe),
            shape=_shape(made[name]),
            stages=[_trained(each, made[each]) for each in made if made[each].is_trained],
            ingredients=ingredients,
            names=names,
            rows=[[row.label, row.note, *map(row.written, names)] for row in rows],
            compared=self._compared(),
            notes=[*prompt_notes(measured.asked), *items_notes(rows)] if measured else [],
            data=[
                (domain, numbers.count(documents), numbers.count(tokens))
                for domain, documents, tokens in tokens_by_domain(lineage.shards)
                .select("domain", "documents", "tokens")
                .iter_rows()
            ],
            sources=self._sources(),
            languages=_languages(self.languages),
            writers=_writers(recipe),
            fingerprint=made[name].fingerprint,
            benchmarks=", ".join(recipe.benchmarks),
            decontamination=_flow(_said(recipe.decontamination.model_dump(mode="json"))),
            found=_found(lineage.found),
            unlicensed=[each for each, source in recipe.sources.items() if not source.licence],
        )

    @cached_property
    def languages(self) -> pl.DataFrame | None:
        """The pool's prose by language; none where nobody looked."""
        lineage = self.lineage
        if not lineage.languages:
            return None
        return by_language(lineage.shards, lineage.documents, lineage.languages)

    def _front(self) -> str:
        recipe, measured = self.recipe, self.lineage.measured
        scores = None if measured is None else measured.scores.filter(checkpoint=self.name)
        return front_matter(
            f"{recipe.name}: {spoken(self.name)}",
            base=recipe.base.checkpoint if _from_hub(recipe) else None,
            datasets=list(source_sets(recipe.text).values()),
            languages=self.languages,
            scores=scores,
            titles=benchmark_titles(recipe.text),
            sets=benchmark_sets(recipe.text),
        )

    def _sources(self) -> list[tuple[str, ...]]:
        """Each source and method of synthesis: what the pool has of it, and whose it is."""
        sets, said = source_sets(self.recipe.text), self.recipe.sources
        pool = by_source(self.lineage.shards, self.lineage.documents)
        told = [
            (
                source or "not known",
                domain,
                numbers.count(documents),
                numbers.count(tokens),
                numbers.share(share),
                _cell(said[source].licence) if source in said else "written by a model",
                sets.get(source, numbers.MISSING),
            )
            for source, domain, documents, tokens, share in pool.iter_rows()
        ]
        absent = [name for name in said if name not in set(pool["source"])]
        return [
            *told,
            *(
                (
                    each,
                    said[each].domain,
                    "0",
                    "0",
                    "0%",
                    _cell(said[each].licence),
                    numbers.MISSING,
                )
                for each in absent
            ),
        ]

    def _compared(self) -> list[tuple[str, ...]]:
        compared = self.lineage.compared
        return [] if compared is None else comparison_rows(compared.filter(checkpoint=self.name))


def _cell(licence: str | None) -> str:
    """A licence as a cell of a table: on one line, and without ending the cell."""
    return " ".join((licence or "not known").split()).replace("|", "\\|")


def way_to(recipe: Recipe, name: str) -> list[str]:
    """The checkpoints that one was made from, the base first, itself last."""
    starts = {run.name: [run.start] for run in recipe.runs()}
    starts |= {soup: list(recipe.ingredients(soup)) for soup in recipe.soups}
    wanted, waiting = {name}, [name]
    while waiting:
        for start in starts.get(waiting.pop(), []):
            if start not in wanted:
                wanted.add(start)
                waiting.append(start)
    return [each for each in recipe.checkpoints() if each in wanted]


def _from_hub(recipe: Recipe) -> bool:
    named = recipe.base.checkpoint
    return named is not None and is_hub_id(named) and recipe.folder_or_hub(named) == named


def _base(recipe: Recipe) -> str:
    if recipe.base.checkpoint is None:
        return "random weights, trained by the recipe's first stage"
    return f"`{recipe.base.checkpoint}`, as the recipe names it"


def _shape(checkpoint: Checkpoint) -> list[tuple[str, str]]:
    config = json.loads(checkpoint.artifact.content(CONFIG))
    return [
        (words, f"{value:,}" if isinstance(value, int) else str(value))
        for key, words in SHAPE.items()
        if (value := config.get(key)) is not None
    ]


def _trained(name: str, checkpoint: Checkpoint) -> Trained:
    log, mixture, record = checkpoint.log, checkpoint.mixture, checkpoint.record
    fed = mixture.filter(pl.col("delivered") > 0).sort("delivered", descending=True)
    stage = {key: record.stage[key] for key in SAID if record.stage.get(key) is not None}
    # The usual optimizer is no cause, so a record does not name it.
    stage["optimizer"] = {"method": USUAL.method, **stage["optimizer"]}
    return Trained(
        name=spoken(name),
        tokens=numbers.count(int(log["tokens"].max())),  # type: ignore[arg-type]
        window=numbers.count(record.sequence_length),
        rate=f"{numbers.rate(log['learning_rate'].max())} to "  # type: ignore[arg-type]
        f"{numbers.rate(log['learning_rate'][-1])}",
        mixture=", ".join(
            f"{domain} {numbers.share(share)}"
            for domain, share in fed.select("domain", "delivered").iter_rows()
        ),
        fingerprint=checkpoint.fingerprint,
        said="\n".join(
            f"{key}: {_flow(value)}" for key, value in {"seed": record.seed, **stage}.items()
        ),
    )


def _said(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields without those that say nothing."""
    return {name: value for name, value in fields.items() if value not in (None, {}, [])}


def _flow(value: Any) -> str:
    """A value as one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _languages(found: pl.DataFrame | None) -> str:
    """The languages of the prose in words; empty where nobody looked."""
    if found is None or found.is_empty():
        return ""
    told = [
        f"{language or 'not looked at'} {numbers.share(share)}"
        for language, share in found.select("language", "share").head(8).iter_rows()
    ]
    more = f", and {found.height - 8} more" if found.height > 8 else ""
    return ", ".join(told) + more


def _writers(recipe: Recipe) -> list[str]:
    """Each method of synthesis, where its documents go and who writes them."""
    told = []
    for name, method in recipe.synthesis.items():
        generator = getattr(method, "generator", None)
        named = getattr(generator, "model", None)
        by = f"written by `{named}`" if named else "put together by a program"
        told.append(f"{name} ({method.method}, domain {method.domain}), {by}")
    return told


def _found(found: pl.DataFrame | None) -> list[tuple[str, ...]]:
    """Of each benchmark what stood in the corpus, as cells."""
    if found is None:
        return []
    counts = ("items", "untestable", "found", "documents", "hits", "planted", "caught")
    return [
        (
            row["benchmark"],
            *(numbers.count(row[column]) for column in counts[:3]),
            numbers.share(row["found"] / row["items"]),
            *(numbers.count(row[column]) for column in counts[3:]),
        )
        for row in found.iter_rows(named=True)
    ]
