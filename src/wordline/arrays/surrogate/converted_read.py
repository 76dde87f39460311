"""Reads of pairs of sliced arrays through a column network and an ADC, in one compiled pass.

What the reads of the streams of an input give is converted and added up without being stored:
codes are whole numbers, and so are their sums, in float64. Digits that are zero take no part; a
pair of equal arrays, as the empty upper slices of small weights are, cancels and is not read.

The derivative passes straight through digits, and through codes that did not saturate. The backward
pass computes the currents again and follows with

    dx = dm1 W^T + 2 x (dm2 W2^T) + 3 x^2 (dm3 W3^T + df3 Wq^T)

of which a row at rest has the first term alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...kernels import columns
from ...kernels.buffer_pool import aligned_empty
from ...kernels.threads import share
from ...transforms import once_differentiable, require_plain
from .column_network import MATRICES, READ_FEATURES, ColumnNetwork, smallest_m1
from .design import ArrayDesign

Item = tuple[int, slice]  # a group, and vectors of it
_VECTORS = 128  # read together: what is listed of them stays in the second cache


@dataclass(frozen=True, kw_only=True)
class Digits:
    """Inputs cut into digits, arrays into slices, currents into codes.

    `levels`: largest whole number of an input, of `count` digits of `bits`; `volts`: of the largest
    digit; `slice_weights`: whole numbers; `ampere`: full scale of the ADC, of `steps` steps up and
    `below` down; `passes`: whether derivatives pass the ADC.
    """

    levels: int
    bits: int
    count: int
    volts: float
    slice_weights: tuple[float, ...]
    ampere: float
    steps: int
    below: int
    passes: bool


def converted_read(
    u: Tensor,
    programmed: Tensor,
    *,
    network: ColumnNetwork,
    design: ArrayDesign,
    digits: Digits,
    outputs: int,
) -> tuple[Tensor, int]:
    """Add up the codes of inputs u `(groups, vectors, K)` in [-1, 1], float32.

        total = sum over streams t, slices s, row tiles of
            +- 2^(bits t) slice_weight_s (code of the first array - code of the second)

    `programmed`: `(slices * 2, groups, row tiles, column tiles, height, columns)`. Returns totals
    `(groups, vectors, outputs)`, whole numbers in float64, and how many conversions saturated.
    """
    run = _Run(programmed.detach(), network, design, digits, outputs)
    total, saturated = _Converted.apply(u, run)
    return total, int(saturated)


class _Converted(torch.autograd.Function):
    @staticmethod
    def forward(u: Tensor, run: _Run) -> tuple[Tensor, Tensor]:
        total, saturated = run.forward(u)
        return total, torch.tensor(saturated)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, _Run], output: tuple[Tensor, Tensor]) -> None:
        u, ctx.run = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(u)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, None]:
        if grads[0] is None:
            return None, None
        return _Descent.apply(*ctx.saved_tensors, *require_plain(grads[0]), ctx.run), None


class _Descent(once_differentiable("a read of SurrogateArray")):
    @staticmethod
    def forward(u: Tensor, grad: Tensor, run: _Run) -> Tensor:
        return run.backward(u, grad)


class _Run:
    """Arrays and numbers of one read, in the order that the kernel takes them in."""

    def __init__(
        self,
        programmed: Tensor,
        network: ColumnNetwork,
        design: ArrayDesign,
        digits: Digits,
        outputs: int,
    ) -> None:
        self.rows, self.outputs, self.digits = design.tile[0], outputs, digits
        self.blocks = -(-2 * outputs // columns.BLOCK)
        self.units = len(network.o)
        self.response = programmed.contiguous().numpy()
        shares = torch.arange(2**digits.bits, dtype=torch.float32) / (2**digits.bits - 1)
        x = digits.volts * shares / design.volts
        powers = torch.stack([x, x, x * x, x * x * x], 1).numpy()
        self.streams = columns.Streams(
            float(digits.levels), digits.bits, digits.count, powers, 2.0**digits.bits
        )
        self.slice_weights = np.array(digits.slice_weights)
        self.numbers = _numbers(network, design, digits)

    def forward(self, u: Tensor) -> tuple[Tensor, int]:
        """Return totals and how many conversions saturated."""
        total = np.empty((*u.shape[:2], self.outputs))
        inputs, saturated = u.detach().contiguous().numpy(), list[int]()

        def work(shared: Iterator[Item]) -> None:
            clipped = np.empty(columns.BLOCK, np.int32)
            memory = self._memory(_size(u), clipped)
            codes = np.empty((_size(u), self.blocks * columns.BLOCK))
            for item in shared:
                of_item = inputs[item]
                out = codes[: len(of_item)]
                out.fill(0.0)
                arrays = self._arrays(item)
                saturated.append(columns.convert(of_item, arrays, self.streams, memory, out))
                np.subtract(*self._halves(out), out=total[item])

        share(work, _items(u), torch.get_num_threads())
        return torch.from_numpy(total), sum(saturated)

    def backward(self, u: Tensor, grad: Tensor) -> Tensor:
        """Return dL/du for dL/dtotal."""
        du = torch.zeros_like(u, memory_format=torch.contiguous_format)
        if not self.digits.passes:
            return du
        inputs, below, above = u.detach().contiguous().numpy(), du.numpy(), grad.numpy()

        def work(shared: Iterator[Item]) -> None:
            down = aligned_empty((_size(u), self.rows, columns.LANES), np.dtype(np.float32))
            memory = self._memory(_size(u), down)
            towards = np.zeros((_size(u), self.blocks * columns.BLOCK), np.float32)
            for item in shared:
                plus, minus = self._halves(towards[: len(above[item])])
                plus[:], minus[:] = above[item], -above[item]
                arrays = self._arrays(item)
                columns.descend(inputs[item], arrays, self.streams, memory, towards, below[item])

        share(work, _items(u), torch.get_num_threads())
        base, count = 2.0**self.digits.bits, self.digits.count
        slope = self.digits.levels / ((base - 1) * sum(base**t for t in range(count)))
        return du.mul_(slope * float(self.streams.powers[-1, 1]))

    def _halves(self, both: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the columns of the first and of the second array of each pair."""
        return both[:, : self.outputs], both[:, self.outputs : 2 * self.outputs]

    def _arrays(self, item: Item) -> columns.Arrays:
        return columns.Arrays(
            self.response, item[0], self.outputs, self.rows, self.slice_weights, self.numbers
        )

    def _memory(self, vectors: int, last: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        real, (joint, alone) = np.dtype(np.float32), divmod(self.digits.count, columns.JOINT)
        shape = vectors, 2, joint + alone
        terms = aligned_empty((*shape, self.rows + 1, 4 * columns.JOINT), real)
        sizes = np.empty(shape, np.int64)
        own = np.empty((vectors, 2, self.rows + 1), np.int32)
        block = aligned_empty((self.rows, MATRICES, columns.BLOCK), real)
        static = aligned_empty((self.units + 1, columns.BLOCK), real)
        return terms, sizes, own, block, static, last


def _size(u: Tensor) -> int:
    """Return how many vectors are read together: at least one part for each thread."""
    return max(1, min(_VECTORS, -(-u.shape[0] * u.shape[1] // torch.get_num_threads())))


def _items(u: Tensor) -> list[Item]:
    """Cut the vectors of every group into slices."""
    groups, vectors, _ = u.shape
    starts = range(0, vectors, _size(u))
    return [(g, slice(n, n + _size(u))) for g, n in itertools.product(range(groups), starts)]


def _numbers(network: ColumnNetwork, design: ArrayDesign, digits: Digits) -> NDArray[np.float32]:
    """Lay out the network's and the converter's numbers as `columns.conversion` reads them."""
    factor = design.volts * digits.steps / digits.ampere
    head = [
        *network.k[:READ_FEATURES].tolist(), smallest_m1(design),
        1 / (design.tile[0] * design.g_on_siemens), factor, -digits.below, digits.steps,
    ]  # fmt: skip
    units = torch.cat([network.u[:READ_FEATURES].T, network.o[:, None]], 1)
    return np.array([*head, *units.flatten().tolist()], np.float32)
