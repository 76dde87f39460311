"""Levenberg and Marquardt's least squares for a network of one hidden layer: few weights, many points, no step size."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ..progress import AbstractProgress
from .column_network import ColumnNetwork, sigmoid_

_START, _EASE, _LEAST = 1e-2, 4.0, 1e-12  # damping, relative to the curvature
_TRIALS = 12  # dampings in one epoch before the fit is taken to have arrived
_PART = 1 << 13  # points at a time


def least_squares(
    z: Float[Tensor, "points features"],
    weight: Float[Tensor, " points"],
    target: Float[Tensor, " points"],
    *,
    hidden: int,
    epochs: int,
    generator: torch.Generator,
    progress: AbstractProgress,
) -> ColumnNetwork:
    """The network r(z) that makes the mean of (weight r(z) - target)^2 small; all float64.

    An epoch is one pass over the points and one step. The error never rises; the fit ends early when it stops falling.
    """
    mean, spread = z.mean(0), z.std(0)
    spread = spread.where(spread > 0, 1)  # an array of one column has one place
    z = (z - mean) / spread
    count = z.shape[1]
    drawn = torch.randn(count + 1, hidden, generator=generator, dtype=torch.float64)
    now = torch.cat([drawn[:-1].flatten() / math.sqrt(count), drawn[-1] / 2, z.new_zeros(hidden + count + 1)])
    damping, error = _START, math.inf
    with progress.task("fitting the surrogate", epochs) as advance:
        for _ in range(epochs):
            curvature, slope, error = _normal_equations(_unpack(now, count, hidden), z, weight, target)
            for _ in range(_TRIALS):
                damped = curvature + damping * torch.diag(curvature.diagonal() + _LEAST)
                trial = now - torch.linalg.solve(damped, slope)
                better = _error(_unpack(trial, count, hidden), z, weight, target) < error
                damping = max(damping / _EASE, _LEAST) if better else damping * _EASE
                if better:
                    now = trial
                    break
            else:
                break
            advance(1, f"relative error {math.sqrt(error):.1e}")
    u, b, o, k, c = _unpack(now, count, hidden)
    u, k = u / spread[:, None], k / spread
    return ColumnNetwork(u, b - mean @ u, o.clone(), k, c - mean @ k)


def _unpack(flat: Tensor, count: int, hidden: int) -> ColumnNetwork:
    u, b, o, k, c = flat.split([count * hidden, hidden, hidden, count, 1])
    return ColumnNetwork(u.view(count, hidden), b, o, k, c[0])


def _normal_equations(net: ColumnNetwork, z: Tensor, weight: Tensor, target: Tensor) -> tuple[Tensor, Tensor, float]:
    """J^T J, J^T e and e . e, a point's mean each, for the errors e and their derivatives J by all weights."""
    size = sum(x.numel() for x in net)
    curvature, slope, square = z.new_zeros(size, size), z.new_zeros(size), 0.0
    for x, by, wanted in zip(z.split(_PART), weight.split(_PART), target.split(_PART), strict=True):
        t = sigmoid_(x @ net.u + net.b)
        e = by * (t @ net.o + x @ net.k + net.c) - wanted
        inner = by[:, None] * (1 - t * t) ** 1.5 * net.o
        j = torch.cat(
            [(x[:, :, None] * inner[:, None, :]).flatten(1), inner, by[:, None] * t, by[:, None] * x, by[:, None]], 1
        )
        curvature += j.T @ j
        slope += j.T @ e
        square += (e @ e).item()
    return curvature / len(z), slope / len(z), square / len(z)


def _error(net: ColumnNetwork, z: Tensor, weight: Tensor, target: Tensor) -> float:
    e = weight * (sigmoid_(z @ net.u + net.b) @ net.o + z @ net.k + net.c) - target
    return (e @ e).item() / len(z)
