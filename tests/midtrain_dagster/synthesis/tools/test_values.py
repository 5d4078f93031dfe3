from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.synthesis.tools.parameters import fault
from midtrain_dagster.synthesis.tools.values import KINDS, value, weighted

NUMBERS = st.builds(
    lambda kind, low, size, more: {"type": kind, "minimum": low, "maximum": low + size, **more},
    st.sampled_from(["integer", "number"]),
    st.integers(-1000, 1000),
    st.integers(0, 2000),
    st.sampled_from([{}, {"description": "a number"}]),
)
TEXTS = st.one_of(
    st.builds(lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
              st.integers(1, 60), st.integers(0, 60)),
    st.sampled_from(["date", "date-time", "email", "uri", "ipv4"]).map(
        lambda each: {"type": "string", "format": each}
    ),
    st.lists(st.text(max_size=5), min_size=1, max_size=4).map(lambda each: {"enum": each}),
    st.just({"type": ["null", "boolean"]}),
)  # fmt: skip


def _nested(each: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.builds(
        lambda items, low: {"type": "array", "items": items, "minItems": low},
        each,
        st.integers(0, 4),
    )
    objects = st.builds(
        lambda one, other: {
            "type": "object",
            "properties": {"one": one, "other": other},
            "required": ["one"],
        },
        each,
        each,
    )
    return lists | objects | st.builds(lambda one: {"anyOf": [one]}, each)


@given(st.recursive(NUMBERS | TEXTS, _nested, max_leaves=4), st.integers(0, 99))
def test_a_value_is_one_that_its_schema_allows(schema: dict[str, Any], seed: int) -> None:
    whole = {"type": "object", "properties": {"it": schema}}
    made = value(schema, Draw(seed), "it")
    assert fault({"it": made}, whole) is None
    assert made == value(schema, Draw(seed), "it")


@given(st.integers(0, 10_000))
def test_the_values_of_a_kind_are_ones_that_it_tells(seed: int) -> None:
    for kind in KINDS.values():
        schema = {"type": "object", "properties": {"it": kind.schema}}
        assert fault({"it": kind.draw(Draw(seed))}, schema) is None


@given(st.dictionaries(st.text(), st.floats(0, 9), min_size=1), st.integers(0, 99))
def test_what_has_no_share_is_not_drawn(shares: dict[str, float], seed: int) -> None:
    if sum(shares.values()) > 1e-6:
        assert shares[weighted(Draw(seed), shares)] > 0


def test_shares_are_those_that_were_asked_for() -> None:
    drawn = [weighted(Draw(seed), {"a": 3.0, "b": 1.0}) for seed in range(4000)]
    assert abs(drawn.count("a") / 4000 - 0.75) < 0.03
