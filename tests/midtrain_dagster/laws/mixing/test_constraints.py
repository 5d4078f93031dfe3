import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.laws.mixing.constraints import ConflictError, allowed_mixtures, conflicts

DOMAINS = ("web", "code", "math")


def allowed(domains=DOMAINS, floors=None, ceilings=None, caps=None, frozen=None):
    return allowed_mixtures(
        domains,
        floors=floors or {},
        ceilings=ceilings or {},
        caps=caps or {},
        frozen=frozen or {},
    )


@given(st.integers(0, 10_000))
def test_projection_keeps_to_all_bounds_and_is_the_nearest_of_many(seed: int) -> None:
    draw = np.random.default_rng(seed)
    floor, ceiling, cap = draw.uniform(0, 0.3), draw.uniform(0.3, 0.6), draw.uniform(0.3, 1)
    found = allowed(floors={"web": floor}, ceilings={"code": ceiling}, caps={"web": cap})
    point = draw.dirichlet(np.ones(3))
    nearest = found.project(point)
    assert nearest.sum() == pytest.approx(1)
    assert (nearest >= found.lower - 1e-12).all() and (nearest <= found.upper + 1e-12).all()
    others = draw.dirichlet(np.ones(3), 300)
    others = others[((others >= found.lower) & (others <= found.upper)).all(axis=1)]
    entropy = lambda each: (each * np.log(np.maximum(each, 1e-300) / point)).sum(axis=-1)  # noqa: E731
    assert (entropy(nearest) <= entropy(others) + 1e-6).all()


@given(st.integers(0, 10_000))
def test_best_vertex_is_no_worse_than_any_allowed_mixture(seed: int) -> None:
    draw = np.random.default_rng(seed)
    found = allowed(floors={"web": 0.1}, ceilings={"code": 0.4, "math": 0.7})
    slope = draw.normal(size=3)
    vertex = found.best_vertex(slope)
    assert vertex.sum() == pytest.approx(1)
    some = found.project(draw.dirichlet(np.ones(3), 50))
    assert (slope @ vertex <= some @ slope + 1e-9).all()


def test_share_that_is_nearly_nothing_is_nothing() -> None:
    found = allowed(floors={"web": 0.1}, ceilings={"code": 0.7})
    settled = found.settled(np.array([0.1 + 5e-8, 0.7 - 1e-9, 0.2 - 4.9e-8]))
    assert settled[0] == 0.1 and settled.sum() == pytest.approx(1, abs=1e-12)
    assert settled[1] <= 0.7
    nothing = allowed().settled(np.array([1e-9, 0.4, 0.6 - 1e-9]))
    assert nothing[0] == 0


def test_frozen_domains_are_one_share() -> None:
    found = allowed(frozen={"web": 3, "math": 1}, ceilings={"math": 0.2}, floors={"code": 0.1})
    assert found.basis.tolist() == [[0.75, 0], [0, 1], [0.25, 0]]
    assert found.upper.tolist() == [0.8, 1] and found.lower.tolist() == [0, 0.1]
    mixture = found.full(np.array([0.8, 0.2]))
    assert mixture == pytest.approx([0.6, 0.2, 0.2])
    assert found.reduced(mixture) == pytest.approx([0.8, 0.2])


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ({"floors": {"web": 0.6, "code": 0.6}}, r"floors sum to 1.2.*web 0.6, code 0.6"),
        ({"floors": {"web": 0.6}, "ceilings": {"web": 0.5}}, "floor 0.6 of web is above its ceil"),
        (
            {"floors": {"web": 0.6}, "caps": {"web": 0.5}},
            "floor 0.6 of web is above 0.5, the share",
        ),
        (
            {"ceilings": {"web": 0.5, "code": 0.2}, "caps": {"math": 0.1}},
            r"at most \(web 0.5, code",
        ),
        (
            {"frozen": {"web": 1, "code": 1}, "floors": {"web": 0.3}, "ceilings": {"code": 0.2}},
            r"need 0.6 together for the floor of web.*0.4 for the ceiling or cap of code",
        ),
        (
            {"frozen": {"web": 1, "code": 1}, "caps": {"web": 0.2}, "ceilings": {"math": 0.3}},
            "sum to 0.7 at most",
        ),
    ],
)
def test_constraints_in_conflict_are_named(bounds: dict, said: str) -> None:
    with pytest.raises(ConflictError, match=said):
        allowed(**bounds)


def test_conflicts_of_a_recipe_are_found_without_tokens() -> None:
    assert list(conflicts({"a": 0.5}, {"a": 0.6}, {})) == []
    (said,) = conflicts({"a": 0.5, "b": 0.7}, {}, {})
    assert said.startswith("the floors sum to 1.2")
