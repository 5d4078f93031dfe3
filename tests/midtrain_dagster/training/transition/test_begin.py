"""The beginning of a stage: true inheritance, and what is refused before anything is computed."""

import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
import torch.distributed.checkpoint as dcp
from safetensors.torch import load_file, save_file
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict
from transformers import AutoModelForCausalLM

from midtrain_dagster.dataloader.batch import collate
from midtrain_dagster.dataloader.plan import Plan
from midtrain_dagster.models.head import logits
from midtrain_dagster.models.load import CheckpointError, load_to_train
from midtrain_dagster.tokens.tokenizer import train_tokenizer
from midtrain_dagster.training.checkpoints import checkpoint
from midtrain_dagster.training.checkpoints.moments import Moments, put_moments, read_moments
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.optimizers.methods.adamw import AdamW
from midtrain_dagster.training.step.objective import summed_loss
from midtrain_dagster.training.transition.begin import check_start, inherited
from midtrain_dagster.training.transition.foreign_moments import decaying_names
from midtrain_dagster.training.transition.mapping import halves

Make = Callable[..., Job]
LEARNING_RATE = 1e-3
NEXT = {
    "start": "base",
    "tokens": 256,
    "schedule": [{"phase": "decay", "shape": "linear", "to": 0.0}],
}
WHY = {"reset": "to see what happens"}
FRESH = {"moments": WHY, "learning_rate": WHY}
CONSTANT = [{"phase": "constant", "learning_rate": LEARNING_RATE}]


# Where the moments lie: ours, or what another trainer would have left of the very same ones.


def ours(folder: Path, model: Any, optimizer: torch.optim.AdamW) -> None:
    del folder, model, optimizer


def foreign(folder: Path) -> None:
    for name in (checkpoint.OPTIMIZER, checkpoint.DIGESTS, checkpoint.STATE, checkpoint.LOG):
        (folder / name).unlink()


def torchtitan(folder: Path, model: Any, optimizer: torch.optim.AdamW) -> None:
    foreign(folder)
    options = StateDictOptions(flatten_optimizer_state_dict=True)
    state = get_optimizer_state_dict(model, optimizer, options=options)
    dcp.save({"optimizer": state}, checkpoint_id=folder, no_dist=True)


def olmo_core(folder: Path, model: Any, optimizer: torch.optim.AdamW) -> None:
    foreign(folder)
    state = get_optimizer_state_dict(model, optimizer)
    dcp.save({"optim": state}, checkpoint_id=folder / "model_and_optim", no_dist=True)


def trainer(folder: Path, model: Any, optimizer: torch.optim.AdamW) -> None:
    """``optimizer.pt``, grouped and numbered as Hugging Face's Trainer does."""
    foreign(folder)
    decaying = decaying_names(model)
    groups: list[list[Any]] = [[], []]
    for name, parameter in model.named_parameters():
        groups[name not in decaying].append(parameter)
    other = torch.optim.AdamW([{"params": group} for group in groups], lr=LEARNING_RATE)
    other.state.update(optimizer.state)
    torch.save(other.state_dict(), folder / "optimizer.pt")


LAYOUTS = [ours, torchtitan, olmo_core, trainer]


@pytest.fixture
def start(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "start"))


def with_moments(start: Path, layout: Callable[..., None]) -> Moments:
    """Leave the start's moments in that layout; what they are."""
    model = load_to_train(start)
    optimizer = AdamW().make(model)
    moments = read_moments(start / checkpoint.OPTIMIZER)
    put_moments(moments, model, optimizer)
    for group in optimizer.param_groups:
        group["lr"] = LEARNING_RATE
    layout(start, model, optimizer)
    return moments


