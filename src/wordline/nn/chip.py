"""One sample of a crossbar with a network on it: an ordinary torch module."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..mapping import Crossbar
from ..mapping.export import export_csv, export_npz
from ..records import NOT_PROBED, Products
from ..seeds import stream_seed
from ..values import require_integer
from .abstract_mapped_layer import AbstractMappedLayer
from .accounting.probe import example_arguments, probe
from .accounting.usage import Usage, count_usage
from .build import MappedNetwork
from .chip_report import ChipReport, report_layer
from .chip_state import AbstractMappedNetwork
from .layer_selection import Overrides
from .reading.input_checks import require_tensors


class Chip(AbstractMappedNetwork):
    """A mapped network: call, move, copy, save and differentiate it like the original network.

    `crossbar` is that of every layer which no entry of `overrides` names. `products` counts the
    multiply-accumulates of the probing pass at mapping, on arrays and digital.
    """

    seed_attribute = "seed"

    def __init__(
        self, network: MappedNetwork, crossbar: Crossbar, seed: int, overrides: Overrides = ()
    ) -> None:
        super().__init__(network, crossbar, overrides)
        self.seed = seed
        self.products = NOT_PROBED

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the mapped network returns for these arguments."""
        require_tensors(*args, *kwargs.values())
        return self.model(*args, **kwargs)

    @property
    def layers(self) -> dict[str, AbstractMappedLayer]:
        """Name in the software network -> mapped layer; "model" where it is the whole model."""
        named = self.model.named_modules()
        return {n or "model": layer for n, layer in named if isinstance(layer, AbstractMappedLayer)}

    @property
    def stochastic(self) -> bool:
        """True where two passes over the same input differ, because each read draws noise."""
        return any(layer.crossbar.stochastic for layer in self.layers.values())

    def frozen(self, seed: int) -> Chip:
        """Copy the chip with constant read noise: that of the first pass after `restart(seed)`."""
        require_integer("seed", seed, at_least=0)
        frozen = copy.deepcopy(self)
        for name, layer in frozen.layers.items():
            layer.freeze(stream_seed(seed, name))
        frozen.crossbar = frozen.crossbar.frozen_noise
        frozen.overrides = tuple((pattern, its.frozen_noise) for pattern, its in frozen.overrides)
        return frozen

    def with_noise(self, scale: float) -> Chip:
        """Copy the chip with read noise `scale` >= 0 times as strong, from the same numbers."""
        scaled = copy.deepcopy(self)
        scaled.crossbar = self.crossbar.with_noise(scale)
        scaled.overrides = tuple((p, its.with_noise(scale)) for p, its in self.overrides)
        for layer in scaled.layers.values():
            layer.set_crossbar(layer.crossbar.with_noise(scale))
        return scaled

    def restart(self, seed: int) -> Chip:
        """Restart the read noise from the stream of this seed: passes then repeat themselves."""
        require_integer("seed", seed, at_least=0)
        for name, layer in self.layers.items():
            layer.noise.restart(stream_seed(seed, name))
        return self

    def layers_with_seeds(self) -> Iterator[tuple[str, int, AbstractMappedLayer]]:
        return ((name, self.seed, layer) for name, layer in self.layers.items())

    def export(self, path: str | Path) -> None:
        """Write the programmed conductances to an .npz or a .csv file, for device programmers."""
        write = {".npz": export_npz, ".csv": export_csv}.get(Path(path).suffix.lower())
        if write is None:
            raise ValueError(f"`path` must end in .npz or .csv, got {str(path)!r}")
        write(path, {name: layer.conductances for name, layer in self.layers.items()})

    def report(self, *example: Any) -> ChipReport:
        """Report matrix, arrays, utilisation, NF, gain, saturation and gradient of each layer.

        The report also lists what stayed digital and why. With an example batch, or all arguments
        of a pass, one pass is run and counted: vectors, conversions and cell reads per inference,
        and every product by weights that no array computes; the first dimension of the first
        argument counts samples. The chip does not change.
        """
        if not example:
            return self._report({}, self.products)
        arguments = example_arguments(example)
        with count_usage(self.layers, len(arguments[0])) as usage:
            found = probe(self, *arguments)
        return self._report(usage, found.products)

    def _report(self, usage: Mapping[str, Usage], products: Products) -> ChipReport:
        rows = tuple(
            report_layer(name, layer, usage.get(name, Usage()))
            for name, layer in self.layers.items()
        )
        return ChipReport(
            self.crossbar, self.seed, rows, self.digital_layers, self.overrides, products
        )
