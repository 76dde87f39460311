"""A warning about conductances that look like ohms, or like weights between 0 and 1."""

from __future__ import annotations

import warnings

from torch import Tensor

from ..transforms import concrete

# 10 ohm, in float32 as well: a device of less is lost beside the wires that lead to it.
LARGEST = 0.1 * (1 + 1e-6)


def warn_of_ohms(name: str, conductances: Tensor | float) -> None:
    """Warn the caller's caller, once, of a conductance above 0.1 S.

    >>> import torch
    >>> warn_of_ohms("g", torch.tensor([5e-5]))  # 20 kOhm
    """
    if isinstance(conductances, Tensor):
        has_numbers = conductances.numel() > 0 and not conductances.is_meta
        conductances = concrete(conductances).amax().item() if has_numbers else 0.0
    if conductances > LARGEST:
        warnings.warn(
            f"`{name}` holds {conductances:g} siemens, a device of {1 / conductances:.3g} ohm: are "
            "these ohms, or numbers normalised to 1? Conductances are in siemens, 1 / ohm; 20 kOhm "
            "is 5e-5",
            stacklevel=3,
        )
