"""Forward and backward pass of the column network over arrays that are set side by side.

With G = dL/dI and dr = V_max m1 G, the derivatives are

    dz_k = dr (k_k + sum_h o_h (1 - t_h^2)^(3/2) u_kh),   dm_k = dz_k / m1   (k = m2, m3, f3)
    dm1 = V_max G (1 + r) + dz_4 / (rows g_on) - sum_k dm_k z_k

Each pass exists as torch operations, which are the reference, and as a compiled pass over memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import column_kernel
from .column_network import (
    READ_FEATURES,
    ColumnNetwork,
    Features,
    compute_features,
    sigmoid_,
    smallest_m1,
)
from .design import ArrayDesign


class NetworkWeights(NamedTuple):
    """Weights of the features that depend on voltages, as plain numbers."""

    u: list[list[float]]  # hidden unit, feature
    o: list[float]
    k: list[float]

    @classmethod
    def of(cls, network: ColumnNetwork) -> NetworkWeights:
        """Take the weights of a network."""
        u, k = network.u[:READ_FEATURES].T, network.k[:READ_FEATURES]
        return cls(u.tolist(), network.o.tolist(), k.tolist())


class ProgrammedColumns(NamedTuple):
    """Arrays prepared by `program_columns`, in their parts."""

    matrices: tuple[Tensor, ...]  # w, w2, w3, wq
    bias: Tensor
    skip: Tensor

    @classmethod
    def of(cls, programmed: Tensor, design: ArrayDesign, hidden: int) -> ProgrammedColumns:
        """Split `(..., 4 rows + hidden + 1, cols)`."""
        rows = design.tile[0]
        w, w2, w3, wq, bias, skip = programmed.split([rows, rows, rows, rows, hidden, 1], -2)
        return cls((w, w2, w3, wq), bias, skip)


def forward_pass(
    x: Tensor, columns: ProgrammedColumns, weights: NetworkWeights, design: ArrayDesign
) -> Tensor:
    """Compute currents `(samples, cols)` for x `(samples, rows)`, shares of V_max."""
    m1, z, _ = compute_features(x, columns.matrices, design)
    return _ratio(z, columns, weights).add_(1).mul_(m1).mul_(design.volts)


def forward_pass_compiled(
    x: Tensor, columns: ProgrammedColumns, weights: NetworkWeights, design: ArrayDesign
) -> Tensor:
    """Compute `forward_pass` in one pass over memory."""
    currents = x.new_empty(len(x), columns.skip.shape[-1])
    network = _kernel_network(columns, weights, design)
    column_kernel.currents(_kernel_products(x, columns), network, currents.numpy())
    return currents


def backward_pass(
    x: Tensor,
    columns: ProgrammedColumns,
    grad: Tensor,
    weights: NetworkWeights,
    design: ArrayDesign,
) -> tuple[list[Tensor], Tensor]:
    """Compute derivatives for dL/dI `(samples, cols)`.

    Returns those by m1, m2, m3, f3, `(samples, cols)` each, and those by the biases and the skip,
    `(hidden + 1, cols)`.
    """
    features = compute_features(x, columns.matrices, design)
    return backward_from_features(features, columns, grad, weights, design)


def backward_from_features(
    features: Features,
    columns: ProgrammedColumns,
    grad: Tensor,
    weights: NetworkWeights,
    design: ArrayDesign,
) -> tuple[list[Tensor], Tensor]:
    """Compute `backward_pass` where the features are known."""
    m1, z, inverse = features
    r = _ratio(z, columns, weights)
    g = design.volts * grad
    dr = g * m1
    slopes = [torch.full_like(m1, factor) for factor in weights.k]
    sums = []
    for h, factor in enumerate(weights.o):
        slope_of_unit = _hidden_unit(h, z, columns.bias, weights).square_().neg_().add_(1)
        slope_of_unit.mul_(slope_of_unit.sqrt())
        sums.append(factor * (slope_of_unit * dr).sum(0))
        for slope, weight in zip(slopes, weights.u[h], strict=True):
            slope.add_(slope_of_unit, alpha=factor * weight)
    dz = [slope.mul_(dr) for slope in slopes]
    dm = [d * inverse for d in dz[:3]]
    # Below the smallest m1 the factor 1 / m1 is a constant and passes no derivative.
    through_inverse = (dm[0] * z[0] + dm[1] * z[1] + dm[2] * z[2]) * (m1 > smallest_m1(design))
    dm1 = g * (1 + r) + dz[3] / (design.tile[0] * design.g_on_siemens) - through_inverse
    return [dm1, *dm], torch.stack([*sums, dr.sum(0)])


def backward_pass_compiled(
    x: Tensor,
    columns: ProgrammedColumns,
    grad: Tensor,
    weights: NetworkWeights,
    design: ArrayDesign,
) -> tuple[list[Tensor], Tensor]:
    """Compute `backward_pass` in one pass over memory."""
    products = _kernel_products(x, columns)
    sums = x.new_zeros(len(weights.o) + 1, grad.shape[-1])
    network = _kernel_network(columns, weights, design)
    column_kernel.descend(products, grad.numpy(), network, sums.numpy())
    return [torch.from_numpy(product) for product in products], sums


def _kernel_products(x: Tensor, columns: ProgrammedColumns) -> column_kernel.Products:
    """Compute m1, m2, m3, f3, `(samples, cols)`."""
    square = x * x
    cube = square * x
    powers = (x, square, cube, cube)
    products = zip(powers, columns.matrices, strict=True)
    return column_kernel.Products(*((power @ w).numpy() for power, w in products))


def _kernel_network(
    columns: ProgrammedColumns, weights: NetworkWeights, design: ArrayDesign
) -> column_kernel.Network:
    """Biases and skip, the weights and the design's constants, all of one dtype."""
    bias, skip = columns.bias.numpy(), columns.skip[0].numpy()
    number = bias.dtype.type
    constants = smallest_m1(design), 1 / (design.tile[0] * design.g_on_siemens), design.volts
    given = (np.array(w, bias.dtype) for w in weights)
    return column_kernel.Network(bias, skip, *given, *map(number, constants))


def _hidden_unit(h: int, z: tuple[Tensor, ...], bias: Tensor, weights: NetworkWeights) -> Tensor:
    y = torch.add(bias[h], z[0], alpha=weights.u[h][0])
    for feature, factor in zip(z[1:], weights.u[h][1:], strict=True):
        y.add_(feature, alpha=factor)
    return sigmoid_(y)


def _ratio(z: tuple[Tensor, ...], columns: ProgrammedColumns, weights: NetworkWeights) -> Tensor:
    r = torch.add(columns.skip, z[0], alpha=weights.k[0])
    for feature, factor in zip(z[1:], weights.k[1:], strict=True):
        r.add_(feature, alpha=factor)
    for h, factor in enumerate(weights.o):
        r.add_(_hidden_unit(h, z, columns.bias, weights), alpha=factor)
    return r
