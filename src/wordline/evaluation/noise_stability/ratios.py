"""Ratios of one batch: an image a row, everything of an image in its row."""

from __future__ import annotations

import torch
from torch import Tensor

from ...records import Statistic


def rows(values: Tensor, images: int) -> Tensor:
    """Shape activations of a batch as `(images, everything)` in float64.

    Raises ValueError where the first dimension is not that of the images.
    """
    if values.ndim == 0 or values.shape[0] % images:
        raise ValueError(
            f"`software` has a layer whose activations {tuple(values.shape)} do not begin with the "
            f"{images} images; noise stability is measured image by image, so build networks batch "
            "first"
        )
    return values.detach().reshape(images, -1).double()


def snr(a: Tensor, b: Tensor) -> Tensor:
    """Compute ||b||^2 / ||a - b||^2 a row; infinite without noise.

    >>> snr(torch.tensor([[3.0, 0.0]]), torch.tensor([[4.0, 0.0]])).tolist()
    [16.0]
    """
    noise = _power(a - b)
    return torch.where(noise > 0, _power(b) / noise, torch.inf)


def sensitivity(a: Tensor, b: Tensor) -> Tensor:
    """Compute ||a - b||^2 / ||a||^2 a row; zero without noise."""
    noise = _power(a - b)
    return torch.where(noise > 0, noise / _power(a), 0.0)


def factor(snr_in: Tensor, snr_out: Tensor) -> Tensor:
    """Compute SNR in / SNR out; 1 where neither has noise."""
    return torch.where(snr_in.isinf() & snr_out.isinf(), 1.0, snr_in / snr_out)


def norm(values: Tensor) -> Tensor:
    """Compute the Euclidean norm of each row."""
    return torch.linalg.vector_norm(values, dim=1)


def ratio(above: Tensor, below: Tensor) -> Tensor:
    """Divide, with 0/0 = 0."""
    return torch.where(above == 0, 0.0, above / below)


def statistic(values: Tensor) -> Statistic:
    """Summarise values of images `(n,)`: mean, standard error, median."""
    if not bool(values.isfinite().all()):
        return Statistic(float(values.mean()), torch.inf, float(values.median()))
    error = float(values.std()) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return Statistic(float(values.mean()), error, float(values.median()))


def _power(values: Tensor) -> Tensor:
    return values.square().sum(1)
