"""Memory that a mapping takes, from shapes alone, before anything is programmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from ...mapping import Crossbar
from ...mapping.memory import kept_bytes, passes_need_conductances, working_bytes
from ...text import render_table
from ...values import Value
from ..layers.matrix_view import MatrixView
from .available_memory import available_bytes

Matrices = Mapping[str, tuple[MatrixView, Crossbar]]  # by name


@dataclass(frozen=True)
class StorageOptions(Value):
    """Contents of a mapping: number of `chips`, with their `conductances` or not.

    `trainable`: with the software weights.
    """

    chips: int = 1
    conductances: bool = True
    trainable: bool = False


@dataclass(frozen=True)
class LayerMemory(Value):
    """Bytes of one layer.

    Those of its software weight, those kept on the arrays of all chips, those that programming
    works with, and those kept without the conductances.
    """

    name: str
    weight_bytes: int
    kept_bytes: int
    working_bytes: int
    kept_without_conductances: int


@dataclass(frozen=True)
class MappingMemory(Value):
    """Memory that mapping a network takes, from shapes alone; prints as a table.

    `copied_bytes`: the network's own weights, of which the mapping works on a copy. Not counted are
    digital layers, biases, the activations of a pass, and the arrays behind converters that the
    first read packs for its kernel; `chip.report()` counts the latter from then on.
    """

    layers: tuple[LayerMemory, ...]
    copied_bytes: int

    @property
    def kept_bytes(self) -> int:
        """Bytes of conductances, responses, effective weights, and weights that are trained."""
        return sum(layer.kept_bytes for layer in self.layers)

    @property
    def peak_bytes(self) -> int:
        """Upper bound of the bytes beyond the network itself while it is mapped."""
        working = max(layer.working_bytes for layer in self.layers)  # one layer at a time
        return self.kept_bytes + self.copied_bytes + working

    def __str__(self) -> str:
        header = ("layer", "weights", "kept", "per weight", "worked with")
        rows = [
            (
                row.name,
                _gb(row.weight_bytes),
                _gb(row.kept_bytes),
                f"{row.kept_bytes / row.weight_bytes:.1f} x",
                _gb(row.working_bytes),
            )
            for row in self.layers
        ]
        title = f"mapping keeps {_gb(self.kept_bytes)} and "
        title += f"takes at most {_gb(self.peak_bytes)} meanwhile"
        return render_table(header, rows, title=title)


def memory_of(matrices: Matrices, model: nn.Module, storage: StorageOptions) -> MappingMemory:
    """Work out the memory of matrices on their crossbars; see `mapping_memory`."""
    layers = []
    for name, (view, crossbar) in matrices.items():
        shape, itemsize = view.matrix_shape, view.weight.element_size()
        own = view.weight.numel() * itemsize
        trained, chips = own * storage.trainable, storage.chips
        kept, least = (
            chips * kept_bytes(shape, crossbar, itemsize, conductances=keep) + trained
            for keep in (storage.conductances, False)
        )
        work = working_bytes(shape, crossbar, itemsize, chips=chips, tracked=storage.trainable)
        if not storage.conductances and not passes_need_conductances(crossbar):
            # dropped once the layer is programmed
            work += chips * kept_bytes(shape, crossbar, itemsize) - kept
        layers.append(LayerMemory(name, own, kept, work, least))
    tensors = (*model.parameters(), *model.buffers())
    copied = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    return MappingMemory(tuple(layers), copied)


def require_memory(matrices: Matrices, model: nn.Module, storage: StorageOptions) -> None:
    """Refuse a mapping that does not fit, with the figure and with what would fit."""
    need = memory_of(matrices, model, storage)
    device = next(iter(matrices.values()))[0].weight.device
    available = available_bytes(device)
    if need.peak_bytes <= available:
        return
    largest = max(need.layers, key=lambda layer: layer.kept_bytes)
    ways = [f"exclude=({largest.name!r},) leaves out {_gb(largest.kept_bytes)}"]
    least = sum(layer.kept_without_conductances for layer in need.layers)
    if least < need.kept_bytes:
        ways.insert(0, f"keep_conductances=False keeps {_gb(least)}")
    if storage.chips > 1:
        ways.insert(0, f"one chip at a time keeps {_gb(need.kept_bytes // storage.chips)}")
    raise ValueError(
        f"`model` would keep {_gb(need.kept_bytes)} on these crossbars and take up to "
        f"{_gb(need.peak_bytes)} while it is mapped, and {_gb(int(available))} are available; "
        f"{'; '.join(ways)}; fewer slices a weight, or tiles that the matrices fill better, take "
        "less; `mapping_memory` says what each layer takes"
    )


def _gb(count: int) -> str:
    return f"{count / 1e9:.3g} GB"
