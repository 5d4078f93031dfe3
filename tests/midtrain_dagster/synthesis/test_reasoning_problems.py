from decimal import getcontext

import pytest

from midtrain_dagster.synthesis.reasoning_problems import (
    BY_FORMULA,
    BY_TEXT,
    HIGHEST,
    REFUSED,
    WITHOUT_ANSWER,
    Problem,
    Template,
    TemplateError,
    catalogue,
    templates,
)

RUNS_CODE = "__import__('os').abort()"


def drawn(name: str, *, level: int | None = None, seed: int = 0, size: int = 2) -> list[Problem]:
    return list(template(name, level=level, seed=seed, size=size).problems())


def template(name: str, *, level: int | None = None, seed: int = 0, size: int = 2) -> Template:
    return Template(name, level=level, settings={}, seed=seed, size=size)


def test_names_and_categories_are_told_apart_and_each_is_taken_once() -> None:
    assert templates(["chain_sum", "probability", "chain_sum"], answered=True) == [
        "chain_sum",
        "coin_flip",
    ]
    every = templates([], answered=True)
    assert len(every) > 85
    assert not {*every} & ({*REFUSED} | WITHOUT_ANSWER)
    assert {*templates([], answered=False)} == {*every} | WITHOUT_ANSWER
    assert "graph_color" in templates(["algorithmic"], answered=False)
    assert "graph_color" not in templates(["algorithmic"], answered=True)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("chain_sums", "did you mean 'chain_sum'"),
        ("maths", "categories are algebra, algorithmic"),
        ("codeio", "outside the sandbox"),
        ("graph_color", "name a generator"),
    ],
)
def test_what_cannot_be_used_is_told_by_name(name: str, told: str) -> None:
    with pytest.raises(TemplateError, match=told):
        templates([name], answered=True)


def test_names_written_down_are_those_of_the_package() -> None:
    from reasoning_gym.factory import DATASETS

    assert {*REFUSED, *HIGHEST, *WITHOUT_ANSWER, *BY_TEXT, *BY_FORMULA} <= {*DATASETS}
    assert {*catalogue()} == {*DATASETS} - {*REFUSED}


def test_problems_follow_from_the_seed_and_grow_with_the_level() -> None:
    assert drawn("chain_sum") == drawn("chain_sum")
    assert drawn("chain_sum")[0].question != drawn("chain_sum", seed=1)[0].question
    lengths = [
        sum(len(each.question) for each in drawn("chain_sum", level=level, size=20))
        for level in (0, 3)
    ]
    assert lengths[0] < lengths[1]
    assert [each.id for each in drawn("chain_sum", level=0)] == ["chain_sum@0:0", "chain_sum@0:1"]


def test_a_template_without_a_curriculum_has_no_levels() -> None:
    assert drawn("gsm_symbolic", level=2)[0].level is None


def test_a_level_that_a_template_does_not_take_is_the_next_lower_one() -> None:
    (level,) = {each.level for each in drawn("caesar_cipher", level=9)}
    assert level is not None
    assert level < 9
    assert drawn("n_queens", level=9, size=1)[0].level == 2


def test_settings_are_those_of_the_template() -> None:
    easy = {"min_terms": 2, "max_terms": 2}
    made = Template("chain_sum", level=None, settings=easy, seed=0, size=5).problems()
    assert all(each.question.count("+") + each.question.count(" - ") == 1 for each in made)
    for settings in ({"terms": 2}, {"min_terms": -1}):
        for level in (None, 1):
            with pytest.raises(TemplateError, match="'chain_sum' cannot be set so"):
                Template("chain_sum", level=level, settings=settings, seed=0, size=5)


@pytest.mark.parametrize("name", ["chain_sum", "simple_geometry", "knights_knaves", "countdown"])
def test_a_right_answer_holds_and_others_do_not(name: str) -> None:
    made = template(name)
    for problem in made.problems():
        assert made.passes(problem)
        assert made.holds(problem, str(problem.answer))
        for wrong in ("", "nothing", "9" * 5000):
            assert not made.holds(problem, wrong)


@pytest.mark.parametrize("name", sorted({*BY_TEXT, *BY_FORMULA, "countdown"}))
def test_what_a_model_wrote_is_never_run(name: str) -> None:
    made = template(name, size=1)
    (problem,) = made.problems()
    assert not made.holds(problem, RUNS_CODE)
    assert not made.holds(problem, "9**9**9**9")
    assert made.holds(problem, f" {problem.answer}".strip())


def test_an_integral_may_be_written_in_another_way() -> None:
    made = template("simple_integration", size=4)
    for problem in made.problems():
        assert made.holds(problem, f"C + {problem.answer}".replace(" + C", ""))


def test_countdown_takes_any_expression_of_the_same_numbers() -> None:
    made = template("countdown", size=1)
    (problem,) = made.problems()
    assert made.holds(problem, f"({problem.answer}) * (1)") is False
    assert made.holds(problem, f"({problem.answer})")


def test_drawing_and_scoring_leave_the_precision_of_decimals_as_it_was() -> None:
    """Whoever shares the thread computes with it: schedules and shares are read by decimals."""
    before = getcontext().prec
    template = Template("decimal_arithmetic", level=None, settings={}, seed=1, size=2)
    for problem in template.problems():
        assert template.passes(problem)
    assert getcontext().prec == before
