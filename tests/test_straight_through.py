"""The value of one tensor with the derivatives of another."""

import torch
from torch import Tensor

from wordline.straight_through import value_with_gradient_of


def test_one_tensor_has_the_derivatives_of_another() -> None:
    def cube(x: Tensor) -> Tensor:
        return value_with_gradient_of(torch.full_like(x, torch.inf), x**3)

    x = torch.tensor([2.0, 3.0], dtype=torch.float64)
    assert cube(x).tolist() == [torch.inf, torch.inf]
    for jacobian in (torch.func.jacrev, torch.func.jacfwd):
        torch.testing.assert_close(jacobian(cube)(x), torch.diag(3 * x**2))
        torch.testing.assert_close(jacobian(jacobian(cube))(x).sum((1, 2)), 6 * x)
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(lambda v: cube(v)))(x), 3 * x**2)


def test_it_compiles_into_one_graph() -> None:
    x = torch.tensor([0.4, 1.6], requires_grad=True)
    y = torch.compile(
        lambda v: value_with_gradient_of(v.round(), 3 * v), backend="eager", fullgraph=True
    )(x)
    assert y.tolist() == [0.0, 2.0] and torch.autograd.grad(y.sum(), x)[0].tolist() == [3.0, 3.0]
