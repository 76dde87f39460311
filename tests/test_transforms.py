"""What every rule of the library for torch's transforms is built of."""

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from wordline.transforms import (
    batch_dim_first,
    concrete,
    needs_derivative,
    once_differentiable,
    outside_transforms,
    require_plain,
    under_transform,
    under_vmap,
)


def test_a_derivative_is_noticed_in_every_mode() -> None:
    x, seen = torch.rand(3), []
    leaf = x.clone().requires_grad_()
    assert not needs_derivative(x) and needs_derivative(x, leaf) and not under_transform()
    with torch.no_grad():
        assert not needs_derivative(leaf)
        with forward_ad.dual_level():
            assert needs_derivative(forward_ad.make_dual(x, x))

    def look(y: Tensor) -> Tensor:
        seen.append((needs_derivative(y), under_transform(), under_vmap(y)))
        return y.sum()

    torch.func.grad(look)(x), torch.func.jvp(look, (x,), (x,)), torch.func.vmap(look)(x[None])
    assert seen == [(True, True, False), (True, True, False), (True, True, True)]


def test_a_decision_is_made_for_all_that_vmap_runs_over() -> None:
    shapes = []

    def look(x: Tensor) -> Tensor:
        shapes.append(tuple(concrete(x).shape))
        return x if bool((concrete(x) < 0).any()) else 2 * x

    x = torch.tensor([[1.0, -1.0], [1.0, 1.0]])
    assert torch.equal(torch.func.vmap(look)(x), x)
    (
        torch.func.vmap(torch.func.vmap(look))(x),
        torch.func.vmap(look, in_dims=1)(torch.rand(3, 2)),
        look(x),
    )
    assert shapes == [(2, 2), (2, 2), (2, 3), (2, 2)]


def test_what_is_made_apart_is_one_for_all() -> None:
    stream = torch.Generator().manual_seed(0)
    found = torch.func.vmap(
        lambda x: x + outside_transforms(lambda: torch.rand(2, generator=stream))
    )(torch.zeros(3, 2))
    assert torch.equal(found, torch.rand(2, generator=stream.manual_seed(0)).expand(3, 2))


def test_dimensions_come_in_front() -> None:
    a, b = batch_dim_first(2, (1, None), torch.rand(3, 2), torch.rand(4))
    assert a.shape == (2, 3) and b.shape == (2, 4)


def test_what_has_no_second_derivative_says_so() -> None:
    class Twice(once_differentiable("twice")):
        @staticmethod
        def forward(x: Tensor) -> Tensor:
            return 2 * x

    x = torch.ones(1, requires_grad=True)
    with pytest.raises(
        NotImplementedError, match="`twice` is differentiable once, got a request for a second"
    ):
        torch.autograd.grad(Twice.apply(x), x)
    with pytest.raises(NotImplementedError, match="`twice` is differentiable once"):
        torch.func.jvp(Twice.apply, (x.detach(),), (torch.ones(1),))


def test_the_old_vmap_is_refused() -> None:
    class Kernel(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: Tensor) -> Tensor:
            return 2 * x

        @staticmethod
        def backward(ctx: object, *grads: Tensor) -> Tensor:
            return 2 * require_plain(*grads)[0]

    with pytest.raises(
        ValueError, match="`is_grads_batched` and `vectorize=True` cannot differentiate the arrays"
    ):
        torch.autograd.functional.jacobian(Kernel.apply, torch.ones(2), vectorize=True)
