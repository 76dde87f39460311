"""A layer whose weight lives on crossbars."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn

from ..mapping import Crossbar, Programmed, program
from .lowering import Product, to_matrix, to_weight


class MappedLayer(nn.Module):
    """A convolution or linear layer programmed onto crossbars: the same product with the weight that the chip has.

    Buffers: `conductances` `(arrays, groups, row_tiles, col_tiles, rows, cols)` siemens, the devices as they are;
    `effective_weight`, of the shape of the software weight; `gain`; `nf`. The bias stays digital. The gradient with
    respect to the input is that of the hardware, because an ohmic array is a matrix.
    """

    conductances: Tensor
    effective_weight: Tensor
    gain: Tensor
    nf: Tensor
    gradient = "exact"

    def __init__(
        self, weight: Tensor, bias: Tensor | None, product: Product, crossbar: Crossbar, seed: int, kind: str
    ) -> None:
        super().__init__()
        self.product, self.crossbar, self.stream_seed, self.kind = product, crossbar, seed, kind
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone(), requires_grad=bias.requires_grad)
        with torch.no_grad():
            programmed = self._program(weight)
        self.register_buffer("conductances", programmed.conductances)
        self.register_buffer("effective_weight", to_weight(programmed.weight, tuple(weight.shape)).contiguous())
        self.register_buffer("gain", programmed.gain)
        self.register_buffer("nf", programmed.nf)

    def forward(self, x: Tensor) -> Tensor:
        """The software layer's product, with the chip's weight."""
        return self.product(x, self.effective_weight, self.bias)

    @property
    def matrix_shape(self) -> tuple[int, int, int]:
        """(groups, inputs K, outputs C) of the matrix on the arrays."""
        groups, weight = self.product.groups, self.effective_weight
        return groups, weight[0].numel(), weight.shape[0] // groups

    def _program(self, weight: Tensor) -> Programmed:
        generator = torch.Generator().manual_seed(self.stream_seed)
        return program(to_matrix(weight, self.product.groups), self.crossbar, generator=generator)

    def extra_repr(self) -> str:
        """What `print(chip)` shows of the layer."""
        groups, k, c = self.matrix_shape
        return f"{self.kind}, {groups} x ({k} x {c}) on {self.crossbar.tile[0]} x {self.crossbar.tile[1]} tiles"


class TrainableLayer(MappedLayer):
    """A mapped layer that keeps the software weight as a parameter and programs it again at every forward pass.

    The gradient reaches the weight through variation, circuit and gain, by the exact adjoint of the circuit: this is
    what hardware-aware training differentiates. Every pass draws the same chip.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, product: Product, crossbar: Crossbar, seed: int, kind: str
    ) -> None:
        super().__init__(weight, bias, product, crossbar, seed, kind)
        self.weight = nn.Parameter(weight.detach().clone(), requires_grad=weight.requires_grad)

    def forward(self, x: Tensor) -> Tensor:
        """Program, solve, multiply; the buffers keep the state of the last pass."""
        programmed = self._program(self.weight)
        weight = to_weight(programmed.weight, tuple(self.weight.shape))
        self.conductances = programmed.conductances.detach()
        self.effective_weight = weight.detach()
        self.gain, self.nf = programmed.gain.detach(), programmed.nf
        return self.product(x, weight, self.bias)


def stream_seed(seed: int, layer: str) -> int:
    """The seed of a layer's own stream of random numbers: a hash of the chip's seed and the layer's name."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{layer}".encode()).digest()[:7], "little")
