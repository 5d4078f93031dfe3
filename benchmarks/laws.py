"""Laws against measured tables: ``python -m benchmarks.laws --mixtures FOLDER --curves FOLDER``.

``--mixtures`` is a folder with tables as RegMix publishes them (sail-sg/regmix, MIT): mixtures of
proxies beside their losses, ``train_mixture_SIZE.csv`` with ``train_*loss*_SIZE.csv``, and likewise
``test_...`` of a larger model. Every law is fitted to a part of the train table, drawn by a seed,
and predicts the rest and the test tables; nothing that is predicted is ever seen, also not to stop
on. ``--curves`` is a folder of loss curves (``benchmarks.laws_decay``). What it prints is Markdown,
as docs/mixture-laws.md and docs/decay-laws.md have it.
"""

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from midtrain_dagster.laws.mixing.held_out import errors
from midtrain_dagster.laws.mixing.method import Array, Law
from midtrain_dagster.laws.mixing.methods import bimix, log_linear, mixing_law, regmix

PART = 0.75
FEWER = (64, 128, 256)
"""Proxies that laws are also fitted to, so that one sees how many each needs."""
SEED = 0
LAWS: Mapping[str, Law] = {
    "regmix": regmix.Config(law="regmix"),
    "log_linear": log_linear.Config(law="log_linear"),
    "mixing_law": mixing_law.Config(law="mixing_law"),
    "bimix": bimix.Config(law="bimix"),
}
PUBLISHED = {("pile_cc", "60m"): 0.985}
"""Spearman's correlations of RegMix's paper (arXiv 2407.01492, table 2), by target and size; its
early stopping saw the rows that it then predicted."""


@dataclass(frozen=True)
class Swarm:
    """A table of mixtures and their losses."""

    size: str
    domains: tuple[str, ...]
    targets: tuple[str, ...]
    mixtures: Array
    losses: Array


def swarms(folder: Path, part: str) -> Iterator[Swarm]:
    """The pairs of tables of a part (``train``, ``test``) that lie in a folder, by size.

    Raises FileNotFoundError where a table of mixtures has no losses, or there is none.
    """
    files = sorted(folder.glob(f"{part}_mixture_*.csv"))
    if not files:
        raise FileNotFoundError(f"{folder}: no {part}_mixture_SIZE.csv")
    for file in files:
        size = file.stem.rpartition("_")[2]
        measured = sorted(folder.glob(f"{part}_*loss*_{size}.csv"))
        if not measured:
            raise FileNotFoundError(f"{folder}: no {part}_..._loss_{size}.csv beside {file.name}")
        both = pl.read_csv(file).join(pl.read_csv(measured[0]), on="index", validate="1:1")
        domains = [each for each in pl.read_csv(file, n_rows=0).columns if each != "index"]
        targets = [each for each in both.columns if each not in (*domains, "index")]
        shares = both.select(domains).to_numpy().astype(np.float64)
        yield Swarm(
            size,
            tuple(map(_bare, domains)),
            tuple(map(_bare, targets)),
            shares / shares.sum(axis=1, keepdims=True),
            both.select(targets).to_numpy(),
        )


def _bare(column: str) -> str:
    """A domain's name: ``train_the_pile_arxiv`` and ``metric/the_pile_arxiv_val_loss`` are one."""
    return re.sub(r"^(train_|metric/)?(the_pile_)?|(_val)?_loss$", "", column)


@dataclass(frozen=True)
class Result:
    """What a law says of mixtures that it has not seen: a row a target."""

    heads: tuple[str, ...]
    table: Array
    """(targets, heads)"""
    not_converged: int
    fits: int


def mixtures(folder: Path) -> str:
    """Every law and target: fitted to a part of each train table, and what it says of the rest."""
    pieces = []
    tests = list(swarms(folder, "test"))
    for swarm in swarms(folder, "train"):
        order = np.random.default_rng(SEED).permutation(len(swarm.mixtures))
        seen, rest = np.split(order, [round(PART * len(order))])
        pieces.append(
            f"Fitted to {len(seen)} of {len(order)} mixtures of {swarm.size} models, drawn by seed "
            f"{SEED}; the mean over {len(swarm.targets)} targets:\n"
        )
        results = {name: judged(law, swarm, seen, rest, tests) for name, law in LAWS.items()}
        heads = ("law", *next(iter(results.values())).heads)
        means = [(name, *_cells(each.table.mean(axis=0))) for name, each in results.items()]
        pieces.append(_markdown(heads, means))
        pieces.append(_by_number(swarm, seen, rest))
        pieces += [_by_target(name, each, swarm, tests) for name, each in results.items()]
    return "\n".join(pieces)


