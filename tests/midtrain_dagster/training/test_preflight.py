"""What plans over the shards' lengths say of runs before any of them is trained."""

from typing import Any

import polars as pl

from midtrain_dagster.core.findings import Finding
from midtrain_dagster.tokens.shards import INDEX, TokenShards
from midtrain_dagster.training.preflight import Bounds, Ground, data_findings
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.stage import Stage

LENGTHS = {"web": [60] * 40, "qa": [60] * 40, "short": [33] * 40, "book": [500] * 4}


def index() -> pl.DataFrame:
    lengths = pl.Series([each for own in LENGTHS.values() for each in own])
    domains = [domain for domain, own in LENGTHS.items() for _ in own]
    ids = [f"d{number}" for number in range(len(domains))]
    offset = lengths.cum_sum() - lengths
    table = pl.DataFrame({"id": ids, "domain": domains, "offset": offset, "length": lengths})
    return table.cast(INDEX)


SHARDS = TokenShards.without_tokens(index())


def run(name: str = "base", **changed: Any) -> Run:
    role = changed.pop("role", "stage")
    fields = {
        "start": "random",
        "tokens": 1024,
        "batch_tokens": 256,
        "sequence_length": 64,
        "schedule": [{"phase": "constant", "learning_rate": 1e-3}],
        "mixture": {"domains": {"web": 1.0}},
    }
    return Run(name, Stage.model_validate(fields | changed), 1, role)


def on(start: str, **changed: Any) -> dict[str, Any]:
    return {"start": start, "schedule": [{"phase": "constant"}], **changed}


def found(*runs: Run, **ground: Any) -> list[Finding]:
    bounds = Bounds(synthetic={"qa"}, natural_floor=0.7)
    return list(data_findings(runs, Ground(SHARDS, **ground), bounds))


def test_what_is_doubtful_of_a_plan_is_told() -> None:
    padded = {"sequence_length": 128, "mixture": {"domains": {"short": 1.0}}}
    assert found(run(**padded)) == []  # three documents a window leave a quarter of it
    (doubt,) = found(run(**padded, packing="one_document"))
    assert (doubt.stops, doubt.place) == (False, ("stages", "base", "sequence_length"))
    assert "about 74% of its windows of 128 tokens are padding" in doubt.reason
    (doubt,) = found(run(mixture={"domains": {"web": 0.6, "qa": 0.4}}))
    assert (doubt.stops, doubt.place) == (False, ("stages", "base", "mixture"))
    assert "natural text has 60.0% of the tokens, below checks.natural_floor" in doubt.reason


def test_a_longer_window_without_a_longer_document_is_doubted() -> None:
    longer = on("base", sequence_length=128, rope={"method": "ntk", "factor": 2})
    (doubt,) = found(run(), run("extended", **longer))
    assert not doubt.stops
    assert "the longest document of its domains has 60 tokens" in doubt.reason
    assert found(run(), run("extended", **longer, mixture={"domains": {"book": 1.0}})) == []


def test_all_domains_that_lack_tokens_are_named_and_a_control_repeats_nothing() -> None:
    mixture = {"domains": {"web": 0.4, "code": 0.3, "maths": 0.3}}
    told = found(run(mixture=mixture), run(mixture=mixture, role="control"))
    assert [each.place for each in told] == [("stages", "base", "mixture")]
    assert "gives domain code, maths a share" in told[0].reason
    dry = {"domains": {"book": 0.5, "short": 0.5}, "max_epochs": 1}
    (one,) = found(run(tokens=8192, mixture=dry))
    assert "domain book" in one.reason and "domain short" in one.reason


def test_an_order_that_goes_on_counts_what_was_taken_before() -> None:
    once = {"domains": {"web": 1.0}, "max_epochs": 1}
    base = run(tokens=2048, mixture=once)
    again = on("base", tokens=2048, mixture=once)
    assert found(base, run("fresh", **again)) == []
    (kept,) = found(base, run("kept", **again, inherit={"data": "keep"}))
    assert (kept.stops, kept.place) == (True, ("stages", "kept", "mixture"))
    assert "stage kept repeats the 2,400 tokens of domain web" in kept.reason


def test_a_loss_on_an_assistant_that_says_nothing_is_refused() -> None:
    asks = run(loss_on="assistant")
    (told,) = found(asks, said={"qa": 40, "web": 0})
    assert told.place == ("stages", "base", "loss_on")
    assert "(there are some in: qa)" in told.reason
    assert found(asks, said={"web": 4}) == []


def test_a_search_of_factors_wants_a_held_out_document_as_long_as_the_window() -> None:
    rope = {"method": "longrope", "original_length": 64, "search": {"population": 4, "parents": 2}}
    books = {"domains": {"book": 1.0}}
    longer = run("extended", **on("base", sequence_length=128, rope=rope, mixture=books))
    (finding,) = found(run(), longer, longest_held_out=100)
    assert (finding.stops, finding.place) == (True, ("stages", "extended", "rope", "search"))
    assert "documents of 128 tokens, and the longest has 100: raise held_out" in finding.reason
    assert found(run(), longer, longest_held_out=128) == []


def test_too_much_long_data_and_a_class_of_one_document_are_told() -> None:
    rule = {"method": "shares", "shares": {0: 0.2, 1: 0.8}}
    mixture = {"domains": {"web": 0.2, "book": 0.8}, "length_classes": rule}
    (doubt,) = found(run(mixture=mixture, tokens=512))
    assert (doubt.stops, doubt.place) == (False, ("stages", "base", "mixture", "length_classes"))
    assert "80% of the tokens are of documents of half a window and more" in doubt.reason
    one = pl.concat([index(), pl.DataFrame([("d", "book", 0, 4000)], INDEX, orient="row")])
    ground = Ground(TokenShards.without_tokens(one.filter(pl.col("length") != 500)))
    mixture["length_classes"] = "prolong"
    mixture["domains"] = {"web": 0.4, "book": 0.6}
    (doubt,) = data_findings([run(mixture=mixture)], ground, Bounds({"qa"}, 0.7))
    assert "one document has 100% of the tokens of domain book, 1 window up" in doubt.reason
    assert not doubt.stops


def test_a_class_that_no_document_reaches_is_refused() -> None:
    mixture = {"domains": {"web": 1.0}, "length_classes": "prolong"}
    (finding,) = found(run(mixture=mixture))
    assert finding.stops
    assert "0.600 of its tokens from documents of 1 window up (64 tokens)" in finding.reason
