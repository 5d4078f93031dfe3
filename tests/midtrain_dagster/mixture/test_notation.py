"""Shares that change: what they read as, that they are written back, and where they go wrong."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.mixture.curve import CURVES
from midtrain_dagster.mixture.notation import ShareNotationError, parsed
from midtrain_dagster.mixture.weights import Course, Mixture, course_of, in_words


def mixture(**domains: Any) -> Mixture:
    return Mixture.model_validate({"domains": domains})


SHARES = st.floats(0, 1, allow_subnormal=False)


@st.composite
def courses(draw: st.DrawFn) -> Any:
    """A share as the parsed form has it."""
    points = draw(st.dictionaries(st.floats(0, 1), SHARES, min_size=1, max_size=5))
    shape, of = draw(st.sampled_from(list(CURVES))), draw(st.sampled_from(["all", "rest"]))
    ordered = dict(sorted(points.items()))
    return Course.model_validate({"points": ordered, "shape": shape, "of": of})


@given(courses())
def test_what_is_printed_is_read_back(course: Course) -> None:
    read = parsed(in_words(course))
    made = course_of(
        read if not isinstance(read, dict) or "points" not in read else Course.model_validate(read)
    )
    progress = np.linspace(0, 1, 30)
    curve = [
        CURVES[each.shape].at(
            progress, np.array(list(each.points)), np.array(list(each.points.values()))
        )
        for each in (course, made)
    ]
    assert made.of == course.of
    if len(course.points) > 1:
        assert (made.points, made.shape) == (course.points, course.shape)
    np.testing.assert_array_equal(*curve)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("0.25", 0.25),
        ("25%", 0.25),
        ("0.1 -> 0.4", {0.0: 0.1, 1.0: 0.4}),
        ("10% → 40%", {0.0: 0.1, 1.0: 0.4}),
        ("0.1 -> .4 @ 50% -> 0.2", {0.0: 0.1, 0.5: 0.4, 1.0: 0.2}),
        ("0.1 @ 20% -> 0.4 @ 60%", {0.2: 0.1, 0.6: 0.4}),
        ("linear 0.1 -> 0.4", {0.0: 0.1, 1.0: 0.4}),
        ("cosine 0 -> 1e-1", {"points": {0.0: 0.0, 1.0: 0.1}, "shape": "cosine", "of": "all"}),
        ("0.7 of rest", {"points": {0.0: 0.7}, "shape": "linear", "of": "rest"}),
        ("rest", {"points": {0.0: 1.0}, "of": "rest"}),
    ],
)
def test_what_is_written_reads_as(text: str, form: Any) -> None:
    assert parsed(text) == form


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0.1 -> 140%", "at character 8, '140%': a share is at most 1, or 100%"),
        ("0.1 -> 40", "at character 8, '40': a share is at most 1, or 100%; 40% is written with"),
        ("cosin 0.1 -> 0.4", "at character 1, 'cosin': no shape is called so: did you mean cosine"),
        ("0.1 -> 0.2 -> 0.4", "at character 8, '0.2': it does not say where: write 0.4 @ 50%"),
        ("constant 0.1 -> 0.4", "at character 17, '0.4': it does not say where"),
        ("0.1 -> 0.4 @ 120%", "at character 14, '120%': a stage ends at 100%"),
        ("0.1 -> 0.4 @ 2M", "at character 14, '2M': a place is how much of the stage is done"),
        ("0.1 -> 0.3 @ 60% -> 0.4 @ 50%", "at character 27, '50%': places come one after the"),
        ("0.1 -> ", "at character 8, '': a share that changes is written as 0.1 -> 0.4"),
        ("0.1 -> -0.4", "at character 8, '-0.4': a share is written as 0.1 or 10%"),
        ("0.7 of web", "at character 8, 'web': shares are of all tokens, or `of rest`"),
        ("", "at character 1, '': a share that changes is written"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ShareNotationError) as raised:
        parsed(text)
    assert str(raised.value).startswith(told)
    with pytest.raises(ValidationError, match=r"domains\.web"):
        mixture(web=text, code="rest")


def test_a_text_is_the_cause_that_its_points_were() -> None:
    assert canonical(mixture(web="0.9 -> 0.6", code="0.1 -> 0.4")) == canonical(
        mixture(web={0: 0.9, 1: 0.6}, code={0: 0.1, 1: 0.4})
    )
    assert not mixture(web=0.9, code="10%").changes
    assert mixture(web="rest", code="10% -> 11%").changes


def test_shapes_between_their_points() -> None:
    """Half-way down a cosine is the mean of its ends, a quarter in 1/2 - 1/2 cos(pi/4)."""
    made = mixture(a="cosine 0.1 -> 0.3 @ 50%", b="constant 0.2 -> 0.4 @ 50% -> 0 @ 75%", c="rest")
    found = made.shares(np.array([0, 0.125, 0.25, 0.49, 0.5, 0.75, 1.0]))
    quarter = 0.1 + 0.2 * (0.5 - 0.5 * np.cos(np.pi / 4))
    np.testing.assert_allclose(found[:, 0], [0.1, quarter, 0.2, found[3, 0], 0.3, 0.3, 0.3])
    np.testing.assert_allclose(found[:, 1], [0.2, 0.2, 0.2, 0.2, 0.4, 0, 0])
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert [module.__name__.rpartition(".")[2] for module in made.curves] == ["constant", "cosine"]


def test_llama_3_has_seventy_percent_of_the_default_mix() -> None:
    """Survey, section 3.5: 30% new data, 70% the default mix; and a share of it that falls."""
    new = {"mathematics": 0.3}
    default = {"web": "0.5 of rest", "code": "0.3 of rest", "books": "0.2 of rest"}
    weights = mixture(**new, **default).weights(0.4)
    assert weights == pytest.approx({"mathematics": 0.3, "web": 0.35, "code": 0.21, "books": 0.14})
    rising = mixture(mathematics="0.1 -> 0.5", **default)
    assert rising.weights(0.5)["web"] == pytest.approx(0.35)
    assert rising.weights(1.0)["web"] == pytest.approx(0.25)


def test_a_mid_training_mixture_of_the_survey() -> None:
    """QA subtypes, one percent of instructions, reasoning that rises (sections 3.5 and 8.2.2)."""
    made = mixture(
        web="0.6 of rest",
        code="0.4 of rest",
        qa_answer_only="3% -> 1%",
        qa_short_cot="2%",
        qa_long_cot="1% -> 10%",
        qa_reflective="0% -> 5%",
        instruction="1%",
    )
    assert made.weights(0.0)["web"] == pytest.approx(0.6 * 0.93)
    assert made.weights(1.0)["web"] == pytest.approx(0.6 * 0.81)
    assert made.trained_on == set(made.domains)


@pytest.mark.parametrize(
    ("domains", "told"),
    [
        ({"web": "0.5 -> 0.9", "code": 0.5}, "shares must sum to 1, but at progress 1 they sum"),
        (
            {"web": "rest", "code": "0.5 -> 1.0 @ 50% -> 0.5", "qa": 0.2},
            "the shares beside the rest may sum to 1 at most, but at progress 0.5 they sum to 1.2",
        ),
        ({"web": "0.5 of rest", "code": 0.5}, "the parts of the rest must sum to 1, but at pro"),
        ({"web": "cosine 0.2 -> 0.8", "code": "0.8 -> 0.2"}, "but at progress 0.0625 they sum"),
        ({"web": "constant 0.2 -> 0.8 @ 50%", "code": "0.8"}, "at progress 0.5 they sum to 1.6"),
        ({"web": 1.4}, "a share is at most 1, or 100%, not 1.4 .140%."),
    ],
)
def test_sums_are_right_at_every_moment(domains: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        mixture(**domains)