def _by_number(swarm: Swarm, seen: np.ndarray, rest: np.ndarray) -> str:
    """Each law fitted to the first of those that are seen: mean error and Spearman's correlation,
    in the mean over targets."""
    numbers = [each for each in FEWER if each < len(seen)]
    rows = []
    for name, law in LAWS.items():
        cells = []
        for number in numbers:
            few = seen[:number]
            found = [_few(law, swarm, target, few, rest) for target in range(len(swarm.targets))]
            error, rank = np.array(found, np.float64).mean(axis=0)
            cells.append(f"{error:.4f} ({rank:.4f})")
        rows.append((name, *cells))
    return _markdown(("fitted to", *map(str, numbers)), rows) if numbers else ""


def _few(
    law: Law, swarm: Swarm, target: int, few: np.ndarray, rest: np.ndarray
) -> tuple[float, float | None]:
    name = swarm.targets[target]
    own = swarm.domains.index(name) if name in swarm.domains else None
    losses = swarm.losses[:, target]
    fitted = law.fit(swarm.mixtures[few], losses[few], own=own)
    found = errors(losses[rest], fitted.predict(swarm.mixtures[rest]))
    return found.mean_absolute, found.spearman


def judged(
    law: Law, swarm: Swarm, seen: np.ndarray, rest: np.ndarray, tests: list[Swarm]
) -> Result:
    """A law's errors on the rest, and its rank correlations there and with the larger models."""
    heads = [f"mean error, {len(rest)} others", "worst", "of the spread", f"Spearman, {swarm.size}"]
    heads += [f"Spearman, {test.size}" for test in tests]
    heads += [f"{test.size}, all {len(swarm.mixtures)} fitted" for test in tests]
    rows, not_converged = [], 0
    for number, target in enumerate(swarm.targets):
        own = swarm.domains.index(target) if target in swarm.domains else None
        losses = swarm.losses[:, number]
        part = law.fit(swarm.mixtures[seen], losses[seen], own=own)
        every = law.fit(swarm.mixtures, losses, own=own)
        not_converged += (not part.converged) + (not every.converged)
        others = errors(losses[rest], part.predict(swarm.mixtures[rest]))
        ranks = [
            errors(_column(test, target), fitted.predict(test.mixtures)).spearman
            for fitted in (part, every)
            for test in tests
        ]
        rows.append([others.mean_absolute, others.worst, others.relative, others.spearman, *ranks])
    return Result(tuple(heads), np.array(rows, np.float64), not_converged, 2 * len(rows))


def _by_target(name: str, result: Result, swarm: Swarm, tests: list[Swarm]) -> str:
    """A row a target, with what is published beside it."""
    rows = []
    for target, values in zip(swarm.targets, result.table, strict=True):
        cells = _cells(values)
        for place, test in enumerate(reversed(tests), 1):
            if name == "regmix" and (target, test.size) in PUBLISHED:
                cells[-place] += f" (published {PUBLISHED[target, test.size]:.3f})"
        rows.append((target, *cells))
    text = _markdown((f"{name}: target", *result.heads), rows)
    if result.not_converged:
        text += f"\n{result.not_converged} of {result.fits} fits did not converge.\n"
    return text


def _cells(values: Array) -> list[str]:
    return [f"{each:.4f}" for each in values]


def _markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _column(swarm: Swarm, target: str) -> Array:
    return swarm.losses[:, swarm.targets.index(target)]


def main() -> None:
    """Print what was asked for."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--mixtures", type=Path, help="a folder with RegMix's tables")
    arguments.add_argument("--curves", type=Path, help="a folder of loss curves")
    asked = arguments.parse_args()
    if asked.mixtures is None and asked.curves is None:
        arguments.error("say --mixtures FOLDER, --curves FOLDER, or both")
    if asked.mixtures is not None:
        print(mixtures(asked.mixtures))
    if asked.curves is not None:
        from benchmarks import laws_decay

        print(laws_decay.run(asked.curves))


if __name__ == "__main__":
    main()
