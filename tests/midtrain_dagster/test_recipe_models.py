"""The recipes of models, held against the survey's tables (arXiv 2510.23081) and other sources.

What a table leaves open is ``None`` here and ours in the recipe. Only quick checks: every stage of
each is trained in ``tests/test_recipe_models.py``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from midtrain_dagster import recipe_models
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.training.runs import Run

FOLDER = Path(__file__).parents[2] / "recipes" / "models"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))

B, T = 1e9, 1e12
K = 1024

UNTOLD = {
    "ernie_4_5",
    "kimi_k1_5",
    "longcat_flash",
    "longcat_flash_thinking",
    "nemotron_4",
    "qwen3",
}
"""Models for which no source tells rates: theirs are ours."""

Phases = list[tuple[float | None, float | None]]

SCHEDULES: dict[str, tuple[float | None, Phases]] = {
    # Table 3: the highest rate, and of each phase behind the warm-up its end and its tokens.
    "dots_llm1": (3e-4, [(3e-4, 10 * T), (3e-5, T), (1e-5, 200 * B), (1e-5, 128 * B)]),
    "mimo_7b": (1.07e-4, [(1.07e-4, 10.2 * T), (3e-5, 7.5 * T), (3e-5, 5.5 * T), (1e-5, 0.5 * T)]),
    "pangu_ultra": (
        1e-4,
        [(1e-5, 7.4 * T), (1e-5, 4.6 * T), (7.5e-6, 0.8 * T), (7.5e-6, 0.4 * T)],
    ),
    "minimax_text_01": (2e-4, [(2e-4, 7.2 * T), (1.3e-4, 3.2 * T), (3e-5, T)]),
    "olmo2_32b": (6e-4, [(6e-5, 6.5 * T), (0.0, None)]),
    "deepseek_v3": (
        2.2e-4,
        [(2.2e-4, 10 * T), (2.2e-5, 4.3 * T), (2.2e-5, 333 * B), (7.3e-6, 167 * B)],
    ),
    "phi_4": (3e-4, [(None, 10 * T)]),
    "yi_lightning": (None, [(None, None), (None, None)]),
    "hunyuan_large": (None, [(None, None), (None, None)]),
    "afm": (1e-2, [(5e-5, 6.3 * T), (3e-7, T)]),
    "llama3_405b": (8e-5, [(8e-7, 15.6 * T), (None, 800 * B), (0.0, 40e6)]),
    "deepseek_v2": (2.4e-4, [(2.4e-4, 4.86 * T), (7.58e-5, 3.79 * T), (2.39e-5, 810 * B)]),
    "minicpm": (1e-2, [(1e-2, T), (None, 20 * B)]),
    # arXiv 2501.00656, 2512.13961, 2507.20534, 2508.06471, and SmolLM3's configurations.
    "olmo2_7b": (3e-4, [(6.15e-5, 3.9 * T), (0.0, 50 * B)]),
    "olmo3_7b": (3e-4, [(2.0712e-4, 5.93 * T), (0.0, 100 * B), (0.0, 50 * B)]),
    "smollm3": (
        2e-4,
        [(2e-4, 4_198_000 * 2_359_296), (0.0, 522_000 * 2_359_296), (0.0, None), (0.0, None)],
    ),
    "kimi_k2": (2e-4, [(2e-4, 10 * T), (2e-5, 5.5 * T), (None, 400 * B), (7e-6, 60 * B)]),
    "glm_4_5": (2.5e-4, [(None, 15 * T), (None, 7 * T), (None, T), (2.5e-5, 100 * B)]),
    "octothinker": (None, [(None, None), (None, 200 * B), (None, 20 * B)]),
    "continued_pretraining": (3e-4, [(3e-5, 300 * B), (3e-5, 200 * B)]),
}


def chain(recipe: Recipe) -> list[Run]:
    """The stages from the base to the last, each the start of the next; not its branches."""
    own = {run.name: run for run in recipe.runs() if run.role == "stage"}
    first = {run.start: name for name, run in reversed(own.items())}
    runs, name = [], "random"
    while name in first:
        name = first[name]
        runs.append(own[name])
    return runs


def ends(recipe: Recipe) -> Iterator[tuple[int, float, float]]:
    """Of every phase: the tokens from the beginning to its end, and its first and last rate."""
    before, found = 0, 0.0
    for run in chain(recipe):
        for segment in run.stage.schedule.segments(run.stage.tokens, found):
            yield before + segment.stop, segment.start, segment.end
            found = segment.end
        before += run.stage.tokens


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_at_every_boundary_are_those_of_the_source(name: str) -> None:
    highest, phases = SCHEDULES[name]
    found = list(ends(load_recipe(FOLDER / f"{name}.yaml")))
    if highest is not None:
        assert max(last for _, _, last in found) == highest
        assert found[0][2] == highest, "it warms up to the highest"
    assert found[0][1] == 0
    at = {tokens: rate for tokens, _, rate in found}
    tokens = 0.0
    for rate, length in phases:
        if length is None:
            return
        tokens += length
        assert round(tokens) in at, (tokens, sorted(at))
        if rate is not None:
            assert at[round(tokens)] == pytest.approx(rate, rel=1e-9, abs=0)


def test_every_model_has_its_rates_told_or_is_listed() -> None:
    assert sorted([*SCHEDULES, *UNTOLD]) == NAMES


def test_rates_that_sources_leave_to_a_ratio() -> None:
    """Yi-Lightning halves, Hunyuan-Large ends its last 5% at a tenth; AFM warms up anew."""
    yi, hunyuan, afm = (
        [(tokens, end) for tokens, _, end in ends(load_recipe(FOLDER / f"{name}.yaml"))]
        for name in ("yi_lightning", "hunyuan_large", "afm")
    )
    assert yi[1][1] == yi[0][1] / 2
    assert hunyuan[2] == (7e12, pytest.approx(hunyuan[0][1] / 10))
    assert hunyuan[1][0] == 0.95 * hunyuan[2][0]
    assert [rate for _, rate in afm[1:4]] == [5e-5, 3e-4, 3e-7]


class Extension(NamedTuple):
    """A row of Table 5."""

    lengths: tuple[int, ...]
    """The last of them, in tokens: the first is the base's, where the table has it."""
    stages: tuple[str, ...]
    tokens: float | None
    bases: tuple[float, ...]
    """The last of the bases."""
    methods: tuple[str, ...]
    """``none`` where the base of an earlier stage stays."""
    long: float | None = None