def updates_by_hand(start: Path, told: Job, moments: Moments | None) -> dict[str, torch.Tensor]:
    """The first update of every parameter: AdamW's formulas (arXiv 1711.05101) in float64.

    Clipping at a norm of 1, betas 0.9 and 0.95, epsilon 1e-8, weight decay 0.1 on matrices alone.
    """
    model = load_to_train(start).double()
    shards = told.open_shards()
    plan = told.plan(shards)
    windows = [plan.window(0, slot) for slot in range(told.stage.windows_per_step)]
    batch = collate(shards, windows, sequence_length=told.stage.sequence_length, padding=0)
    ids, positions, labels = map(
        torch.from_numpy, (batch.input_ids, batch.position_ids, batch.labels)
    )
    found = logits(model, ids, positions)
    (summed_loss(found.double(), labels) / batch.labelled).backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    norm = math.sqrt(sum(float((gradient**2).sum()) for gradient in gradients.values()))
    updates = {}
    for name, parameter in model.named_parameters():
        zeros = torch.zeros_like(parameter)
        first = zeros if moments is None else moments.first[name].double()
        second = zeros if moments is None else moments.second[name].double()
        count = 1 + (0 if moments is None else moments.steps[name])
        gradient = gradients[name] * min(1.0, 1.0 / norm)
        first = 0.9 * first + 0.1 * gradient
        second = 0.95 * second + 0.05 * gradient**2
        decay = 0.1 if parameter.ndim == 2 and "embed" not in name else 0.0
        moved = first / (1 - 0.9**count) / ((second / (1 - 0.95**count)).sqrt() + 1e-8)
        updates[name] = (-LEARNING_RATE * (moved + decay * parameter)).detach()
    return updates


@pytest.mark.parametrize("layout", LAYOUTS)
def test_inherited_moments_make_the_first_update(
    job: Make, start: Path, tmp_path: Path, layout: Callable[..., None]
) -> None:
    moments = with_moments(start, layout)
    told = job({"name": "annealed", "start": start}, **NEXT)
    check_start(told)
    before = load_file(start / "model.safetensors")
    after = load_file(train(told, output=tmp_path / "annealed") / "model.safetensors")
    kept, zero = (updates_by_hand(start, told, each) for each in (moments, None))
    for name, expected in kept.items():
        found = after[name].double() - before[name].double()
        # Both weights are below 2 and stored in fp32, each to 6e-8; the gradient's own rounding,
        # 1e-5 of an update of 1e-3 at most, is less. Measured: 6e-8.
        torch.testing.assert_close(found, expected, rtol=0, atol=1.3e-7)
    # Without the moments it would have been another one, by far.
    assert max(float((zero[name] - kept[name]).abs().max()) for name in zero) > 1e-4


def test_inherited_moments_begin_at_zero_where_they_are_reset(
    job: Make, start: Path, tmp_path: Path
) -> None:
    told = job({"name": "annealed", "start": start}, **NEXT, inherit={"moments": WHY})
    before = load_file(start / "model.safetensors")
    last = train(told, output=tmp_path / "annealed")
    after = load_file(last / "model.safetensors")
    for name, expected in updates_by_hand(start, told, None).items():
        # A first update from nothing is the learning rate times the gradient's sign, but for
        # gradients near epsilon: only there may fp32 and float64 differ by more than rounding.
        found = after[name].double() - before[name].double()
        assert float(((found - expected).abs() < 1e-6).double().mean()) > 0.99
    assert int(load_file(last / "optimizer.safetensors")["steps"]) == 1


def test_inherited_learning_rate_may_be_another_trainers(job: Make, start: Path) -> None:
    with_moments(start, trainer)
    assert inherited(job({"start": start}, **NEXT)).learning_rate == LEARNING_RATE
    jump = NEXT | {"schedule": [{"phase": "constant", "learning_rate": 5e-3}]}
    with pytest.raises(TransitionError, match=r"jumps from 0\.001"):
        check_start(job({"start": start}, **jump))


