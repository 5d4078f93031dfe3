"""Annealed against control over several seeds: the table in ``docs/seeds.md``.

    python -m benchmarks.seeds recipes/demo.yaml 1 2 3

Each seed orders the data of the annealing and of its control anew, from one and the same base.
The rest of the graph is the recipe's own, found in the store; stages after the annealing and the
benchmarks' evaluations are left out.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import yaml

from resources.artifacts import ArtifactStoreResource, load_materialized

STAGE, CONTROL = "annealed", "annealed/control"
TABLE = Path(__file__).parents[1] / "docs" / "seeds.md"


def variant(recipe: Path, seed: int, folder: Path) -> Path:
    """The recipe up to its annealing, with that stage's seed; paths made absolute."""
    text = recipe.read_text(encoding="utf-8").replace("../data", str(recipe.parents[1] / "data"))
    fields = yaml.safe_load(text)
    stages = fields["stages"]
    inherit = stages[STAGE].get("inherit", {}) | {"rng": {"reset": "one seed of several"}}
    varied = stages[STAGE] | {"seed": seed, "inherit": inherit}
    fields["stages"] = {"base": stages["base"], STAGE: varied}
    for benchmark in fields["benchmarks"].values():
        benchmark.pop("evaluate", None)
    path = folder / recipe.name
    path.write_text(yaml.safe_dump(fields, sort_keys=False), encoding="utf-8")
    return path


def losses(recipe: Path, seed: int) -> pl.DataFrame:
    """Held-out losses of one seed: seed, checkpoint, domain, loss."""
    with TemporaryDirectory() as folder:
        path = variant(recipe.resolve(), seed, Path(folder))
        subprocess.run([sys.executable, "-m", "midtrain", "run", str(path)], check=True)
    store = ArtifactStoreResource().store()
    measured = load_materialized(store, [recipe.stem, "held_out_losses"]).read("losses")
    return measured.select(pl.lit(seed).alias("seed"), "checkpoint", "domain", "loss")


def table(measured: pl.DataFrame) -> str:
    """Mean and standard deviation over seeds, by domain, as Markdown."""
    wide = measured.pivot(on="checkpoint", index=["seed", "domain"], values="loss").with_columns(
        difference=pl.col(STAGE) - pl.col(CONTROL)
    )
    columns = ["base", STAGE, CONTROL, "difference"]
    lines = [f"| domain | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for key, rows in wide.sort("domain").group_by("domain", maintain_order=True):
        known = {name: rows[name].to_numpy() for name in columns}
        spread = {name: each.std(ddof=1) if len(each) > 1 else 0 for name, each in known.items()}
        cells = [f"{known[name].mean():.3f} ± {spread[name]:.3f}" for name in columns]
        lines.append(f"| {key[0]!s} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run every seed and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("seeds", type=int, nargs="+")
    options = parser.parse_args()
    measured = pl.concat([losses(options.recipe, seed) for seed in options.seeds])
    seeds = " ".join(map(str, options.seeds))
    TABLE.write_text(
        "# Annealed against its control, over seeds\n\n"
        f"Made by `python -m benchmarks.seeds {options.recipe} {seeds}`. Held-out loss in nats\n"
        "per token: mean ± standard deviation over the seeds, which order the data of the\n"
        "annealing and of its control anew; the base is one. `difference` is annealed minus\n"
        "control.\n\n"
        f"{table(measured)}\n",
        encoding="utf-8",
    )
    print(TABLE)


if __name__ == "__main__":
    main()
