"""What becomes of a document is said by benchmark, by its source and by its kind."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.core.problems import View
from midtrain_dagster.decontamination.actions import of_action, told
from midtrain_dagster.decontamination.methods import llama3, qwen_math
from midtrain_dagster.decontamination.problems import problems
from midtrain_dagster.decontamination.scan import HITS

ACTIONS = ("drop_document", "cut_span", "flag_item")
SAID = {
    "kinds": {"code": "cut_span"},
    "sources": {"forum": "flag_item"},
    "actions": {
        "gsm8k": "drop_document",
        "mmlu": {"kinds": {"qa": "flag_item"}, "sources": {"web": "cut_span"}},
    },
}
some = st.sampled_from(ACTIONS)
by_source = st.dictionaries(st.sampled_from(["web", "forum"]), some)
by_kind = st.dictionaries(st.sampled_from(["code", "qa"]), some)
sections = st.fixed_dictionaries(
    {"action": some | st.none(), "sources": by_source, "kinds": by_kind}
)


@pytest.mark.parametrize(
    ("benchmark", "source", "kind", "action"),
    [
        ("human_eval", "web", "prose", "drop_document"),
        ("human_eval", "web", "code", "cut_span"),
        ("human_eval", "forum", "code", "flag_item"),
        ("gsm8k", "forum", "code", "drop_document"),
        ("mmlu", "web", "qa", "cut_span"),
        ("mmlu", "forum", "qa", "flag_item"),
        ("mmlu", "other", "code", "cut_span"),
        ("mmlu", "other", "prose", "drop_document"),
    ],
)
def test_the_most_particular_word_counts(benchmark, source, kind, action) -> None:
    config = qwen_math.Config.model_validate(SAID)
    assert config.action_on(benchmark, source=source, kind=kind) == action


@given(sections, by_source, by_kind, some)
def test_a_table_is_told_apart_as_single_documents_are(own, sources, kinds, action) -> None:
    config = qwen_math.Config(sources=sources, kinds=kinds, actions={"b": own})
    places = [(s, k) for s in ("web", "forum", "else") for k in ("code", "qa", "prose")]
    documents = pl.DataFrame(
        [(f"d{n}", *place) for n, place in enumerate(places)],
        schema=["id", "source", "kind"],
        orient="row",
    )
    hits = documents.select("id", benchmark=pl.lit("b"), item=pl.lit("1"))
    hits = pl.concat([HITS.to_frame(), hits], how="diagonal")
    rules = config.rules("b")
    found = of_action(hits, documents.lazy(), rules={"b": rules}, action=action)["hits"]
    expected = [
        f"d{n}"
        for n, (source, kind) in enumerate(places)
        if config.action_on("b", source=source, kind=kind) == action
    ]
    assert found["id"].to_list() == expected
    assert not expected or action in rules.possible


def test_a_document_that_is_not_there_counts_where_strangers_do() -> None:
    hits = pl.DataFrame({"id": ["gone"], "benchmark": ["b"]})
    documents = pl.LazyFrame(schema={"id": pl.String, "source": pl.String, "kind": pl.String})
    rules = {"b": qwen_math.Config(kinds={"code": "flag_item"}).rules("b")}
    for strangers in (True, False):
        made = of_action(hits, documents, rules=rules, action="flag_item", strangers=strangers)[
            "hits"
        ]
        assert made.height == strangers


def test_a_name_that_leads_nowhere_is_refused() -> None:
    view = View(sources={"web": "web", "forum": "web"}, benchmarks=("gsm8k", "mmlu"))
    config = qwen_math.Config.model_validate(SAID)
    assert list(problems(config, view)) == []
    wrong = {
        "sources": {"forums": "cut_span"},
        "actions": {"gsm8": "cut_span", "mmlu": {"sources": {"wob": "cut_span"}}},
    }
    found = dict(problems(qwen_math.Config.model_validate(wrong), view))
    assert set(found) == {
        ("decontamination", "sources", "forums"),
        ("decontamination", "actions", "gsm8"),
        ("decontamination", "actions", "mmlu", "sources", "wob"),
    }
    assert "did you mean 'forum'?" in found["decontamination", "sources", "forums"]
    assert "did you mean 'gsm8k'?" in found["decontamination", "actions", "gsm8"]
    ((place, reason),) = problems(llama3.Config(shares={"gsm8": 0.7, "mmlu": 0.6}), view)
    assert place == ("decontamination", "shares", "gsm8")
    assert "did you mean 'gsm8k'?" in reason


def test_actions_are_told_in_words_and_are_no_cause_of_hits() -> None:
    config = qwen_math.Config.model_validate(SAID)
    assert canonical(config) == canonical(qwen_math.Config())
    assert told(config.rules("gsm8k")) == "the whole document is dropped"
    assert told(config.rules("human_eval")) == (
        "the whole document is dropped; nothing is removed, the item is flagged where the source "
        "is forum; the passage is cut, with what is around it where the kind is code"
    )