@pytest.mark.parametrize("stores_another", [True, False])
def test_a_start_is_trained_tied_as_its_tensors_are(
    job: Make, start: Path, tmp_path: Path, stores_another: bool
) -> None:
    # A tied base that says untied, with another trainer's moments; and one that says tied and has
    # a head of its own.
    with_moments(start, trainer)
    weights, config = start / "model.safetensors", start / "config.json"
    says = json.loads(config.read_bytes()) | {"tie_word_embeddings": stores_another}
    config.write_text(json.dumps(says))
    tensors = load_file(weights)
    embedding = tensors["model.embed_tokens.weight"]
    if stores_another:
        save_file(tensors | {"lm_head.weight": embedding.flip(0)}, weights, {"format": "pt"})
    inherit = {"inherit": FRESH, "schedule": CONSTANT} if stores_another else {}
    told = job({"name": "annealed", "start": start}, **NEXT | inherit)
    check_start(told)
    last = train(told, output=tmp_path / "annealed")
    written = json.loads((last / "config.json").read_bytes())
    assert written["tie_word_embeddings"] is not stores_another
    assert ("lm_head.weight" in load_file(last / "model.safetensors")) is stores_another
    ids = torch.arange(9)[None]
    plain = AutoModelForCausalLM.from_pretrained(last)
    assert torch.equal(plain(ids).logits, load_to_train(last).eval()(ids).logits)
    moved = (plain.get_output_embeddings().weight.detach() - embedding).abs().max()
    assert (float(moved) > 1e-2) is stores_another


def test_inherited_learning_rate_may_be_scaled(job: Make, start: Path) -> None:
    scaled = {"learning_rate": {"map": "a batch of twice the size", "factor": 1.5}}
    told = job({"start": start}, **NEXT, inherit=scaled)
    assert told.stage.learning_rates(inherited(told).learning_rate)[0] == 1.5 * LEARNING_RATE


# Mapped tensors.


def renamed(start: Path) -> dict[str, Any]:
    """Weights and moments as torchtitan names and orders them; what maps them back."""
    rename = {
        r"tok_embeddings\.weight": "model.embed_tokens.weight",
        r"layers\.(\d+)\.attention\.w([qkvo])\.weight": (
            r"model.layers.\1.self_attn.\2_proj.weight"
        ),
    }
    back = {
        r"model\.embed_tokens\.weight": "tok_embeddings.weight",
        r"model\.layers\.(\d+)\.self_attn\.([qkvo])_proj\.weight": (
            r"layers.\1.attention.w\2.weight"
        ),
    }

    def theirs(name: str, tensor: torch.Tensor) -> tuple[str, torch.Tensor]:
        if re.search(r"[qk]_proj", name):
            pairs = tensor.reshape(-1, 2, 4, *tensor.shape[1:]).transpose(1, 2)
            assert torch.equal(halves(pairs.reshape(tensor.shape), 8), tensor)
            tensor = pairs.reshape(tensor.shape).contiguous()
        for pattern, template in back.items():
            name = re.sub(f"^{pattern}$", template, name)
        return name, tensor

    weights = load_file(start / "model.safetensors")
    moments = load_file(start / "optimizer.safetensors")
    save_file(dict(theirs(*item) for item in weights.items()), start / "model.safetensors")
    changed = {}
    for key, tensor in moments.items():
        kind, _, name = key.partition(".")
        other, moved = theirs(name, tensor)
        changed[f"{kind}.{other}" if name else kind] = moved
    save_file(changed, start / "optimizer.safetensors")
    (start / checkpoint.DIGESTS).unlink()
    return {"map": "from torchtitan", "rename": rename, "interleaved_rope": True}


def test_inherited_weights_may_be_mapped_by_names_and_orders(
    job: Make, base: Path, start: Path
) -> None:
    how = renamed(start)
    fields = NEXT | {"schedule": CONSTANT}
    told = job(
        {"start": start}, **fields, inherit={"weights": how, "moments": how, "learning_rate": WHY}
    )
    check_start(told)
    begun, expected = inherited(told), inherited(job({"start": base}, **NEXT))
    assert begun.moments is not None and expected.moments is not None
    for name, parameter in expected.model.named_parameters():
        assert torch.equal(begun.model.get_parameter(name), parameter), name
        assert torch.equal(begun.moments.first[name], expected.moments.first[name]), name
        assert torch.equal(begun.moments.second[name], expected.moments.second[name]), name
    unmapped = job({"start": start}, **fields, inherit={"learning_rate": WHY})
    for check in (check_start, inherited):
        with pytest.raises(CheckpointError, match=r"not of the model: layers\.0-1\.attention"):
            check(unmapped)


