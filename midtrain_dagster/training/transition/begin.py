"""The beginning of a stage: what it takes over from its start, read, checked and put together.

``check_start`` looks at headers only, so that a stage that does not fit is refused before Ray or a
GPU is asked for; ``inherited`` makes the same checks and reads. Whatever ``inherit`` does not speak
of has to fit exactly: every name, every shape, and the tokens of the vocabulary.

A mapping of weights reads the tensors by the names that they have on disk, past the conversions
that transformers makes for some families (fused experts); kept weights go through those.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midtrain_dagster.core.system_files import own_files
from midtrain_dagster.models.load import CheckpointError, load_to_train
from midtrain_dagster.models.new import new_model
from midtrain_dagster.models.tensor_names import Shape
from midtrain_dagster.training.checkpoints import checkpoint
from midtrain_dagster.training.checkpoints.checkpoint import State
from midtrain_dagster.training.checkpoints.moments import Moments, check_kinds
from midtrain_dagster.training.inherit import Mapped, Reset, TransitionError
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.optimizers.method import STATE
from midtrain_dagster.training.transition.check import check_optimizer, check_seed
from midtrain_dagster.training.transition.config import begun_config, change_config
from midtrain_dagster.training.transition.foreign_moments import find_moments, moments_of
from midtrain_dagster.training.transition.mapping import Match, MisfitError, applied, match

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Inherited:
    """What a stage begins with: the whole model, fp32, on the CPU; moments if any are kept."""

    model: "PreTrainedModel"
    moments: Moments | None
    learning_rate: float | None
    """The one that it goes on from, for ``Stage.learning_rates``; None: it has one of its own."""


def check_start(job: Job) -> None:
    """Raise what ``inherited`` would, from headers alone: no tensor is loaded.

    The digests of one of our checkpoints are compared, which does read its bytes.
    """
    _begun(job, shapes_only=True)


def inherited(job: Job) -> Inherited:
    """Everything that a stage takes over from its start, as its ``inherit`` says.

    Raises ``CheckpointError`` for a start that is damaged, incomplete, holds values that are no
    finite numbers, or whose tensors are not the model's; ``TransitionError`` where architecture,
    vocabulary, length, learning rate or seed do not fit.
    """
    return _begun(job, shapes_only=False)


def last_learning_rate(job: Job) -> float | None:
    """What a stage goes on from; None: not known, or it has one of its own."""
    if job.start is None or not job.stage.inherits_learning_rate:
        return None
    if checkpoint.is_checkpoint(job.start):
        return checkpoint.read_state(job.start).learning_rate
    if find_moments(job.start) is None:
        return None
    model = _meta(job, _config(job))
    return moments_of(job.start, model, shapes_only=True).learning_rate


def _begun(job: Job, *, shapes_only: bool) -> Inherited:
    if job.start is None:
        assert job.model is not None
        length = job.stage.sequence_length
        model = new_model(
            job.model, vocabulary=job.vocabulary, sequence_length=length, seed=job.seed
        )
        job.stage.learning_rates(None)
        return Inherited(model, moments=None, learning_rate=None)
    if checkpoint.is_checkpoint(job.start):
        _check_state(job, checkpoint.verify_checkpoint(job.start))
    last = last_learning_rate(job)
    job.stage.learning_rates(last)
    config = _config(job)
    _check_tokens(job)
    model = _model(job, config, shapes_only=shapes_only)
    moments = None
    if job.stage.inherit.takes_moments:
        moments = _moments(job, config, model, shapes_only=shapes_only)
    if not shapes_only:
        check_finite(str(job.start), dict(model.named_parameters()))
        if moments is not None:
            check_finite(str(moments.file), moments.first)
            check_finite(str(moments.file), moments.second)
            check_finite(str(moments.file), moments.momentum)
    return Inherited(model, moments, last)


def check_finite(place: str, tensors: Mapping[str, "Tensor"]) -> None:
    """Raise ``CheckpointError`` for a value that is no finite number: every step would fail on it,
    or be skipped, and it would be exported as it came."""
    wrong = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if wrong:
        others = f" and {len(wrong) - 1} more tensors hold" if len(wrong) > 1 else " holds"
        raise CheckpointError(
            f"{place}: {wrong[0]}{others} values that are no finite numbers: its training "
            "diverged, or its file is damaged; take an earlier checkpoint"
        )


def _check_state(job: Job, state: State) -> None:
    try:
        check_seed(job.stage, state.seed, job.seed)
    except TransitionError as error:
        raise TransitionError(f"{job.name}: {error}") from error


def _config(job: Job) -> Any:
    """The start's configuration as the stage changes it.

    Raises ``CheckpointError`` for none, ``TransitionError`` where the stage does not fit onto it.
    """
    assert job.start is not None
    config = begun_config(job.start)
    change_config(config, job.stage, vocabulary=job.vocabulary, name=job.name, start=str(job.start))
    return config


def _check_tokens(job: Job) -> None:
    """Raise ``TransitionError`` for a token that is another one in the start's tokenizer."""
    if job.tokenizer is None or isinstance(job.stage.inherit.weights, Reset):
        return
    assert job.start is not None
    files = [folder / "tokenizer.json" for folder in (job.start, job.tokenizer)]
    if not all(file.is_file() for file in files):
        return
    from tokenizers import Tokenizer

    theirs, ours = (Tokenizer.from_file(str(file)).get_vocab() for file in files)
    token_of = {number: token for token, number in theirs.items()}
    wrong = sorted(
        (number, token)
        for token, number in ours.items()
        if token_of.get(number, token) != token or theirs.get(token, number) != number
    )
    if wrong:
        number, token = wrong[0]
        raise TransitionError(
            f"{files[0]}: another vocabulary than the tokenizer's of this run: {len(wrong)} of its "
            f"{len(ours)} tokens are others; the first is {number}, {token!r} here and "
            f"{token_of.get(number)!r} there: set tokenizer: {{path: base}}, or reset the weights"
        )


