"""A mistake in a recipe is told with file, line, field and reason, and all of them at once."""

from pathlib import Path

import pytest

from midtrain_dagster.recipe_file import RecipeError, field_in_file, load_recipe

# The change to the tiny recipe, where the line that is told begins, and what is told of it.
FIELD_MISTAKES = {
    "an unknown field": (
        {"seed: 7": "sede: 7"},
        "sede: 7",
        "sede: no such field; did you mean 'seed'?",
    ),
    "an unknown field inside": (
        {"    thresholds:": "    thresolds:"},
        "thresolds: {minimum_word_count: 20}",
        "curation.prose.thresolds: no such field; did you mean 'thresholds'?",
    ),
    "an unknown field of a source": (
        {"    take: 150": "    tak: 150"},
        "tak: 150",
        "sources.openwebtext.tak: no such field; did you mean 'take'?",
    ),
    "an unknown field of a control": (
        {"    control:\n": "    control:\n      tokns: 3\n"},
        "tokns: 3",
        "stages.annealed.control.tokns: no such field; did you mean 'tokens'?",
    ),
    "a name that no file could have": (
        {"  annealed:\n": f"  {'a' * 101}:\n"},
        f"{'a' * 101}:",
        f"stages.{'a' * 101}: String should have at most 100 characters",
    ),
    "a language that no model tells": (
        {"curation:\n": "curation:\n  languages: [en, jp]\n"},
        "languages: [en, jp]",
        "curation.languages: lid.176 calls no language 'jp', so no document is of it; did you mean "
        "'ja'?",
    ),
    "a reader that does not exist": (
        {"reader: json_lines": "reader: jsonlines"},
        "openwebtext:",
        "sources.openwebtext: reader 'jsonlines' is none of 'parquet', 'json_lines'",
    ),
    "a kind of stage that does not exist": (
        {"  annealed:\n": "  annealed:\n    kind: trian\n"},
        "annealed:\n    kind",
        "stages.annealed: kind 'trian' is none of 'train'",
    ),
    "a way to find a mixture that does not exist": (
        {"method: proportional": "method: proportionl"},
        "flattened: {method",
        "mixtures.flattened: method 'proportionl' is none of 'proportional', 'accepted', "
        "'proposed', 'quality_curve', 'doremi'; did you mean 'proportional'?",
    ),
    "a mixture without a method": (
        {"{method: proportional, domains": "{domains"},
        "flattened: {domains",
        "mixtures.flattened: the field 'method' is required",
    ),
    "a phase that does not exist": (
        {"[{phase: decay, shape": "[{phase: decai, shape"},
        "schedule: [{phase: decai",
        "stages.annealed.schedule.0: phase 'decai' is none of 'warmup', 'constant', 'decay'",
    ),
    "an unknown field of a control's section": (
        {"    control:\n": "    control:\n      inherit: {data: {rest: no}}\n"},
        "inherit: {data",
        "stages.annealed.control.inherit.data: Input should be keep or {reset: WHY}",
    ),
    "an unknown field that resembles none": (
        {"seed: 7": "zebra: 7"},
        "zebra: 7",
        "zebra: no such field; is it a typo?",
    ),
    "a preset that does not exist": (
        {"    reader: json_lines\n": "    preset: wikipdia\n"},
        "openwebtext:",
        "sources.openwebtext: no preset 'wikipdia'; there are ",
    ),
    "a value that is none of those there are": (
        {"    kind: prose\n": "    kind: pros\n"},
        "kind: pros\n",
        "sources.openwebtext.kind: Input should be 'prose', 'code', 'mathematics', 'qa', "
        "'instruction' or 'agent' (given: 'pros'); did you mean 'prose'?",
    ),
    "a field that is missing": (
        {"    batch_tokens: 1024\n": ""},
        "base:\n    start: random",
        "stages.base: the field 'batch_tokens' is required",
    ),
    "too few of what is each right": (
        {"    batch_tokens: 1024\n": "    batch_tokens: 1024\n    seeds: [1]\n"},
        "seeds: [1]",
        "stages.base.seeds: it needs 2 at least, and has 1",
    ),
    "a share that is none": (
        {"held_out: 0.2": "held_out: 0.9"},
        "held_out: 0.9",
        "held_out: Input should be less than 0.5 (given: 0.9)",
    ),
    "a limit below one": (
        {"limit: 10": "limit: -1"},
        "limit: -1",
        "benchmarks.hellaswag.evaluate.limit: Input should be greater than 0 (given: -1)",
    ),
    "tokens that are no number": (
        {"tokens: 16k": "tokens: 16x"},
        "tokens: 16x",
        "stages.base.tokens: '16x' is no count of tokens",
    ),
    "shares that do not sum to one": (
        {"mathematics: 0.4, qa": "mathematics: 0.6, qa"},
        "mixture:\n      domains: {web: 0.3",
        "stages.annealed.mixture: the shares must sum to 1",
    ),
    "a schedule longer than its stage": (
        {"tokens: 2k}": "tokens: 200k}"},
        "base:\n    start: random",
        "stages.base: schedule: phase 1 (warmup) ends at token 200000",
    ),
    "a stage's name that is no name": (
        {"  annealed:": "  An-nealed:"},
        "An-nealed:",
        "stages.An-nealed: String should match",
    ),
    "a name that would break keys": (
        {"  annealed:": "  annealed__again:"},
        "annealed__again:",
        "stages.annealed__again: String should match",
    ),
}

