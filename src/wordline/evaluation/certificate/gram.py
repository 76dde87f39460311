"""Largest singular values, bounded from above: Gram iteration with its rounding errors added."""

from __future__ import annotations

import torch
from torch import Tensor

SQUARINGS = 10
_UNIT = 2.0**-53  # relative error of one operation in float64


def gram_bound(matrices: Tensor, squarings: int = SQUARINGS) -> Tensor:
    """Bound the largest singular value of each `(batch, rows, cols)` from above, `(batch,)`.

        ||A||_2 = ||H||_2^(1/2) <= ||H^N||_F^(1 / 2N),    H = A^T A,   N = 2^squarings

    H is squared again and again, scaled by powers of two. The bound exceeds the singular value by
    a factor of at most rank^(1 / 4N), 1.002 for ten squarings and a rank of 3,000. Each product of
    H by itself has a rounding error of at most 8 (n + 4) 2^-53 ||H||_F^2; it is added to the bound,
    so that the result is one in float64 as well. `matrices`: real or complex, double precision.

    Raises ValueError for numbers that are not finite. Source: Delattre et al. 2023 (arXiv
    2305.16173).

    >>> wide = torch.tensor([[[3.0, 0.0, 0.0], [0.0, 4.0, 0.0]]], dtype=torch.float64)
    >>> bound = gram_bound(wide).item()
    >>> 4.0 <= bound < 4.01
    True
    """
    if not bool(torch.isfinite(torch.view_as_real(matrices + 0j)).all()):
        raise ValueError("`matrices` hold NaN or infinity, which have no largest singular value")
    size = _power_of_two(matrices.abs().flatten(1).amax(1))
    matrices = matrices / size[:, None, None]  # squares of tiny and of huge numbers have a place
    adjoint = matrices.mH
    tall = matrices.shape[-2] >= matrices.shape[-1]
    h = _hermitian(adjoint @ matrices if tall else matrices @ adjoint)
    inner, order = max(matrices.shape[-2:]), h.shape[-1]
    slack = [_error(inner) * torch.linalg.matrix_norm(matrices) ** 2]
    scales = []
    for _ in range(squarings):
        scales.append(_power_of_two(torch.linalg.matrix_norm(h)))
        h = h / scales[-1][:, None, None]
        slack.append(_error(order) * torch.linalg.matrix_norm(h) ** 2)
        h = _hermitian(h @ h)
    bound = torch.linalg.matrix_norm(h) * (1 + _error(order * order))
    for scale, lost in zip(reversed(scales), reversed(slack[1:]), strict=True):
        bound = scale * (bound + lost).sqrt()
    return size * (bound + slack[0]).sqrt() * (1 + 64 * _UNIT)


def _error(terms: int) -> float:
    """Return the relative error of sums of so many products, real or complex."""
    return 8 * (terms + 4) * _UNIT


def _hermitian(h: Tensor) -> Tensor:
    return (h + h.mH) / 2  # of which alone ||H^2|| is ||H||^2


def _power_of_two(values: Tensor) -> Tensor:
    """Return a power of two of about that size, by which division is exact; 1 for zero."""
    return torch.exp2(torch.log2(values.where(values > 0, torch.ones_like(values))).ceil())
