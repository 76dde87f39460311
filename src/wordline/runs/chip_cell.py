"""The base of cells about one chip and its software network."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from ..datasets import ImageSplit
from ..mapping import Crossbar
from ..nn import Chip
from ..values import require_instance, require_integer
from .cell import AbstractCell, Loader
from .chips import load_chip
from .image_inputs import AbstractImages, NoImages
from .network_inputs import AbstractNetwork


@dataclass(frozen=True, kw_only=True)
class AbstractChipCell(AbstractCell):
    """A cell about one chip. `calibration`: images on which converter ranges are set."""

    network: AbstractNetwork
    images: AbstractImages
    crossbar: Crossbar
    chip_seed: int = 0
    calibration: AbstractImages | NoImages = field(default_factory=NoImages)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_instance("network", self.network, AbstractNetwork)
        require_instance("images", self.images, AbstractImages)
        require_instance("crossbar", self.crossbar, Crossbar)
        require_integer("chip_seed", self.chip_seed, at_least=0)

    def load(self, loader: Loader) -> tuple[nn.Module, Chip, ImageSplit]:
        """Return the software network, the chip and the images."""
        software = self.network.load(loader, self.device)
        place = self.network, self.crossbar, self.chip_seed, self.calibration
        chip = load_chip(loader, *place, device=self.device)
        return software, chip, self.images.load(loader)

    @property
    def tile(self) -> str:
        """The tile in words, such as 64x64."""
        return f"{self.crossbar.tile[0]}x{self.crossbar.tile[1]}"