LATER = ("extended_32k", "extended_128k")
EXTENSIONS = {
    "longcat_flash": Extension(
        (8 * K, 32 * K, 128 * K), LATER, 100 * B, (1e6, 5e6, 1e7), ("abf", "abf"), 0.25
    ),
    "glm_4_5": Extension((4 * K, 32 * K, 128 * K), ("extended",), 100 * B, (1e4, 1e6), ("none",)),
    "ernie_4_5": Extension(
        (8 * K, 32 * K, 128 * K), LATER, None, (1e5, 1.6e5, 5e5), ("abf", "abf")
    ),
    "dots_llm1": Extension((8 * K, 32 * K), ("extended",), 128 * B, (), ("abf",)),
    # YaRN and DCA are for inference beyond what it was trained on.
    "qwen3": Extension((32 * K,), ("extended",), 100 * B, (1e4, 1e6), ("abf",), 0.75),
    "pangu_ultra": Extension(
        (8 * K, 32 * K, 128 * K), LATER, None, (1.6e6, 25.6e6), ("abf", "abf")
    ),
    # 2K steps, of 1,920 and 480 windows; YaRN with s = 40, alpha = 1, beta = 32.
    "deepseek_v3": Extension(
        (4 * K, 32 * K, 128 * K), LATER, 2000 * 1920 * 32 * K, (), ("yarn", "none")
    ),
    "phi_4": Extension((4 * K, 16 * K), ("extended",), 250 * B, (250e3,), ("abf",), 0.3),
    "yi_lightning": Extension(
        (64 * K,), ("extended_32k", "extended_64k"), 20 * B, (), ("abf", "abf")
    ),
    "hunyuan_large": Extension(
        (32 * K, 256 * K),
        ("extended_32k", "extended_256k"),
        20 * B,
        (1e9,),
        ("abf", "abf"),
        0.25,
    ),
    "afm": Extension((32 * K,), ("extended",), 100 * B, (500e3, 6_315_089), ("abf",)),
    # Six stages to 128K; the base is 500K from the beginning.
    "llama3_405b": Extension(
        (8 * K, 16 * K, 32 * K, 48 * K, 64 * K, 96 * K, 128 * K),
        tuple(f"extended_{length}k" for length in (16, 32, 48, 64, 96, 128)),
        800 * B,
        (500e3,),
        ("none",) * 6,
    ),
    "minicpm": Extension((4 * K, 32 * K, 128 * K), LATER, None, (), ("abf", "ntk"), 0.44),
    # Not in the table: OLMo-core's and SmolLM3's configurations.
    "olmo3_7b": Extension((8 * K, 64 * K), ("extended",), 50 * B, (500e3,), ("yarn",)),
    "smollm3": Extension(
        (4 * K, 32 * K, 64 * K),
        ("extended_32k", "extended_64k"),
        2 * 20_000 * 2_359_296,
        (5e4, 2e6, 5e6),
        ("abf", "abf"),
    ),
    "kimi_k2": Extension((4 * K, 32 * K), ("extended",), 60 * B, (), ("yarn",)),
}


def long_share(mixture: Mixture) -> float | None:
    if mixture.length_classes is not None:
        return mixture.length_classes.long_share
    return mixture.long_documents and mixture.long_documents.share


