"""One sample of a crossbar with a network on it: an ordinary torch module."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from ..mapping import Crossbar
from ..mapping.export import export_csv, export_npz
from ..records import NOT_PROBED, Products
from ..seeds import stream_seed
from ..values import require_integer
from .choice import Overrides
from .identity import AbstractMapped
from .inputs import require_tensors
from .mapped_layer import MappedLayer
from .probe import example_arguments, probe
from .report import ChipReport, report_layer
from .usage import Usage, counting


class Chip(AbstractMapped):
    """A mapped network. Call it, move it, copy it, save it and differentiate it like the network it came from."""

    seeds_are = "seed"

    def __init__(
        self,
        model: nn.Module,
        crossbar: Crossbar,
        seed: int,
        skipped: tuple[tuple[str, str], ...],
        overrides: Overrides = (),
    ) -> None:
        super().__init__()
        self.model = model
        self.crossbar = crossbar  # of every layer that no override names
        self.seed = seed
        self.skipped = skipped
        self.calibration = ""  # on what `calibrate` measured converter ranges
        self.overrides = overrides
        self.products = NOT_PROBED  # of the pass that was probed when the network was mapped
        self.training = model.training

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the mapped network returns for these arguments."""
        require_tensors(*args, *kwargs.values())
        return self.model(*args, **kwargs)

    @property
    def layers(self) -> dict[str, MappedLayer]:
        """Name in the software network -> mapped layer; a layer that is the whole model is called "model"."""
        return {
            name or "model": module for name, module in self.model.named_modules() if isinstance(module, MappedLayer)
        }

    @property
    def stochastic(self) -> bool:
        """Whether two passes over the same input differ, because something is drawn anew at each read."""
        return any(layer.crossbar.stochastic for layer in self.layers.values())

    def frozen(self, seed: int) -> Chip:
        """A copy whose read noise stands still: the first pass after `restart(seed)`, at every pass."""
        require_integer("seed", seed, at_least=0)
        still = copy.deepcopy(self)
        for name, layer in still.layers.items():
            layer.freeze(stream_seed(seed, name))
        still.crossbar = still.crossbar.frozen_noise
        still.overrides = tuple((pattern, there.frozen_noise) for pattern, there in still.overrides)
        return still

    def with_noise(self, scale: float) -> Chip:
        """A copy of the same devices whose read noise is `scale` >= 0 times as strong, from the same random numbers."""
        louder = copy.deepcopy(self)
        louder.crossbar = self.crossbar.with_noise(scale)
        louder.overrides = tuple((pattern, there.with_noise(scale)) for pattern, there in self.overrides)
        for layer in louder.layers.values():
            layer.crossbar = layer.crossbar.with_noise(scale)
        return louder

    def restart(self, seed: int) -> Chip:
        """Begin the read noise anew, from the stream of this seed: the same passes then give the same numbers."""
        require_integer("seed", seed, at_least=0)
        for name, layer in self.layers.items():
            layer.noise.restart(stream_seed(seed, name))
        return self

    def _samples(self) -> Iterator[tuple[str, int, MappedLayer]]:
        return ((name, self.seed, layer) for name, layer in self.layers.items())

    def export(self, path: str | Path) -> None:
        """Write the programmed conductances to an .npz or a .csv file, for the instrument that programs devices."""
        write = {".npz": export_npz, ".csv": export_csv}.get(Path(path).suffix.lower())
        if write is None:
            raise ValueError(f"`path` must end in .npz or .csv, got {str(path)!r}")
        write(path, {name: layer.conductances for name, layer in self.layers.items()})

    def report(self, *example: Any) -> ChipReport:
        """Per layer: matrix, arrays, utilisation, NF, gain, saturation, gradient; what stayed digital and why.

        With an example batch, or all arguments of a pass, one pass is run and counted: vectors, conversions and cell
        reads per inference, and every product by weights that no array computes; samples are counted by the first
        dimension of the first argument. Nothing changes.
        """
        if not example:
            return self._report({}, self.products)
        arguments = example_arguments(example)
        with counting(self.layers, len(arguments[0])) as usage:
            found = probe(self, *arguments)
        return self._report(usage, found.products)

    def _report(self, usage: Mapping[str, Usage], products: Products) -> ChipReport:
        rows = tuple(report_layer(name, layer, usage.get(name, Usage())) for name, layer in self.layers.items())
        return ChipReport(self.crossbar, self.seed, rows, self.skipped, self.overrides, products)
