"""A uniform converter in one pass over memory, where no derivative is asked for: bit for bit what `converters` does."""

from __future__ import annotations

from typing import no_type_check

import numpy as np
import torch
from torch import Tensor

from ..kernels import kernel


def digitise_(answers: Tensor, limit: float, least: float, steps: int) -> int | None:
    """Replace answers by codes, in shares of full scale `limit`; how many were out of range.

    None, and nothing done, where the memory is not one that a compiled pass can walk: then use `convert`.
    """
    walkable = answers.device.type == "cpu" and answers.is_contiguous() and not answers.requires_grad
    if not walkable or answers.dtype not in (torch.float32, torch.float64):
        return None
    flat = answers.view(-1).numpy()
    number = flat.dtype.type
    half = 0.5 / steps
    ends = number(least), number(least - half), number(1 + half)
    return int(_digitise(flat, number(limit), *ends, number(steps), number(0.5), number(1)))


@kernel(error_model="numpy")
@no_type_check
def _digitise(values, limit, least, below, above, steps, half, most):
    over = 0
    for i in range(values.shape[0]):
        share = values[i] / limit
        over += (share >= above) | (share < below)
        share = least if share < least else (most if share > most else share)  # what is no number stays none
        values[i] = np.floor(share * steps + half) / steps
    return over
