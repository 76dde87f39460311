"""How much memory a mapping takes, and whether there is as much, before anything is programmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from ..mapping import Crossbar
from ..mapping.memory import kept_bytes, passes_need_conductances, working_bytes
from ..text import render_table
from ..values import Value
from .available import available_bytes
from .parts import Part

Chosen = Mapping[str, tuple[Part, Crossbar]]  # name -> matrix and its crossbar


@dataclass(frozen=True)
class Keeping(Value):
    """What is kept of a mapping: of so many `chips`, their `conductances` or not, the weights of `trainable` layers."""

    chips: int = 1
    conductances: bool = True
    trainable: bool = False


@dataclass(frozen=True)
class LayerMemory(Value):
    """Bytes of one layer: of its software weight, kept on arrays of all chips, worked with while it is programmed."""

    name: str
    weight_bytes: int
    kept_bytes: int
    working_bytes: int
    kept_without_conductances: int


@dataclass(frozen=True)
class MappingMemory(Value):
    """What mapping a network takes, worked out from shapes; prints as a table.

    `copied_bytes`: the network's own weights, of which the mapping works on a copy. Digital layers, biases and the
    activations of a pass are not counted, nor what the first read of arrays behind converters lays out anew for its
    kernel; `chip.report()` counts that once it is there.
    """

    layers: tuple[LayerMemory, ...]
    copied_bytes: int

    @property
    def kept_bytes(self) -> int:
        """What the mapped layers keep: conductances, responses, effective weights, and weights that are trained."""
        return sum(layer.kept_bytes for layer in self.layers)

    @property
    def peak_bytes(self) -> int:
        """At most so many bytes beyond the network itself while it is mapped: layer after layer is programmed."""
        return self.kept_bytes + self.copied_bytes + max(layer.working_bytes for layer in self.layers)

    def __str__(self) -> str:
        header = ("layer", "weights", "kept", "per weight", "worked with")
        rows = [
            (row.name, _gb(row.weight_bytes), _gb(row.kept_bytes), f"{row.kept_bytes / row.weight_bytes:.1f} x",
             _gb(row.working_bytes))
            for row in self.layers
        ]  # fmt: skip
        title = f"mapping keeps {_gb(self.kept_bytes)} and takes at most {_gb(self.peak_bytes)} meanwhile"
        return render_table(header, rows, title=title)


def memory_of(chosen: Chosen, model: nn.Module, keeping: Keeping) -> MappingMemory:
    """The memory of matrices on their crossbars; see `mapping_memory`."""
    layers = []
    for name, (part, there) in chosen.items():
        shape, itemsize = part.matrix_shape, part.weight.element_size()
        own = part.weight.numel() * itemsize
        kept, least = (
            keeping.chips * kept_bytes(shape, there, itemsize, conductances=keep) + own * keeping.trainable
            for keep in (keeping.conductances, False)
        )
        work = working_bytes(shape, there, itemsize, chips=keeping.chips, tracked=keeping.trainable)
        if not keeping.conductances and not passes_need_conductances(there):  # dropped once the layer is programmed
            work += keeping.chips * kept_bytes(shape, there, itemsize) - kept
        layers.append(LayerMemory(name, own, kept, work, least))
    copied = sum(tensor.numel() * tensor.element_size() for tensor in (*model.parameters(), *model.buffers()))
    return MappingMemory(tuple(layers), copied)


def require_memory(chosen: Chosen, model: nn.Module, keeping: Keeping) -> None:
    """Refuse a mapping that does not fit, with the figure and what would."""
    need = memory_of(chosen, model, keeping)
    device = next(iter(chosen.values()))[0].weight.device
    there = available_bytes(device)
    if need.peak_bytes <= there:
        return
    largest = max(need.layers, key=lambda layer: layer.kept_bytes)
    ways = [f"exclude=({largest.name!r},) leaves out {_gb(largest.kept_bytes)}"]
    least = sum(layer.kept_without_conductances for layer in need.layers)
    if least < need.kept_bytes:
        ways.insert(0, f"keep_conductances=False keeps {_gb(least)}")
    if keeping.chips > 1:
        ways.insert(0, f"one chip at a time keeps {_gb(need.kept_bytes // keeping.chips)}")
    raise ValueError(
        f"`model` would keep {_gb(need.kept_bytes)} on these crossbars and take up to {_gb(need.peak_bytes)} while it "
        f"is mapped, and {_gb(int(there))} are available; {'; '.join(ways)}; fewer slices a weight, or tiles that the "
        "matrices fill better, take less; `mapping_memory` says what each layer takes"
    )


def _gb(count: int) -> str:
    return f"{count / 1e9:.3g} GB"
