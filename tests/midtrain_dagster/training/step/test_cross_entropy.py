"""The chunked cross-entropy is the plain one, and never has more logits than a chunk."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, linear
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from midtrain_dagster.training.step.cross_entropy import chunked_cross_entropy

Found = tuple[float, torch.Tensor, torch.Tensor]


def drawn(
    rows: int, length: int, width: int, vocabulary: int, seed: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Hidden states, head, and labels of which about a third are left out."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(rows, length, width, generator=generator, requires_grad=True)
    head = torch.randn(vocabulary, width, generator=generator, requires_grad=True)
    labels = torch.randint(vocabulary, (rows, length), generator=generator)
    labels[torch.rand(rows, length, generator=generator) < 0.3] = -100
    return hidden, head, labels


def plain(hidden: torch.Tensor, head: torch.Tensor, labels: torch.Tensor, z_loss: float) -> Found:
    logits = linear(hidden, head)[:, :-1].flatten(0, 1).float()
    wanted = labels[:, 1:].flatten()
    partition = logits[wanted != -100].logsumexp(-1)
    summed = cross_entropy(logits, wanted, ignore_index=-100, reduction="sum")
    gradients = torch.autograd.grad(summed + z_loss * (partition**2).sum(), (hidden, head))
    return summed.item(), *gradients


def chunked(
    hidden: torch.Tensor, head: torch.Tensor, labels: torch.Tensor, z_loss: float, chunk: int
) -> Found:
    objective, summed = chunked_cross_entropy(hidden, head, labels, z_loss=z_loss, chunk=chunk)
    assert not summed.requires_grad
    return summed.item(), *torch.autograd.grad(objective, (hidden, head))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(2, 17),
    st.integers(1, 40),
    st.sampled_from([0.0, 1e-4, 0.1]),
    st.integers(0, 2**32 - 1),
)
def test_chunked_cross_entropy_is_the_plain_one(
    rows: int, length: int, chunk: int, z_loss: float, seed: int
) -> None:
    inputs = drawn(rows, length, 8, 23, seed)
    loss, *gradients = chunked(*inputs, z_loss, chunk)
    plain_loss, *plain_gradients = plain(*inputs, z_loss)
    assert loss == pytest.approx(plain_loss, rel=1e-5, abs=1e-5)
    for one, other in zip(gradients, plain_gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_chunked_cross_entropy_has_a_gradient_that_follows_the_scale() -> None:
    hidden, head, labels = drawn(2, 8, 4, 11, 0)
    one = chunked(hidden, head, labels, 0.0, 3)[1:]
    objective, _ = chunked_cross_entropy(hidden, head, labels, chunk=3)
    for single, scaled in zip(
        one, torch.autograd.grad(objective * 0.25, (hidden, head)), strict=True
    ):
        torch.testing.assert_close(scaled, single * 0.25)


def test_chunked_cross_entropy_of_no_label_is_no_loss_and_no_gradient() -> None:
    hidden, head, labels = drawn(1, 5, 4, 7, 0)
    loss, *gradients = chunked(hidden, head, torch.full_like(labels, -100), 1e-4, 2)
    assert loss == 0
    assert all(not gradient.any() for gradient in gradients)


def test_chunked_cross_entropy_is_exact_under_autocast() -> None:
    inputs = drawn(2, 33, 64, 300, 1)
    exact = plain(*inputs, 0.0)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = chunked(*inputs, 0.0, 16), plain(*inputs, 0.0)

    def error(found: Found) -> list[float]:
        return [
            float((torch.as_tensor(a) - torch.as_tensor(b)).norm() / torch.as_tensor(b).norm())
            for a, b in zip(found, exact, strict=True)
        ]

    for one, other in zip(error(ours), error(theirs), strict=True):
        assert one <= max(1.5 * other, 1e-3)
    assert ours[1].dtype == ours[2].dtype == torch.float32


class LargestTensor(TorchDispatchMode):
    """The most elements that a tensor has while it is active."""

    elements = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):  # type: ignore
        made = function(*arguments, **(keywords or {}))
        sizes = [leaf.numel() for leaf in tree_leaves(made) if isinstance(leaf, torch.Tensor)]
        self.elements = max([self.elements, *sizes])
        return made


def test_chunked_cross_entropy_never_has_the_whole_logits() -> None:
    hidden, head, labels = drawn(4, 64, 8, 1000, 2)
    with LargestTensor() as chunks:
        chunked(hidden, head, labels, 1e-4, 10)
    assert chunks.elements == 10 * 1000
    with LargestTensor() as whole:
        plain(hidden, head, labels, 1e-4)
    assert whole.elements == 4 * 64 * 1000
