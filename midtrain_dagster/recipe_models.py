"""The page of the models' recipes, ``docs/recipes.md``, with a picture of each: from the recipes.

``python -m midtrain_dagster.recipe_models`` writes it. A test keeps it equal to the recipes.
"""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from midtrain_dagster.display import numbers
from midtrain_dagster.display.style import AZURE, BROWN, PALETTE
from midtrain_dagster.display.words import spoken
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.training.overview import Leg, beside, legs, main_way
from midtrain_dagster.training.overview_plot import length_in_words, overview_plot

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "recipes" / "models"
PAGE = ROOT / "docs" / "recipes.md"
PICTURES = ROOT / "docs" / "images" / "recipes"

BEGINNING = """\
# One recipe a model

The models whose mid-training the survey compares (*A Survey on LLM Mid-Training*, arXiv 2510.23081,
Tables 3 to 5), and some that came after it, each as a recipe in `recipes/models`: schedule, batch,
lengths, what is done to the positions, and a mixture that has the model's objectives. Each says
only what is that model's; the documents are in `recipes/parts/corpus.yaml`. This page is written
from the recipes by `python -m midtrain_dagster.recipe_models`.

**Whose the numbers are.** Rates, tokens, lengths, bases and long shares are the survey's, or the
source's that the file names; tests hold them against the tables. What neither says is marked `ours`
in the file, next to the field. Batches, warm-ups and sizes that a file gives to a model's own
paper, beyond the survey's tables, were written down from knowledge of the paper and not looked up
again: check one before you lean on it. Mixtures' shares are almost all ours: papers name objectives
and few shares.

**What these recipes cannot say**

- *Architecture.* A base that is trained here is a dense Llama. Mixtures of experts, multi-head
  latent attention, lightning attention, NoPE layers, sliding windows and heads wider than the
  stream are not built; the recipe has the model's width, layers and heads, and the feed-forward
  width that is active. From a `base: {checkpoint: ...}` of such a family the same stages train it
  ([models.md](models.md)).
- *Rates by width.* AFM's and MiniCPM's 1e-2 belong to parametrisations that scale rates by width
  (µP), which is not done here: at their full sizes those two may diverge.
- *Optimizers.* AdamW, and Muon in Kimi K2 and GLM-4.5: without MuonClip's clipping of queries
  and keys. AFM's was RMSProp.
- *Data.* About a hundred megabytes of real text stand for trillions of tokens, by objective: the
  web pages and Wikipedia articles of the default data, a book-length FAQ; docstrings of SymPy and
  mpmath and the manuals of GAP and Maxima (mathematics); Metamath proofs (reasoning); the Python
  installation (code, questions, instructions); tool calls that were executed (agent); Debian's
  translated manual pages and handbook (multilingual). None is from a benchmark, and no recipe here
  synthesises.
- *Long documents.* Partial attention (Kimi K1.5) and dual chunk attention (Qwen3, at inference) are
  not there.
- *Batches in windows.* "A quarter of the batch at 128K" (DeepSeek-V3, Pangu Ultra) counts windows;
  their tokens stay, and a recipe counts tokens.

**To run one**, give it a size that this machine and this corpus have:

```yaml
# recipes/models/mine.yaml
extends: [deepseek_v3.yaml, ../parts/rehearsal.yaml]
```

`midtrain check recipes/models/mine.yaml` prints the plan below in the terminal, every proportion
that the scale distorts, what would be made and what is found, and how long each asset will take. At
its full size a recipe is refused there, for its corpus is not here. Debian's packages come by
`python -m benchmarks.corpus`. The slow tests train every stage of every recipe, on a tiny model and
few documents.

In the pictures stages are drawn equally wide, rates by their cube root, batches and lengths by
their logarithm.
"""

HEAD = "| | tokens | rate | batch | length | positions | from |\n|---|--:|---|--:|--:|---|---|"


def page() -> str:
    """The page, in Markdown."""
    recipes = _recipes()
    lines = [
        BEGINNING,
        "| model | stages | tokens | highest rate | lengths |",
        "|---|--:|--:|--:|---|",
    ]
    lines += [_summary(recipe) for recipe in recipes]
    for recipe in recipes:
        lines += ["", *_section(recipe)]
    return "\n".join(lines) + "\n"


def pictures() -> dict[str, str]:
    """A picture for each model, by the name of its file."""
    recipes = _recipes()
    names = dict.fromkeys(source.domain for each in recipes for source in each.sources.values())
    colours = dict(zip(names, cycle((*PALETTE, BROWN, AZURE)), strict=False))
    return {
        f"{recipe.name}.svg": overview_plot(main_way(_legs(recipe)), colours) for recipe in recipes
    }


def _recipes() -> list[Recipe]:
    return [load_recipe(path) for path in sorted(MODELS.glob("*.yaml"))]


def _legs(recipe: Recipe) -> list[Leg]:
    return legs(recipe.runs(), recipe.stages, recipe.soups)


def _summary(recipe: Recipe) -> str:
    way = main_way(_legs(recipe))
    rates = [each.end for leg in way for each in leg.segments or ()]
    lengths = dict.fromkeys(leg.stage.sequence_length for leg in way)
    cells = (
        f"[{recipe.name}](#{recipe.name})",
        str(len(way)),
        numbers.count(sum(leg.stage.tokens for leg in way)),
        numbers.rate(max(rates)),
        " → ".join(map(length_in_words, lengths)),
    )
    return f"| {' | '.join(cells)} |"


def _section(recipe: Recipe) -> Iterator[str]:
    every = _legs(recipe)
    yield f"## {recipe.name}\n"
    yield f"{recipe.description}. [`{recipe.name}.yaml`](../recipes/models/{recipe.name}.yaml)\n"
    yield f"![{recipe.name}: rate, batch, length and shares](images/recipes/{recipe.name}.svg)\n"
    yield HEAD
    for leg in every:
        yield _row(leg)
    branches = [spoken(leg.name) for leg in beside(every)]
    if branches:
        yield f"\nNot in the picture, for they branch off: {', '.join(branches)}."
    for name in recipe.soups:
        shares = recipe.ingredients(name)
        averaged = ", ".join(f"{spoken(each)} {share:.3g}" for each, share in shares.items())
        yield f"\nAveraged as `{name}`: {averaged}."


def _row(leg: Leg) -> str:
    stage = leg.stage
    cells = (
        spoken(leg.name),
        numbers.count(stage.tokens),
        leg.rates,
        leg.batches,
        length_in_words(stage.sequence_length),
        leg.positions,
        spoken(stage.start),
    )
    return f"| {' | '.join(cells)} |"


def write() -> None:
    """Write the page and the pictures; a picture of no recipe goes."""
    made = pictures()
    PICTURES.mkdir(parents=True, exist_ok=True)
    for path in PICTURES.glob("*.svg"):
        if path.name not in made:
            path.unlink()
    for name, picture in made.items():
        (PICTURES / name).write_text(picture, "utf-8")
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    write()
