"""One sample of a crossbar with a network on it: an ordinary torch module."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from ..mapping import Crossbar
from ..values import require_integer
from .mapped_layer import MappedLayer, stream_seed
from .report import ChipReport, report_layer


class Chip(nn.Module):
    """A mapped network. Call it, move it, copy it, save it and differentiate it like the network it came from."""

    def __init__(self, model: nn.Module, crossbar: Crossbar, seed: int, skipped: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self.model = model
        self.crossbar = crossbar
        self.seed = seed
        self.skipped = skipped
        self.calibration = ""  # on what `calibrate` measured converter ranges

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the mapped network returns for these arguments."""
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
        """A copy whose read noise stands still: the draw of this seed at every read, one network and not many."""
        require_integer("seed", seed, at_least=0)
        still = copy.deepcopy(self)
        for name, layer in still.layers.items():
            layer.freeze(torch.Generator().manual_seed(stream_seed(seed, name)))
        still.crossbar = still.crossbar.held
        return still

    def restart(self, seed: int) -> Chip:
        """Begin the read noise anew, from the stream of this seed: the same passes then give the same numbers."""
        require_integer("seed", seed, at_least=0)
        for name, layer in self.layers.items():
            layer.noise.restart(stream_seed(seed, name))
        return self

    def get_extra_state(self) -> Tensor:
        """Which chip this is, as bytes in a tensor, so that a state dict carries the identity with the numbers."""
        return torch.frombuffer(bytearray(f"{self.seed} {self.crossbar.to_json()}".encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Become the chip whose numbers are being loaded."""
        seed, _, crossbar = bytes(state.tolist()).decode().partition(" ")
        self.seed, self.crossbar = int(seed), Crossbar.from_json(crossbar)
        for name, layer in self.layers.items():
            layer.crossbar, layer.stream_seed = self.crossbar, stream_seed(self.seed, name)

    def report(self) -> ChipReport:
        """Per layer: matrix, tiles, utilisation, NF, gain, kind of gradient; and what stayed digital and why."""
        rows = tuple(report_layer(name, layer) for name, layer in self.layers.items())
        return ChipReport(self.crossbar, self.seed, rows, self.skipped)
