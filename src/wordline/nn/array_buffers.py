"""The buffers of a mapped layer: its programmed arrays, and what reads of them need."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..mapping import Crossbar, ProgrammedMatrix
from ..mapping.memory import passes_need_conductances, reads_conductances


def register_arrays(
    layer: nn.Module, state: ProgrammedMatrix, effective_weight: Tensor, crossbar: Crossbar, *,
    keep_conductances: bool,
) -> None:  # fmt: skip
    """Register what a layer keeps of programmed arrays; their order is that of its state dict."""
    layer.register_buffer("effective_weight", effective_weight)  # first: it has the layer's type
    if keep_conductances or passes_need_conductances(crossbar):
        layer.register_buffer("conductances", state.conductances)
    layer.register_buffer("gain", state.gain)
    layer.register_buffer("nf", state.nf)
    if crossbar.is_matrix and not crossbar.stochastic:
        return
    layer.register_buffer("w_max", state.w_max)
    if not crossbar.is_matrix:
        if not reads_conductances(crossbar):
            layer.register_buffer("response", state.response)
        layer.register_buffer("input_limit", state.w_max.new_tensor(torch.nan))
        layer.register_buffer("output_limit", state.w_max.new_tensor(torch.nan))


def keep_device_precision(layer: nn.Module, cast: Callable[[], object]) -> None:
    """Move and cast a layer, but keep all but its effective weight in 32 bits or more.

    Siemens have no place in 16 bits.
    """
    devices = {name: t for name, t in layer._buffers.items() if name != "effective_weight"}
    cast()
    for name, before in devices.items():
        after = layer._buffers[name]
        if before is None or after is None:
            continue
        if after.is_floating_point() and after.element_size() < 4:
            layer._buffers[name] = before.to(after.device)
