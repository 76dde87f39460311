"""Checks of inputs: tensors for a chip, finite numbers for a converter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor


def require_tensors(*given: Any) -> None:
    """Refuse numpy arrays among the arguments of a chip."""
    for value in given:
        if isinstance(value, np.ndarray):
            raise TypeError(
                f"`images` is a numpy array of shape {value.shape}; pass torch.from_numpy(images)"
            )


def require_finite(x: Tensor) -> None:
    """Refuse NaN and infinity at the inputs of a converter, which has no code for them.

    Skipped under `torch.func` and `torch.compile`, where the values cannot be read.
    """
    transformed = torch._C._functorch.peek_interpreter_stack() is not None
    if torch.compiler.is_compiling() or transformed or x.numel() == 0:
        return
    if not all(math.isfinite(float(end)) for end in x.detach().aminmax()):
        raise ValueError(
            f"`inputs` of a converter, of shape {tuple(x.shape)}, hold NaN or infinity, for which "
            "it has no code; look for the layer or the image that made them"
        )
