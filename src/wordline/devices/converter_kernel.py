"""A uniform converter in one compiled pass over memory, for reads without a derivative.

The numbers are those of `converters`, bit for bit.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
import torch
from torch import Tensor

from ..kernels import kernel


def digitise_(outputs: Tensor, limit: float, lower_bound: float, steps: int) -> int | None:
    """Replace outputs by codes, in shares of full scale `limit`; return how many were out of range.

    Returns None, and does nothing, for a tensor that a compiled pass cannot read: use `convert`.
    """
    readable = outputs.device.type == "cpu" and outputs.is_contiguous()
    if not readable or outputs.requires_grad or outputs.dtype not in (torch.float32, torch.float64):
        return None
    flat = outputs.view(-1).numpy()
    number = flat.dtype.type
    half = 0.5 / steps
    bounds = number(lower_bound), number(lower_bound - half), number(1 + half)
    return int(_digitise(flat, number(limit), *bounds, number(steps), number(0.5), number(1)))


@kernel(error_model="numpy")
@no_type_check
def _digitise(values, limit, lower, below, above, steps, half, upper):
    out_of_range = 0
    for i in range(values.shape[0]):
        share = values[i] / limit
        out_of_range += (share >= above) | (share < below)
        share = lower if share < lower else (upper if share > upper else share)  # NaN stays NaN
        values[i] = np.floor(share * steps + half) / steps
    return out_of_range
