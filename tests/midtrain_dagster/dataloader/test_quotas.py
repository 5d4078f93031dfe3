import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.dataloader.quotas import quotas, short_of


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """A table of shares that sum to one, and a supply wherever it has some."""
    size = st.tuples(st.integers(1, 4), st.integers(1, 4))
    domains, classes = draw(size)
    cells = draw(
        st.lists(st.integers(0, 5), min_size=domains * classes, max_size=domains * classes)
    )
    table = np.array(cells, np.float64).reshape(domains, classes) + np.eye(domains, classes) * 1e-1
    supply = draw(st.lists(st.integers(1, 9), min_size=table.size, max_size=table.size))
    return table / table.sum(), np.array(supply).reshape(table.shape) * (table > 0)


@settings(max_examples=100, deadline=None)
@given(tables())
def test_what_fits_is_found_with_the_sums_that_were_asked(made: tuple[np.ndarray, ...]) -> None:
    table, supply = made
    rows, columns = table.sum(axis=1)[None], table.sum(axis=0)
    assert short_of(rows, columns, supply > 0) is None
    found = quotas(rows, columns, supply)[0]
    np.testing.assert_allclose(found.sum(axis=1), rows[0], atol=1e-9)
    np.testing.assert_allclose(found.sum(axis=0), columns, atol=2e-3)
    assert not found[supply == 0].any()


@settings(max_examples=60, deadline=None)
@given(tables())
def test_a_class_is_raised_alike_in_every_domain(made: tuple[np.ndarray, ...]) -> None:
    """Cell by cell it is supply times a factor of the domain times one of the class: ratios of
    ratios are those of the supply."""
    table, _ = made
    supply = np.arange(1, table.size + 1, dtype=np.float64).reshape(table.shape)
    found = quotas(table.sum(axis=1)[None], table.sum(axis=0) * 0 + 1 / table.shape[1], supply)[0]
    if (table.sum(axis=1) > 0).all():
        np.testing.assert_allclose(
            found[:, 1:] * supply[:, :1] / (found[:, :1] * supply[:, 1:]),
            np.broadcast_to(
                found[:1, 1:] * supply[:1, :1] / (found[:1, :1] * supply[:1, 1:]),
                found[:, 1:].shape,
            ),
            rtol=1e-4,
        )


def test_the_corpus_itself_stays_as_it_is() -> None:
    supply = np.array([[30.0, 10.0], [15.0, 45.0]])
    rows = supply.sum(axis=1)[None] / 100
    np.testing.assert_allclose(quotas(rows, supply.sum(axis=0) / 100, supply)[0], supply / 100)


def test_moments_have_shares_of_their_own() -> None:
    rows = np.array([[0.6, 0.4], [0.2, 0.6], [0.6, 0.4]])
    found = quotas(rows, np.array([0.5, 0.5]), np.ones((2, 2)))
    np.testing.assert_allclose(found.sum(axis=2), rows)
    np.testing.assert_allclose(found.sum(axis=1), [[0.5, 0.5], [0.4, 0.4], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("rows", "columns", "wrong"),
    [
        ([[0.9, 0.1]], [0.8, 0.1, 0.1], None),
        ([[0.5, 0.5], [0.9, 0.1]], [0.2, 0.4, 0.4], (1, (2,))),
        ([[0.3, 0.7]], [0.5, 0.0, 0.5], (0, (0,))),
        ([[0.5, 0.5]], [0.3, 0.4, 0.3], (0, (0, 1))),
    ],
)
def test_classes_that_ask_for_too_much_are_named(
    rows: list[list[float]], columns: list[float], wrong: tuple[int, tuple[int, ...]] | None
) -> None:
    held = np.array([[True, True, False], [False, False, True]])
    assert short_of(np.array(rows), np.array(columns), held) == wrong