def test_inherited_vocabulary_grows_where_it_is_said(
    job: Make, start: Path, tmp_path: Path
) -> None:
    grown = {"map": "three tokens for tools", "grow": [r"model\.embed_tokens\.weight"]}
    same = {"map": "as if nothing had grown"}
    fields = {"name": "annealed", "start": start, "vocabulary": 100}
    with pytest.raises(TransitionError, match=r"the tokenizer has 100 tokens, .* has 97: take"):
        check_start(job(fields, **NEXT))
    with pytest.raises(CheckpointError, match=r"moments .* \(97, 32\) where .* \(100, 32\)"):
        check_start(job(fields, **NEXT, inherit={"weights": grown, "moments": same}))
    told = job(fields, **NEXT, inherit={"weights": grown, "moments": grown})
    check_start(told)
    begun = inherited(told)
    embedding = begun.model.get_parameter("model.embed_tokens.weight")
    old = load_file(start / "model.safetensors")["model.embed_tokens.weight"]
    assert torch.equal(embedding[:97], old)
    torch.testing.assert_close(embedding[97:], old.mean(dim=0).expand(3, -1))
    assert begun.moments is not None
    assert not begun.moments.first["model.embed_tokens.weight"][97:].any()
    last = train(told, output=tmp_path / "annealed")
    assert load_to_train(last).config.vocab_size == 100


# What does not fit.


def test_check_start_refuses_another_architecture(job: Make, start: Path) -> None:
    config = json.loads((start / "config.json").read_bytes())
    (start / checkpoint.DIGESTS).unlink()
    changed = config | {"num_hidden_layers": 3, "intermediate_size": 48}
    (start / "config.json").write_text(json.dumps(changed))
    told = job({"start": start}, **NEXT | {"schedule": CONSTANT}, inherit=FRESH)
    for check in (check_start, inherited):
        with pytest.raises(CheckpointError) as error:
            check(told)
        for part in (
            f"{start}: not the weights of its config.json",
            "missing: model.layers.2.input_layernorm.weight",
            "of shape (64, 32) where the model has (48, 32): model.layers.0-1.mlp.gate_proj.weight",
        ):
            assert part in str(error.value)


def test_check_start_refuses_what_is_no_language_model(job: Make, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "vit"}')
    told = job({"start": tmp_path}, **NEXT | {"schedule": CONSTANT}, inherit=FRESH)
    with pytest.raises(TransitionError, match=r"config\.json: 'vit' is no causal language model"):
        check_start(told)
    (tmp_path / "config.json").write_text('{"model_type": "nobody"}')
    with pytest.raises(CheckpointError, match=r"config\.json: .*nobody"):
        check_start(told)


def test_check_start_refuses_a_folder_without_weights(job: Make, start: Path) -> None:
    foreign(start)
    (start / "model.safetensors").unlink()
    told = job({"start": start}, **NEXT | {"schedule": CONSTANT}, inherit=FRESH)
    with pytest.raises(CheckpointError, match=f"{start}: its weights cannot be loaded"):
        check_start(told)


def test_check_start_refuses_to_keep_moments_that_are_not_there(job: Make, start: Path) -> None:
    foreign(start)
    inherit = {"learning_rate": WHY}
    told = job({"start": start}, **NEXT | {"schedule": CONSTANT}, inherit=inherit)
    for check in (check_start, inherited):
        with pytest.raises(CheckpointError, match=r"there are no moments to keep: .*reset: WHY"):
            check(told)


