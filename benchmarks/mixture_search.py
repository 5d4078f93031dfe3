"""Does searching a mixture help? Proposed, prior and hand-made ones: docs/mixture-pays.md.

    python -m benchmarks.mixture_search recipes/demo.yaml [--seeds 1 2 3] [--proxies 48]

One base is annealed for the same tokens on natural text alone, in six mixtures or so: as the corpus
is (the prior of the search), three that a hand would write, and the one that a law proposes, fitted
to proxies which anneal the same base for a part of those tokens. All are stages of one recipe that
extends the one that is given, so documents, shards and base are found where that has been run.

What is minimised is the mean of two losses, of the target domains and of the general ones. The best
hand-made mixture is chosen by what it turned out to be, which favours it; a difference shows
something where its interval of 95% leaves out zero. It is written down whichever way it goes.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from benchmarks.synthesis import T95, Effect, Unsuitable, annealing, effect, losses, run_names
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.making import making_of
from midtrain_dagster.mixture.proposal_tables import OBJECTIVE, verdict
from midtrain_dagster.mixture.reference import FoundMixture
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.training.artifact import Checkpoint
from resources.artifacts import ArtifactStoreResource, load_materialized

DOCS = Path(__file__).parents[1] / "docs" / "mixture-pays.md"
NAME, FILE = "mixture_pays", "mixture_pays.yaml"
PRIOR, PROPOSED = "prior", "proposed"
EVENLY, HALF, SEVENTY = "evenly", "half_targets", "seventy_general"
HAND_MADE = (EVENLY, HALF, SEVENTY)
"""All domains alike; half of all for the targets; 70% as the corpus is and 30% for the targets, as
Llama 3 mixes what is new into the default."""

MOST_EPOCHS = 4.0
"""Passes over a domain's documents that a proposal may ask for (Muennighoff et al. 2023)."""

ANY_NUMBER = 1000.0
"""Those that the other mixtures may; the table says how often they do."""

PART = 4
"""A proxy has one in so many of the tokens of the annealing."""


def domains(recipe: Recipe) -> tuple[list[str], list[str]]:
    """The target domains and the general ones that sources feed. Raises Unsuitable without both."""
    natural = recipe.view.natural
    targets = [each for each in recipe.measures.targets if each in natural]
    general = [each for each in recipe.measures.general if each in natural]
    if not targets or not general:
        raise Unsuitable(f"{recipe.file}: evaluation: name general and target domains of sources")
    if recipe.bands:
        raise Unsuitable(f"{recipe.file}: bands: mixtures of whole domains are compared here")
    return targets, general


def hand_made(prior: Mapping[str, float], targets: Sequence[str]) -> dict[str, dict[str, float]]:
    """The three mixtures that a hand would write, by name, from the shares of the corpus."""

    def raised(part: float) -> dict[str, float]:
        of_targets = sum(prior[each] for each in targets)
        return {
            name: share * (part / of_targets if name in targets else (1 - part) / (1 - of_targets))
            for name, share in prior.items()
        }

    seventy = {
        name: 0.7 * share + (0.3 / len(targets) if name in targets else 0.0)
        for name, share in prior.items()
    }
    return {
        EVENLY: dict.fromkeys(prior, 1 / len(prior)),
        HALF: raised(0.5),
        SEVENTY: seventy,
    }


