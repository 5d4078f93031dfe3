from pathlib import Path
from typing import Any

from midtrain_dagster.long_context.input_problems import position_findings, ungated
from midtrain_dagster.long_context.preflight import findings
from midtrain_dagster.long_context.settings import Gates, LongContext


def settings(**fields: Any) -> LongContext:
    section = {"tasks": {"one": {"task": "needle", "keys": 3}}, "lengths": [32, 128], "items": 2}
    return LongContext.model_validate(section | fields)


def test_lengths_beyond_all_positions_are_refused() -> None:
    found = list(position_findings(settings(), {"base": 64, "long": 96}, learned_positions=False))
    assert [each.place for each in found] == [("long_context", "lengths", 1)]
    assert "128 is beyond the 96 positions of 'long'" in found[0].reason
    assert not list(
        position_findings(settings(), {"base": 64, "long": 128}, learned_positions=False)
    )
    (table,) = position_findings(settings(), {"base": 64, "long": 128}, learned_positions=True)
    assert "a table that ends there" in table.reason
    assert not list(position_findings(settings(), {}, learned_positions=True))


def test_stages_that_only_a_loss_judges_are_told_of_once() -> None:
    windows = {"same": (64, 64), "longer": (64, 256), "gated": (64, 256), "half": (256, 1024)}
    gates = {"gated": Gates.model_validate({"needles": {}}), "half": Gates()}
    (found,) = ungated(windows, gates)
    assert found.place == ("stages",)
    assert not found.stops
    assert found.reason.startswith(
        "windows grow in 2 stages (longer from 64 to 256 tokens, half from 256 to 1,024 tokens), "
        "and only losses"
    )
    (alone,) = ungated({"longer": (64, 256)}, {})
    assert alone.place == ("stages", "longer")
    assert alone.reason.startswith("windows grow from 64 to 256 tokens, and only losses")
    assert not list(ungated({"gated": (64, 256)}, gates))


def test_lengths_and_documents_that_do_not_do_are_found_before_anything_is_trained(
    tokenizer: Path,
) -> None:
    short, none = findings(settings(), tokenizer, [20, 10])
    assert short.place == ("long_context", "lengths", 0)
    assert "one, 32 tokens: 32 leave no room" in short.reason
    assert none.place == ("long_context", "lengths", 1)
    assert "no document has" in none.reason
    assert short.stops
    assert none.stops
    assert not list(findings(settings(lengths=[128]), tokenizer, [100, 200]))
    assert not list(findings(settings(lengths=[128]), tokenizer, None))
    (used_up,) = findings(
        settings(tasks={"one": {"task": "needle", "digits": 1}}, lengths=[128]), tokenizer, None
    )
    assert used_up.place == ("long_context", "tasks", "one")