DISAGREEMENTS = {
    "a learning rate that jumps": (
        {"shape: one_minus_sqrt,": "shape: one_minus_sqrt, start: 0.1,"},
        "annealed:",
        "stages.annealed: the learning rate jumps from 0.005, where 'base' ends, to 0.1",
    ),
    "a length that jumps": (
        {"    rope: {method: yarn, factor: 4, original_length: 64}\n": ""},
        "extended:",
        "stages.extended: sequence_length grows from 64 to 256: say in `rope`",
    ),
    "a control that jumps": (
        {"    control:\n": "    control:\n      sequence_length: 512\n"},
        "control:",
        "stages.annealed.control: sequence_length grows from 64 to 512",
    ),
    "an unknown start": (
        {"start: annealed": "start: anealed"},
        "start: anealed",
        "stages.extended.start: 'anealed' is no stage before it (random, base, annealed); "
        "did you mean 'annealed'?",
    ),
    "a start that comes later": (
        {"start: base": "start: extended"},
        "start: extended",
        "stages.annealed.start: 'extended' is no stage before it (random, base)",
    ),
    "a source that the rater lacks": (
        {"positives: [wikipedia]": "positives: [wikipedia, wiki]"},
        "quality: {method",
        "raters.quality.positives.1: no source 'wiki' is declared (openwebtext, wikipedia, "
        "docstrings, planted); did you mean 'wikipedia'?",
    ),
    "a ceiling of no source": (
        {"{planted: 1.0}": "{plantd: 1.0}"},
        "removal_ceilings: {plantd: 1.0}",
        "curation.removal_ceilings.plantd: no source 'plantd' is declared",
    ),
    "a domain that nothing feeds": (
        {"mathematics: 0.4, qa": "maths: 0.4, qa"},
        "domains: {web: 0.3",
        "stages.annealed.mixture.domains.maths: no source feeds 'maths' "
        "(fed: mathematics, qa, web, wikipedia); did you mean 'mathematics'?",
    ),
    "a control's domain that nothing feeds": (
        {"wikipedia: 0.5}}\n  extended": "wikipdia: 0.5}}\n  extended"},
        "mixture: {domains: {web: 0.5, wikipdia: 0.5}}",
        "stages.annealed.control.mixture.domains.wikipdia: no source feeds 'wikipdia'",
    ),
    "a target that nothing feeds": (
        {"targets: [mathematics]": "targets: [maths]"},
        "targets: [maths]",
        "evaluation.targets.0: no source feeds 'maths'",
    ),
    "synthesis from a domain that nothing feeds": (
        {"domains: [web, wikipedia]": "domains: [web, qa]"},
        "domains: [web, qa]",
        "synthesis.question_answer.domains.1: no source feeds 'qa' "
        "(fed: mathematics, web, wikipedia)",
    ),
    "a planted benchmark that is not declared": (
        {"benchmarks: [hellaswag]": "benchmarks: [hellswag]"},
        "benchmarks: [hellswag]",
        "sources.planted.benchmarks.0: no benchmark 'hellswag' is declared",
    ),
    "a comma in a benchmark's name": (
        {"  human_eval:": "  'human,eval':"},
        "'human,eval':",
        "benchmarks.human,eval: benchmark 'human,eval': a comma breaks backfills",
    ),
    "an evaluation that does not reach beyond the control's windows": (
        {
            "original_length: 64}\n": "original_length: 64}\n"
            "    control: {sequence_length: 64, rope: null}\n",
            "  length: 256": "  length: 64",
        },
        "length: 64\n  bucket",
        "evaluation.length: 64 does not reach beyond the 64 of the control of 'extended'",
    ),
    "a tokenizer of a base that is trained": (
        {"  train: {vocabulary: 512}": "  path: base"},
        "path: base",
        "tokenizer.path: 'base' is the base checkpoint's tokenizer",
    ),
    "a mixture that is not declared": (
        {"{from: flattened,": "{from: flatened,"},
        "mixture: {from: flatened",
        "stages.extended.mixture.from: no mixture 'flatened' is declared (flattened)",
    ),
    "a mixture of a domain that nothing feeds": (
        {"domains: [web, mathematics], temperature": "domains: [web, maths], temperature"},
        "flattened: {method",
        "mixtures.flattened.domains.1: no source feeds 'maths'",
    ),
    "a stage called as the start of all": (
        {"  extended:": "  random:"},
        "random:\n    start: annealed",
        "stages.random: this name is taken",
    ),
    "a base that is neither given nor trained": (
        {
            "  base:\n    start: random": "  first:\n    start: random",
            "start: base": "start: first",
        },
        "stages:",
        "stages: a base trained in the graph needs a stage 'base'",
    ),
}

