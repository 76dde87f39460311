"""What arrays do to vectors, and what torch does with the weight, are the same linear map."""

import pytest
import torch
from torch import Tensor, nn

from wordline.nn.layers.layer_rules import view_as_matrices
from wordline.nn.layers.linear import LinearProduct

LAYERS = [
    (nn.Linear(6, 5), (3, 6)),
    (nn.Conv1d(4, 6, 3, 2, 1, groups=2), (2, 4, 9)),
    (nn.Conv2d(4, 6, (3, 2), padding="same", dilation=2, padding_mode="reflect"), (2, 4, 7, 6)),
    (nn.ConvTranspose2d(4, 6, 3, (2, 1), 1, (1, 0), groups=2), (2, 4, 5, 4)),
    (nn.ConvTranspose3d(2, 3, 2, 2), (2, 2, 3, 2, 2)),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda value: str(value)[:40])
def test_unrolled_vectors_times_the_matrix_are_the_layer(
    layer: nn.Module, shape: tuple[int, ...]
) -> None:
    matrices = view_as_matrices(layer)
    assert matrices is not None
    view, x = matrices.views[""], torch.rand(shape)
    product, weight = view.product, view.weight
    matrix = product.to_matrix(weight)
    assert tuple(matrix.shape) == view.matrix_shape
    assert torch.equal(product.to_weight(matrix, tuple(weight.shape)), weight)
    vectors = product.to_vectors(x)
    assert product.vector_count(x) == vectors.shape[1]
    torch.testing.assert_close(
        product.from_vectors(vectors @ matrix, x), product(x, weight, None), rtol=1e-5, atol=1e-5
    )
    biased = product.add_bias(product(x, weight, None), view.bias)
    torch.testing.assert_close(biased, layer(x), rtol=1e-5, atol=1e-5)


def test_weights_kept_as_inputs_by_outputs() -> None:
    product, weight, x = LinearProduct(inputs_first=True), torch.rand(6, 5), torch.rand(3, 6)
    torch.testing.assert_close(product(x, weight, None), x @ weight)
    assert product.matrix_shape(weight.shape) == (1, 6, 5)
    assert torch.equal(product.to_matrix(weight)[0], weight)
    assert torch.equal(product.to_weight(weight[None], (6, 5)), weight)


class Conv1D(nn.Module):
    """Named like a layer of another library, which it is not."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.rand(6, 5)), nn.Parameter(torch.rand(5))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


def test_a_foreign_layer_is_known_by_its_full_name() -> None:
    assert view_as_matrices(Conv1D()) is None
    genuine = type(
        "Conv1D", (Conv1D,), {"__module__": "transformers.pytorch_utils", "forward": Conv1D.forward}
    )
    matrices, x = view_as_matrices(genuine()), torch.rand(3, 6)
    assert matrices is not None
    view = matrices.views[""]
    torch.testing.assert_close(view.product(x, view.weight, view.bias), x @ view.weight + view.bias)