def test_check_start_refuses_a_damaged_start_by_name(job: Make, start: Path) -> None:
    weights = bytearray((start / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (start / "model.safetensors").write_bytes(weights)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: changed since it was written"):
        check_start(job({"start": start}, **NEXT))


def test_inherited_refuses_weights_that_are_no_finite_numbers(job: Make, start: Path) -> None:
    foreign(start)
    tensors = load_file(start / "model.safetensors")
    tensors["model.norm.weight"][0] = float("nan")
    save_file(tensors, start / "model.safetensors", metadata={"format": "pt"})
    told = job({"start": start}, **NEXT | {"schedule": CONSTANT}, inherit=FRESH)
    with pytest.raises(CheckpointError, match=r"model\.norm\.weight holds values that are no fin"):
        inherited(told)


def test_inherited_refuses_moments_that_are_no_finite_numbers(job: Make, start: Path) -> None:
    with_moments(start, trainer)
    state = torch.load(start / "optimizer.pt")
    state["state"][0]["exp_avg_sq"].view(-1)[0] = float("inf")
    torch.save(state, start / "optimizer.pt")
    with pytest.raises(CheckpointError, match=r"optimizer\.pt: .* holds values that are no finite"):
        inherited(job({"start": start}, **NEXT))


def test_check_start_refuses_another_tokenizer(job: Make, start: Path, tmp_path: Path) -> None:
    (start / checkpoint.DIGESTS).unlink()
    folders = []
    for name, text in (("own", "a stage and its start "), ("other", "quite another text, indeed ")):
        files = train_tokenizer([text * 20], vocabulary=262)
        (tmp_path / name).mkdir()
        (tmp_path / name / "tokenizer.json").write_bytes(files["tokenizer.json"])
        folders.append(tmp_path / name)
    shutil.copyfile(folders[0] / "tokenizer.json", start / "tokenizer.json")
    fields = NEXT | {"schedule": CONSTANT, "inherit": FRESH}
    check_start(job({"start": start, "tokenizer": folders[0]}, **fields))
    with pytest.raises(TransitionError, match=r"another vocabulary .* of its 262 tokens"):
        check_start(job({"start": start, "tokenizer": folders[1]}, **fields))
    fields["inherit"] = FRESH | {"weights": WHY}
    check_start(job({"start": start, "tokenizer": folders[1]}, **fields))


def test_check_start_wants_a_reason_for_another_seed(job: Make, start: Path) -> None:
    with pytest.raises(TransitionError, match=r"annealed: the seed changes from 5, .* to 7"):
        check_start(job({"name": "annealed", "start": start, "seed": 7}, **NEXT))
    said = {"rng": {"reset": "one of three draws"}}
    check_start(job({"name": "annealed", "start": start, "seed": 7}, **NEXT, inherit=said))


# The position in the data.


def test_inherited_position_goes_on_where_the_start_stopped(
    job: Make, start: Path, tmp_path: Path
) -> None:
    """What two stages see of a domain is what one of both lengths would have seen, in order."""
    keep = {"inherit": {"data": "keep"}}
    told = job({"name": "annealed", "start": start}, **NEXT | {"tokens": 4 * 256}, **keep)
    first, second, undivided = (
        each.plan(each.open_shards()) for each in (job(), told, job(tokens=12 * 256))
    )

    def seen(plan: Plan, domain: str) -> list[Any]:
        steps = pl.concat([plan.documents_of_step(step) for step in range(plan.steps)])
        return steps.filter(pl.col("domain") == domain).select("id", "start", "stop").rows()

    for domain in ("web", "code"):
        both = seen(first, domain) + seen(second, domain)
        assert len(both) > 20
        assert both == seen(undivided, domain)[: len(both)]
        tokens = sum(stop - start for _, start, stop in seen(second, domain))
        assert second.delivered()[domain] == tokens
    identity, *_ = seen(second, "web")[0]
    steps = {step for step in range(4) if identity in second.documents_of_step(step)["id"]}
    assert set(second.steps_of_document(identity)["step"]) == steps
    last = train(told, output=tmp_path / "annealed")
    assert checkpoint.read_state(last).data == second.position(4)
    assert second.position(0) == first.position(8)


def test_inherited_position_is_none_by_default(job: Make, start: Path) -> None:
    told = job({"name": "annealed", "start": start}, **NEXT)
    assert told.record().begin is None


def test_inherited_position_has_to_be_known_and_the_same(job: Make, start: Path) -> None:
    keep = {"inherit": {"data": "keep", "moments": WHY}}
    longer = NEXT | {"sequence_length": 16}
    told = job({"name": "annealed", "start": start}, **longer, **keep)
    with pytest.raises(ValueError, match=r"cannot go on in the order of stage base: domain"):
        told.plan(told.open_shards())
    foreign(start)
    with pytest.raises(TransitionError, match="no position in the data is known"):
        told.plan(told.open_shards())