@pytest.mark.parametrize("name", EXTENSIONS)
def test_lengths_bases_methods_and_long_shares_are_those_of_the_table(name: str) -> None:
    recipe, row = load_recipe(FOLDER / f"{name}.yaml"), EXTENSIONS[name]
    runs = {run.name: run.stage for run in chain(recipe)}
    assert recipe.base.model is not None
    lengths = list(dict.fromkeys(stage.sequence_length for stage in runs.values()))
    assert tuple(lengths[-len(row.lengths) :]) == row.lengths
    bases = [recipe.base.model.rope_base]
    bases += [getattr(stage.rope, "base", bases[-1]) for stage in runs.values()]
    bases = [base for base in dict.fromkeys(bases) if base]
    assert tuple(bases[len(bases) - len(row.bases) :]) == row.bases
    stages = [runs[each] for each in row.stages]
    assert tuple(stage.rope.method for stage in stages if stage.rope) == row.methods
    if row.tokens is not None:
        assert sum(stage.tokens for stage in stages) == row.tokens
    if row.long is not None:
        assert {long_share(stage.mixture) for stage in stages} == {row.long}


def test_deepseeks_and_pangus_windows_are_a_quarter_at_four_times_the_length() -> None:
    """Table 5's batches shrink in windows: 1,920 to 480, 384 to 96. Their tokens stay."""
    for name, windows in (("deepseek_v3", [1920, 480]), ("pangu_ultra", [384, 96])):
        runs = {run.name: run.stage for run in chain(load_recipe(FOLDER / f"{name}.yaml"))}
        assert [runs[stage].windows_per_step for stage in LATER] == windows


def test_deepseeks_yarn_is_that_of_the_table() -> None:
    rope = load_recipe(FOLDER / "deepseek_v3.yaml").stages["extended_32k"].rope
    assert rope is not None
    assert rope.model_dump(exclude={"attention_factor"}) == {
        "method": "yarn",
        "factor": 40,
        "original_length": 4 * K,
        "beta_fast": 32,
        "beta_slow": 1,
    }


OBJECTIVES = {
    # Table 4, in its order: general, mathematics, reasoning, instruction, code, agent,
    # Long-context, Multilingual, each by its letter.
    "longcat_flash_thinking": "gmricaL ",
    "longcat_flash": "gm ic L ",
    "dots_llm1": "gmr c LM",
    "mimo_7b": "gmr c L ",
    "qwen3": "gmric LM",
    "pangu_ultra": "gmric LM",
    "kimi_k1_5": "gmric LM",
    "olmo2_7b": "gm ic   ",
    "olmo2_32b": "gm ic   ",
    "deepseek_v3": "gm  c LM",
    "phi_4": "gmricaLM",
    "yi_lightning": "gmric LM",
    "hunyuan_large": "gmric LM",
    "afm": "gm  c L ",
    "llama3_405b": "gm  c LM",
    "nemotron_4": "g   c  M",
    # Its long contexts stand in Table 5 alone.
    "minicpm": "gm ic L ",
}
DOMAINS = {
    "g": "web",
    "m": "mathematics",
    "r": "reasoning",
    "i": "instruction",
    "c": "code",
    "a": "agent",
    "M": "multilingual",
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_are_those_of_the_table(name: str) -> None:
    """Of mid-training: every stage behind the base."""
    _, *later = chain(load_recipe(FOLDER / f"{name}.yaml"))
    trained: set[str] = set()
    for run in later:
        assert isinstance(run.stage.mixture, Mixture)
        trained |= run.stage.mixture.trained_on
    wanted = set(OBJECTIVES[name].replace(" ", ""))
    assert {letter for letter, domain in DOMAINS.items() if domain in trained} == wanted - {"L"}
    longer = (
        later[-1].stage.sequence_length
        > load_recipe(FOLDER / f"{name}.yaml").stages["base"].sequence_length
    )
    assert longer == ("L" in wanted)


def test_every_domain_is_fed_by_sources_and_none_by_a_benchmark() -> None:
    """Loading refuses a domain that nothing feeds; no path of a source is that of a benchmark."""
    for name in NAMES:
        recipe = load_recipe(FOLDER / f"{name}.yaml")
        asked = {path for each in recipe.benchmarks.values() for path in each.paths}
        read = {path for each in recipe.sources.values() for path in getattr(each, "paths", [])}
        assert asked
        assert not asked & read
        assert not recipe.synthesis


def test_olmo2_has_its_three_seeds_and_soups() -> None:
    small, large = (load_recipe(FOLDER / f"olmo2_{size}.yaml") for size in ("7b", "32b"))
    assert [run.seed for run in small.runs() if run.stage_name == "annealed"] == [42, 42069, 666]
    assert list(small.ingredients("soup").values()) == [1 / 3] * 3
    tokens = {run.name: run.stage.tokens for run in large.runs()}
    assert [tokens[name] for name in large.ingredients("soup")] == [100 * B, 100 * B, 300 * B]


def test_models_are_all_that_the_survey_names() -> None:
    assert set(NAMES) >= set(SCHEDULES) | set(EXTENSIONS) | set(OBJECTIVES)
    assert len(NAMES) == 26


def test_the_page_and_its_pictures_are_written_anew() -> None:
    advice = f"run `python -m {recipe_models.__name__}`"
    assert recipe_models.PAGE.read_text("utf-8") == recipe_models.page(), advice
    drawn = {path.name: path.read_text("utf-8") for path in recipe_models.PICTURES.glob("*.svg")}
    assert drawn == recipe_models.pictures(), advice
