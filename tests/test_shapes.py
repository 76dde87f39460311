"""The shape checks do fire, and never pre-empt the library's own errors."""

import pytest
import torch
from jaxtyping import Float, TypeCheckError, jaxtyped
from torch import Tensor

from shapes import checked_after_the_call, is_plain_python
from wordline.training.augment import augment


def test_the_library_is_instrumented() -> None:
    with pytest.raises(TypeCheckError, match="images"):
        augment(torch.zeros(1, 3, 8, 8, dtype=torch.int64), 0, False, generator=torch.Generator())


@jaxtyped(typechecker=checked_after_the_call)
def double(x: Float[Tensor, " n"], size: int = 1) -> Float[Tensor, " n"]:
    if x.ndim > 2:
        raise ValueError("`x` must be a vector")
    return x.repeat(2) if size == 2 else x


def test_wrong_shapes_of_arguments_and_of_results_are_found() -> None:
    assert double(torch.zeros(3)).shape == (3,)
    with pytest.raises(TypeCheckError, match="double"):
        double(torch.zeros(3, 3))
    with pytest.raises(TypeCheckError, match="double"):
        double(torch.zeros(3), 2)


def test_own_errors_come_first_and_plain_types_are_not_checked() -> None:
    with pytest.raises(ValueError, match="must be a vector"):
        double(torch.zeros(1, 1, 1))
    assert double(torch.zeros(3), "no number").shape == (3,)  # type: ignore[arg-type]


def test_modules_with_compiled_functions_are_left_alone() -> None:
    assert is_plain_python("wordline.values")
    assert not is_plain_python("wordline.kernels.simd")
    assert not is_plain_python("wordlines")