def variant(
    recipe: Recipe, prior: Mapping[str, float], seeds: Sequence[int], proxies: int, law: str
) -> dict[str, Any]:
    """The document of a recipe that searches a mixture and anneals the base on each.

    The annealing is the recipe's first stage that starts from a checkpoint; ``prior`` are the
    shares of its domains by curated tokens.
    """
    targets, general = domains(recipe)
    stages: dict[str, Any] = yaml.safe_load(recipe.text)["stages"]
    name, _ = annealing(recipe)
    run = next(run for run in recipe.runs() if run.name == name)
    stage = {key: each for key, each in stages[name].items() if key not in ("control", "soups")}
    stage["inherit"] = stage.get("inherit", {}) | {"rng": {"reset": "one seed of several"}}
    stage["seeds"] = list(seeds)
    needed = {stage["start"]}
    while more := {stages[each]["start"] for each in needed & set(stages)} - needed:
        needed |= more
    gone = dict.fromkeys(each for each in stages if each not in needed)
    literal = {PRIOR: dict(prior)} | hand_made(prior, targets)
    batch = run.stage.batches.sizes[0]
    weights = {f"loss/{each}": 0.5 / len(targets) for each in targets}
    weights |= {f"loss/{each}": 0.5 / len(general) for each in general}
    return {
        "extends": [Path(recipe.file).name],
        "name": NAME,
        "description": "The same base annealed on mixtures by hand and by a search",
        "mixture_search": {
            "search": {
                "domains": list(prior),
                "rounds": [proxies],
                "proxy": {
                    "start": stage["start"],
                    "tokens": max(batch, run.stage.tokens // PART // batch * batch),
                    "batch_tokens": batch,
                    "sequence_length": run.stage.sequence_length,
                    "inherit": {"rng": {"reset": "proxies have a seed of their own"}},
                },
                "repeat": {"stage": PRIOR},
                "targets": {"losses": [*targets, *general]},
            }
        },
        "mixtures": dict.fromkeys(recipe.mixtures)
        | {
            PROPOSED: {
                "method": "proposed",
                "search": "search",
                "law": {"law": law},
                "targets": weights,
                "tokens": run.stage.tokens,
                "max_epochs": MOST_EPOCHS,
            }
        },
        "stages": gone
        | {
            each: stage | {"mixture": {"domains": shares, "max_epochs": ANY_NUMBER}}
            for each, shares in literal.items()
        }
        | {PROPOSED: stage | {"mixture": {"from": PROPOSED}}},
        "soups": dict.fromkeys(recipe.soups),
        "evaluation": {
            "general": general,
            "targets": targets,
            "length": run.stage.sequence_length,
        },
    }


def corpus(path: Path, recipe: Recipe) -> dict[str, float]:
    """Make the token shards of a recipe; returns the share of each natural domain's tokens."""
    subprocess.run(
        [sys.executable, "-m", "midtrain", "run", str(path), "--until", "token_shards"], check=True
    )
    shards = load_materialized(ArtifactStoreResource().store(), [recipe.name, "token_shards"])
    targets, general = domains(recipe)
    counted = (
        shards.scan("train_index")
        .filter(pl.col("domain").is_in([*targets, *general]))
        .group_by("domain")
        .agg(pl.col("length").cast(pl.Int64).sum())
    )
    tokens = dict(counted.sort("domain").collect().iter_rows())
    return {name: count / sum(tokens.values()) for name, count in tokens.items()}


def run(path: Path, document: Mapping[str, Any]) -> None:
    """Make everything; the recipe of the variants lies beside the one given while it is run."""
    beside = path.with_name(FILE)
    beside.write_text(yaml.safe_dump(dict(document), sort_keys=False), encoding="utf-8")
    try:
        subprocess.run([sys.executable, "-m", "midtrain", "run", str(beside)], check=True)
    finally:
        beside.unlink()


def objective(
    measured: pl.DataFrame, runs: Sequence[str], targets: Sequence[str], general: Sequence[str]
) -> np.ndarray:
    """What was to be minimised, of each run: the mean of the targets' loss and the general one."""
    return (losses(measured, runs, targets) + losses(measured, runs, general)) / 2


def artifact(name: str) -> Artifact:
    """What the recipe of the variants has made."""
    return load_materialized(ArtifactStoreResource().store(), [NAME, *name.split("/")])


def page(
    recipe: Recipe,
    command: str,
    seeds: Sequence[int],
    artifact: Callable[[str], Artifact] = artifact,
) -> str:
    """The document, of what was made, by asset."""
    targets, general = domains(recipe)
    measured = artifact("held_out_losses").read("losses")
    names = [PRIOR, *HAND_MADE, PROPOSED]
    by_name = {
        each: objective(measured, run_names(each, seeds), targets, general) for each in names
    }
    best = min(HAND_MADE, key=lambda each: float(by_name[each].mean()))
    mixture = FoundMixture(artifact(f"mixture/{PROPOSED}"))
    swarm = artifact("swarm/search")
    proxies = swarm.read("proxies")
    fed = {each: Checkpoint(artifact(f"checkpoint/{each}")) for each in names}
    (gain,) = mixture.artifact.read("gain").filter(target=OBJECTIVE).iter_rows(named=True)
    making = making_of(swarm)
    tokens = int(fed[PRIOR].log["tokens"][-1])
    return "\n".join(
        [
            "# Does searching a mixture help?",
            "",
            f"Made by `{command}`.",
            f"The base of that recipe is annealed for {tokens:,} tokens on each mixture, over",
            f"{len(seeds)} seeds, which order the data anew. Losses are held out and in nats a",
            "token: mean ± deviation; less is better. Targets are",
            f"{', '.join(targets)}, general text is {', '.join(general)}; the objective, which the",
            "search minimises, is the mean of the two.",
            "",
            *losses_table(measured, names, targets, general, seeds),
            "",
            said(by_name[PROPOSED], by_name[PRIOR], "the prior"),
            said(by_name[PROPOSED], by_name[best], f"`{best}`, the best that was made by hand"),
            "",
            f"The search trained {proxies.height:,} proxies of {int(proxies['tokens'][0]):,}",
            f"tokens ({int(proxies['failed'].is_not_null().sum())} failed), which is"
            f" {int(proxies['tokens'].sum()) / tokens:.1f} times the tokens of one annealing.",
            *([f"It took {making.seconds:,.0f} seconds here."] if making else []),
            f"Its law predicted {gain['difference']:+.4f} against the prior, between"
            f" {gain['low']:+.4f} and {gain['high']:+.4f}: {verdict(gain['better'])}.",
            "",
            *shares_table(fed),
            "",
            "How well the law predicts proxies that it has not seen:",
            "",
            *error_table(mixture.artifact.read("held_out_error")),
            "",
        ]
    )


def said(ours: np.ndarray, other: np.ndarray, what: str) -> str:
    """What the proposal does to the objective, beside another mixture."""
    found: Effect = effect(ours, other)
    words = {"nothing": "shows nothing", "better": "is better", "worse": "is worse"}[found.shows]
    return (
        f"Beside {what}, the proposal {words}: {found.mean:+.4f} ± {found.half:.4f} (95%, t = "
        f"{T95.get(2 * (len(ours) - 1), 2.2)})."
    )


def losses_table(
    measured: pl.DataFrame,
    names: Sequence[str],
    targets: Sequence[str],
    general: Sequence[str],
    seeds: Sequence[int],
) -> list[str]:
    """A line a mixture: objective, targets, general, and each domain."""
    every = [*targets, *general]
    lines = [
        f"| mixture | objective | targets | general | {' | '.join(every)} |",
        "|---|" + "---:|" * (3 + len(every)),
    ]
    for name in names:
        runs = run_names(name, seeds)
        found = [
            objective(measured, runs, targets, general),
            losses(measured, runs, targets),
            losses(measured, runs, general),
            *(losses(measured, runs, [each]) for each in every),
        ]
        cells = [f"{each.mean():.3f} ± {each.std(ddof=1):.3f}" for each in found]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return lines


def shares_table(fed: Mapping[str, Checkpoint]) -> list[str]:
    """The share of each domain in each mixture, with the times that it was read."""
    every = fed[PRIOR].mixture["domain"].to_list()
    lines = [f"| share (times read) | {' | '.join(every)} |", "|---|" + "---:|" * len(every)]
    for name, checkpoint in fed.items():
        of = {row["domain"]: row for row in checkpoint.mixture.iter_rows(named=True)}
        cells = [
            f"{of[each]['planned']:.1%} ({of[each]['epochs']:.1f})" if each in of else "0"
            for each in every
        ]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return lines


def error_table(errors: pl.DataFrame) -> list[str]:
    """The law's error by target."""
    lines = [
        "| target | mean error | worst | of the spread | Spearman | proxies |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in errors.iter_rows(named=True):
        cells = (
            f"{row['mean_absolute']:.4f}",
            f"{row['worst']:.4f}",
            f"{row['relative']:.0%}",
            f"{row['spearman']:.2f}",
            f"{row['proxies']}",
        )
        lines.append(f"| {row['target']} | {' | '.join(cells)} |")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the search and all annealings, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--proxies", type=int, default=48)
    parser.add_argument("--law", default="log_linear")
    options = parser.parse_args(arguments)
    if len(options.seeds) < 2:
        parser.error("--seeds: a spread needs two seeds or more")
    recipe = load_recipe(options.recipe)
    prior = corpus(options.recipe, recipe)
    run(options.recipe, variant(recipe, prior, options.seeds, options.proxies, options.law))
    seeds = " ".join(map(str, options.seeds))
    command = (
        f"python -m benchmarks.mixture_search {options.recipe} --seeds {seeds} "
        f"--proxies {options.proxies} --law {options.law}"
    )
    DOCS.write_text(page(recipe, command, options.seeds), encoding="utf-8")
    print(DOCS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