NO_RECIPES = {
    "no YAML": (b"name: [tiny\nseed: 7", "this is not YAML: while parsing a flow sequence"),
    "an impossible date": (b"date: 2024-13-45", "this is not YAML: month must be in 1..12"),
    "an unknown alias": (b"sources: *s", "this is not YAML: found undefined alias 's'"),
    "a key that is a list": (b"? [a]\n: 1", "line 1: ['a'] cannot be a key"),
    "a field that only the loader knows": (b"name: a\ntext: b", "text: no such field"),
    "a key twice": (b"benchmarks:\n  a: 1\n  b: 2\n  a: 3", "line 4: 'a' is there twice"),
    "nothing": (b"", "a recipe is a mapping of sections; this holds none"),
    "only a comment": (b"# to do\n", "a recipe is a mapping of sections; this holds none"),
    "a list": (b"- a\n- b\n", "a recipe is a mapping of sections; this holds none"),
    "no text": (b"\xff\xfe\x00", "not UTF-8 text (byte 0: invalid start byte)"),
}


def changed(tiny: Path, folder: Path, changes: dict[str, str]) -> Path:
    text = tiny.read_text()
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new, 1)
    path = folder / "tiny.yaml"
    path.write_text(text)
    return path


def told_of(path: Path, place: str, told: str) -> str:
    """How the line begins that tells a mistake."""
    text = path.read_text()
    assert text.count(place) == 1, place
    return f"{path}, line {text[: text.index(place)].count(chr(10)) + 1}: {told}"


@pytest.mark.parametrize("mistake", FIELD_MISTAKES | DISAGREEMENTS)
def test_a_mistake_names_file_line_field_and_reason(tiny: Path, tmp_path: Path, mistake) -> None:
    changes, place, told = (FIELD_MISTAKES | DISAGREEMENTS)[mistake]
    path = changed(tiny, tmp_path, changes)
    with pytest.raises(RecipeError) as raised:
        load_recipe(path)
    (line,) = str(raised.value).splitlines()
    assert line.startswith(told_of(path, place, told))


@pytest.mark.parametrize(
    "chosen",
    [
        ["an unknown field", "a share that is none", "tokens that are no number"],
        ["a length that jumps", "a source that the rater lacks", "a domain that nothing feeds"],
    ],
)
def test_all_mistakes_are_told_at_once(tiny: Path, tmp_path: Path, chosen: list[str]) -> None:
    every = FIELD_MISTAKES | DISAGREEMENTS
    changes = {old: new for each in chosen for old, new in every[each][0].items()}
    path = changed(tiny, tmp_path, changes)
    with pytest.raises(RecipeError) as raised:
        load_recipe(path)
    lines = str(raised.value).splitlines()
    assert len(lines) == len(chosen)
    for each in chosen:
        start = told_of(path, *every[each][1:])
        assert any(line.startswith(start) for line in lines), each


@pytest.mark.parametrize("what", NO_RECIPES)
def test_what_is_no_recipe_is_refused_by_name(tmp_path: Path, what: str) -> None:
    data, told = NO_RECIPES[what]
    path = tmp_path / "some.yaml"
    path.write_bytes(data)
    with pytest.raises(RecipeError) as raised:
        load_recipe(path)
    assert str(raised.value).startswith(str(path))
    assert told in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere.yaml: No such file"):
        load_recipe(tmp_path / "nowhere.yaml")
    with pytest.raises(RecipeError, match=f"{tmp_path}: Is a directory"):
        load_recipe(tmp_path)


def test_yaml_as_people_write_it(tiny: Path, tmp_path: Path) -> None:
    """Byte order mark, Windows line ends, an exponent without a point, and merged keys."""
    changes = {
        "held_out: 0.2": "held_out: 2e-1",
        "    items: 5": "    <<: {items: 3, seed: 8}\n    items: 5",
    }
    text = changed(tiny, tmp_path, changes).read_text()
    path = tmp_path / "tiny.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    recipe = load_recipe(path)
    assert recipe.held_out == 0.2
    planted = recipe.sources["planted"]
    assert (planted.items, planted.seed) == (5, 8)


def test_the_name_is_the_files_if_none_is_given(tiny: Path, tmp_path: Path) -> None:
    path = changed(tiny, tmp_path, {"name: tiny\n": ""})
    assert load_recipe(path.rename(tmp_path / "small.yaml")).name == "small"


def test_a_field_is_told_with_its_line_or_that_of_what_it_would_stand_in(tiny: Path) -> None:
    recipe, lines = load_recipe(tiny), tiny.read_text().splitlines()
    there = lines.index("    take: 150") + 1
    assert field_in_file(recipe, ("sources", "openwebtext", "take")) == (
        f"{tiny}, line {there}: sources.openwebtext.take"
    )
    absent = lines.index("  wikipedia:") + 1
    assert field_in_file(recipe, ("sources", "wikipedia", "max_rejected")) == (
        f"{tiny}, line {absent}: sources.wikipedia.max_rejected"
    )
