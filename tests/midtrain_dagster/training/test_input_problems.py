"""What a given base makes of later stages and soups, known before a step is trained."""

from pathlib import Path
from typing import Any

import pytest
import torch

from midtrain_dagster.core.findings import Finding
from midtrain_dagster.dataloader.fill_in_the_middle import USUAL
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.tokens.tokenizer import SMALLEST_VOCABULARY, train_tokenizer
from midtrain_dagster.training import input_problems
from midtrain_dagster.training.input_problems import Given, chain_of
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.transition.foreign_moments import decaying_names

MODEL = ModelConfig(hidden_size=16, layers=1, heads=1, kv_heads=1, intermediate_size=16)
RESETS = {"moments": {"reset": "none are given"}, "learning_rate": {"reset": "unknown"}}
CONSTANT = [{"phase": "constant", "learning_rate": 1e-3}]
ROPE = {"method": "ntk", "factor": 2}


def run(name: str, **changed: Any) -> Run:
    fields = {
        "start": "base",
        "tokens": 4096,
        "batch_tokens": 512,
        "sequence_length": 64,
        "schedule": CONSTANT,
        "inherit": RESETS,
        "mixture": {"domains": {"web": 1.0}},
    }
    return Run(name, Stage.model_validate(fields | changed), 1)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A model's folder without anything beside it."""
    folder = tmp_path / "base"
    model = new_model(MODEL, vocabulary=20, sequence_length=64, seed=0)
    model.save_pretrained(folder)
    return folder


def findings(runs: list[Run], base: Path, **given: Any) -> list[Finding]:
    return chain_of(runs, Given(vocabulary=20, base=base, **given)).findings


def test_a_stage_that_goes_on_at_the_rate_of_a_finished_trainer_is_refused(base: Path) -> None:
    """Trainer's linear schedule ends at 0, and that is what its optimizer.pt has."""
    model = new_model(MODEL, vocabulary=20, sequence_length=64, seed=0)
    decays = set(decaying_names(model))
    groups = [
        [each for name, each in model.named_parameters() if (name in decays) is kind]
        for kind in (True, False)
    ]
    optimizer = torch.optim.AdamW([{"params": each} for each in groups])
    ids = torch.arange(10)[None]
    model(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    torch.save(optimizer.state_dict(), base / "optimizer.pt")
    (found,) = findings([run("on", schedule=[{"phase": "constant"}], inherit={})], base)
    assert found.stops
    assert found.place == ("stages", "on", "schedule")
    assert "stays at rate 0" in found.reason
    risen = [{"phase": "warmup", "to": 1e-3, "tokens": 1024}, {"phase": "constant"}]
    assert findings([run("on", schedule=risen, inherit={})], base) == []


def test_a_warm_up_of_one_step_from_zero_is_doubted(base: Path) -> None:
    short = [{"phase": "warmup", "to": 1e-3, "tokens": 512}, {"phase": "constant"}]
    (found,) = findings([run("on", schedule=short)], base)
    assert not found.stops
    assert found.place == ("stages", "on", "schedule", 0)
    short[0] |= {"start": 5e-4}
    assert findings([run("on", schedule=short)], base) == []


@pytest.mark.parametrize(("speed", "told"), [(0.04, "25 times slower"), (1.5, None)])
def test_bf16_is_doubted_where_the_cpu_is_slow_in_it(
    base: Path, monkeypatch: pytest.MonkeyPatch, speed: float, told: str | None
) -> None:
    monkeypatch.setattr(input_problems, "speed_in_bf16", lambda: speed)  # CPUs differ in it
    found = findings([run("on", precision="bf16"), run("off")], base)
    assert [each.place for each in found] == ([("stages", "on", "precision")] if told else [])
    assert told is None or (told in found[0].reason and not found[0].stops)
    assert findings([run("on", precision="bf16", accelerator="gpu")], base) == []


def test_a_batch_that_changes_beside_a_rate_that_does_not_is_doubted(base: Path) -> None:
    keep = {"schedule": [{"phase": "constant"}], "inherit": {}}
    first = run("on", batch_tokens="256 -> 512 @ 1024")
    assert findings([first, run("next", start="on", **keep)], base) == []
    (found,) = findings([first, run("next", start="on", batch_tokens=1024, **keep)], base)
    assert (found.place, found.stops) == (("stages", "next", "batch_tokens"), False)
    assert "the batch changes from 512 tokens, with which 'on' ends, to 1,024" in found.reason
    said = keep | {"inherit": {"learning_rate": {"map": "measured", "factor": 1}}}
    assert findings([first, run("next", start="on", batch_tokens=1024, **said)], base) == []


def test_a_base_with_weights_that_are_no_numbers_is_refused(base: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(base / "model.safetensors")
    weights["model.norm.weight"][3] = float("nan")
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    (found,) = findings([run("on")], base)
    assert found.place == ("stages", "on", "start")
    assert "model.norm.weight holds values that are no finite numbers" in found.reason


@pytest.mark.parametrize(
    ("soup", "told"),
    [
        (["base", "on"], None),
        (["on", "extended"], "max_position_embeddings is 64 and 128"),
        (["base", "extended"], "max_position_embeddings is 64 and 128"),
    ],
)
def test_soups_are_of_one_architecture(base: Path, soup: list[str], told: str | None) -> None:
    runs = [run("on"), run("extended", start="on", sequence_length=128, rope=ROPE)]
    found = [each for each in findings(runs, base, ingredients={"soup": soup}) if each.stops]
    assert [each.place for each in found] == ([("soups", "soup", "of")] if told else [])
    assert told is None or told in found[0].reason


def test_soups_are_of_one_vocabulary(base: Path, tmp_path: Path) -> None:
    other = tmp_path / "tokenizer"
    other.mkdir()
    for folder, token in ((base, "a"), (other, "b")):
        (folder / "tokenizer.json").write_text(f'{{"model": {{"vocab": {{"{token}": 0}}}}}}')
    reset = run("on", inherit=RESETS | {"weights": {"reset": "another vocabulary"}})
    given: dict[str, Any] = {"ingredients": {"soup": ["base", "on"]}}
    (found,) = findings([reset], base, tokenizer=other, **given)
    assert found.place == ("soups", "soup", "of")
    assert "the tokenizer of the run is not the base's" in found.reason
    assert findings([reset], base, tokenizer=base, **given) == []


def test_a_tokenizer_without_tokens_for_the_parts_of_turned_documents_is_refused(
    base: Path, tmp_path: Path
) -> None:
    turning = run("on", fill_in_the_middle={"domains": ["web"]})
    assert findings([turning], base) == []
    for folder, added in (("lacks", ()), ("has", USUAL)):
        files = train_tokenizer([], vocabulary=SMALLEST_VOCABULARY + len(added), added=added)
        (tmp_path / folder).mkdir()
        for name, data in files.items():
            (tmp_path / folder / name).write_bytes(data)
    given = {"tokenizer": tmp_path / "lacks"}
    told = [each for each in findings([turning], base, **given) if "prefix" in each.reason]
    assert [(each.place, each.stops) for each in told] == [
        (("stages", "on", "fill_in_the_middle"), True)
    ]
    assert told[0].reason.startswith("the tokenizer has no tokens for prefix, suffix and middle")
    found = findings([turning], base, tokenizer=tmp_path / "has")
    assert not any("prefix" in each.reason for each in found)
