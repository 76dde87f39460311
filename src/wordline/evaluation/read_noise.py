"""Streams of read noise in evaluations."""

from __future__ import annotations

from torch import nn

from ..nn import Chip
from ..seeds import stream_seed


def restart_noise(model: nn.Module, *stream: int | str) -> None:
    """Begin the read noise of every chip in a network anew, at a stream of its own.

    Nothing happens on networks without a stochastic chip.
    """
    for module in model.modules():
        if isinstance(module, Chip) and module.stochastic:
            module.restart(stream_seed(repr(stream)))
