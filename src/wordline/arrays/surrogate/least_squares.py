"""Nonlinear least squares for the weights of a column network."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from ...progress import AbstractProgress, Advance
from .column_network import ColumnNetwork, sigmoid_

_TOLERANCE = 1e-12  # relative change of the error, the weights and the slope that ends a fit


def fit_network(
    z: Float[Tensor, "points features"],
    weight: Float[Tensor, " points"],
    target: Float[Tensor, " points"],
    *,
    hidden: int,
    epochs: int,
    generator: torch.Generator,
    progress: AbstractProgress,
) -> ColumnNetwork:
    """Find the network r(z) that minimises the mean of (weight r(z) - target)^2; all float64.

    Trust-region least squares of scipy with the exact Jacobian. An epoch is one step, tried on all
    points. The error never rises, and the fit ends early once it has converged.
    """
    from scipy import optimize  # takes half a second to import, and only a fit needs it

    mean, spread = z.mean(0), z.std(0)
    spread = spread.where(spread > 0, 1)  # a feature of arrays of one column may be constant
    standard = (z - mean) / spread
    features = z.shape[1]
    drawn = torch.randn(features + 1, hidden, generator=generator, dtype=torch.float64)
    zeros = z.new_zeros(hidden + features + 1)
    start = torch.cat([drawn[:-1].flatten() / math.sqrt(features), drawn[-1] / 2, zeros])
    with progress.task("fitting the surrogate", epochs) as advance:
        problem = _Problem(standard, weight, target, hidden, advance)
        solution = optimize.least_squares(
            problem.errors,
            start.numpy(),
            problem.jacobian,
            x_scale="jac",
            ftol=_TOLERANCE,
            xtol=_TOLERANCE,
            gtol=_TOLERANCE,
            max_nfev=epochs + 1,  # the first is the start
        )
    u, b, o, k, c = problem.network(solution.x)
    u, k = u / spread[:, None], k / spread
    return ColumnNetwork(u, b - mean @ u, o.clone(), k, c - mean @ k)


class _Problem:
    """Errors weight r(z) - target of a network, and their derivatives by its weights."""

    def __init__(
        self, z: Tensor, weight: Tensor, target: Tensor, hidden: int, advance: Advance
    ) -> None:
        self._z, self._weight, self._target = z, weight, target
        self._hidden, self._advance = hidden, advance
        self._started = False

    def network(self, flat: NDArray[Any]) -> ColumnNetwork:
        """Unpack the weights, u, b, o, k and c in this order."""
        features, hidden = self._z.shape[1], self._hidden
        sizes = [features * hidden, hidden, hidden, features, 1]
        u, b, o, k, c = torch.from_numpy(np.asarray(flat)).split(sizes)
        return ColumnNetwork(u.view(features, hidden), b, o, k, c[0])

    def errors(self, flat: NDArray[Any]) -> NDArray[Any]:
        """Compute the error of each point, and report the step."""
        net = self.network(flat)
        ratio = sigmoid_(self._z @ net.u + net.b) @ net.o + self._z @ net.k + net.c
        errors = self._weight * ratio - self._target
        if self._started:
            self._advance(1, f"relative error {errors.square().mean().sqrt().item():.1e}")
        self._started = True
        return errors.numpy()

    def jacobian(self, flat: NDArray[Any]) -> NDArray[Any]:
        """Compute the derivatives `(points, weights)`."""
        net, z = self.network(flat), self._z
        t = sigmoid_(z @ net.u + net.b)
        weight = self._weight[:, None]
        by_b = weight * (1 - t * t) ** 1.5 * net.o
        by_u = (z[:, :, None] * by_b[:, None, :]).flatten(1)
        return torch.cat([by_u, by_b, weight * t, weight * z, weight], 1).numpy()
