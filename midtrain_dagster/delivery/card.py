"""The model card: what a checkpoint is and was made from, told from its lineage alone.

What the lineage does not know (who may use the sources, what the model is good for) the card names
as not known, for a person to fill in: a card that guesses is worse than one with gaps.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.decontamination.report_section import shares_found
from midtrain_dagster.display import numbers
from midtrain_dagster.display.templates import templates
from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation.headline import Measurements
from midtrain_dagster.evaluation.items_asked import prompt_notes
from midtrain_dagster.evaluation.report_section import items_notes
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens.report_section import tokens_by_domain
from midtrain_dagster.training.artifact import Checkpoint
from midtrain_dagster.training.transition.given import is_hub_id


@dataclass(frozen=True)
class Trained:
    """A stage on the way to the checkpoint, as the card tells it."""

    name: str
    tokens: str
    window: str
    rate: str
    mixture: str
    fingerprint: str


def model_card(
    recipe: Recipe,
    name: str,
    made: Mapping[str, Checkpoint],
    measured: Measurements | None,
    shards: Artifact,
    found: pl.DataFrame | None = None,
) -> str:
    """The card of the checkpoint ``name``, as Markdown with the hub's front matter.

    ``made`` are the checkpoints on the way to it (:func:`way_to`); ``measured`` is what the report
    shows, or none where nothing was measured yet; ``found`` is what of the benchmarks was found in
    the corpus (``report_section.FOUND``).
    """
    names, rows, notes = [], [], []
    if measured is not None:
        known = measured.checkpoints
        chosen = dict.fromkeys((known[0], f"{name}/control", name))
        names = [each for each in chosen if each in known]
        rows = [[row.label, row.note, *map(row.written, names)] for row in measured.rows]
        notes = [*prompt_notes(measured.asked), *items_notes(measured.rows)]
    template = templates("midtrain_dagster.delivery").get_template("model_card.md.jinja")
    return template.render(
        recipe=recipe,
        name=name,
        spoken=spoken,
        base=_base(recipe),
        hub_id=recipe.base.checkpoint if _from_hub(recipe) else None,
        stages=[_trained(each, made[each]) for each in made if made[each].is_trained],
        ingredients=recipe.ingredients(name) if name in recipe.soups else {},
        names=names,
        rows=rows,
        notes=notes,
        data=[
            (domain, numbers.count(documents), numbers.count(tokens))
            for domain, documents, tokens in tokens_by_domain(shards)
            .select("domain", "documents", "tokens")
            .iter_rows()
        ],
        fingerprint=made[name].fingerprint,
        benchmarks=", ".join(recipe.benchmarks),
        shares=[] if found is None else shares_found(found),
    )


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


def _trained(name: str, checkpoint: Checkpoint) -> Trained:
    log, mixture = checkpoint.log, checkpoint.mixture
    fed = mixture.filter(pl.col("delivered") > 0).sort("delivered", descending=True)
    return Trained(
        name=spoken(name),
        tokens=numbers.count(int(log["tokens"].max())),  # type: ignore[arg-type]
        window=numbers.count(checkpoint.record.sequence_length),
        rate=f"{numbers.rate(log['learning_rate'].max())} to "  # type: ignore[arg-type]
        f"{numbers.rate(log['learning_rate'][-1])}",
        mixture=", ".join(
            f"{domain} {numbers.share(share)}"
            for domain, share in fed.select("domain", "delivered").iter_rows()
        ),
        fingerprint=checkpoint.fingerprint,
    )