def _model(job: Job, config: Any, *, shapes_only: bool) -> "PreTrainedModel":
    assert job.start is not None
    weights = job.stage.inherit.weights
    if isinstance(weights, Reset):
        return load_to_train(job.start, config, seed=job.seed)
    if weights == "keep":
        return load_to_train(job.start, config, shapes_only=shapes_only)
    model = load_to_train(job.start, config, seed=job.seed)
    stored = _stored_weights(job.start, shapes_only=shapes_only)
    shapes, tied = parameters_of(model)
    try:
        found = match(_shapes(stored), shapes, weights, tied=tied)
        if shapes_only:
            return model
        head = _head(config)
        tensors = applied(found, stored, shapes, weights, head=head, new_rows="mean")
    except MisfitError as error:
        raise CheckpointError(f"{job.start}: not the weights of this model: {error}") from error
    model.load_state_dict(tensors, strict=False)
    return model


def _moments(job: Job, config: Any, model: "PreTrainedModel", *, shapes_only: bool) -> Moments:
    assert job.start is not None
    said = job.stage.inherit.moments
    how = said if isinstance(said, Mapped) else None
    stored = moments_of(job.start, model, shapes_only=shapes_only)
    optimizer = job.stage.optimizer
    check_optimizer(stored.method, optimizer.method, str(stored.file))
    shapes, tied = parameters_of(model)
    try:
        found = match(stored.shapes, shapes, how, tied=tied)
    except MisfitError as error:
        raise CheckpointError(
            f"{stored.file}: not the moments of this model: {error}; say inherit: {{moments: "
            "{map: WHY, ...}} or {moments: {reset: WHY}}"
        ) from error
    muons = optimizer.momentum_names(model)
    with_momentum = {name for name, each in found.taken.items() if each in stored.momentum}
    check_kinds(stored.file, with_momentum, muons - found.fresh)
    if shapes_only:
        return stored
    try:
        first, second, momentum = (
            _taken(found, stored.of_kind(kind), shapes, how, head=_head(config)) for kind in STATE
        )
    except MisfitError as error:
        raise CheckpointError(f"{stored.file}: {error}") from error
    others = _zeros(found.fresh - muons, shapes)
    steps = {name: stored.steps[origin] for name, origin in found.taken.items()}
    return Moments(
        stored.file,
        first | others,
        second | others,
        steps | dict.fromkeys(found.fresh, 0),
        stored.learning_rate,
        momentum | _zeros(found.fresh & muons, shapes),
    )


def _taken(
    found: Match,
    source: Mapping[str, "Tensor"],
    shapes: Mapping[str, Shape],
    how: Mapped | None,
    *,
    head: int,
) -> dict[str, "Tensor"]:
    """What a match takes of moments of one kind, which not all parameters have."""
    taken = {name: origin for name, origin in found.taken.items() if origin in source}
    equal = tuple(pair for pair in found.equal if pair[0] in source and pair[1] in source)
    part = Match(taken, equal, found.grown, found.fresh)
    return applied(part, source, shapes, how, head=head, new_rows="zero")


def _zeros(names: Iterable[str], shapes: Mapping[str, Shape]) -> dict[str, "Tensor"]:
    import torch

    return {name: torch.zeros(shapes[name]) for name in names}


def parameters_of(model: "PreTrainedModel") -> tuple[dict[str, Shape], dict[str, str]]:
    """Shapes by name, and for each further name of a tied parameter the one that is used."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    every = model.named_parameters(remove_duplicate=False)
    tied = {name: names[id(parameter)] for name, parameter in every}
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    return shapes, {name: own for name, own in tied.items() if name != own}


def _shapes(tensors: Mapping[str, "Tensor"]) -> dict[str, Shape]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _head(config: Any) -> int:
    head = getattr(config, "head_dim", None)
    return int(head or config.hidden_size // config.num_attention_heads)


def _meta(job: Job, config: Any) -> "PreTrainedModel":
    """The model without weights: names, order and shapes of its parameters; tied or not as its
    stored weights are, where those are kept."""
    if job.stage.inherit.weights == "keep":
        return _model(job, config, shapes_only=True)
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def _stored_weights(folder: Path, *, shapes_only: bool) -> dict[str, "Tensor"]:
    """The tensors of all safetensors files of a Hugging Face folder, by the names they have there.

    Raises ``CheckpointError`` where there are none, or one is cut.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    files = [
        file for file in sorted(own_files(folder, "*.safetensors")) if file.stem != "optimizer"
    ]
    if not files:
        raise CheckpointError(f"{folder}: there are no weights in safetensors files")
    tensors: dict[str, Tensor] = {}
    for file in files:
        try:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118 (it is no mapping)
                    if shapes_only:
                        shape = opened.get_slice(name).get_shape()
                        tensors[name] = torch.empty(shape, device="meta")
                    else:
                        tensors[name] = opened.get_tensor(name)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{file}: {error}") from error
    return tensors
