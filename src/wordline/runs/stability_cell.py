"""A cell about the noise of a chip, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

from ..evaluation import noise_stability
from ..mapping import Crossbar
from ..records import NoiseStability
from ..values import require_instance, require_integer
from .cell import AbstractCell
from .inputs import AbstractNetwork, Images, NoImages

if TYPE_CHECKING:
    from .store import Store


@final
@dataclass(frozen=True, kw_only=True)
class StabilityCell(AbstractCell):
    """`noise_stability` of one chip beside its software network, on clean images (arXiv 2109.09060)."""

    network: AbstractNetwork
    images: Images
    crossbar: Crossbar
    chip_seed: int = 0
    calibration: Images | NoImages = field(default_factory=NoImages)
    draws: int = 20
    probes: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_instance("network", self.network, AbstractNetwork)
        require_instance("images", self.images, Images)
        require_instance("crossbar", self.crossbar, Crossbar)
        for name, least in (("chip_seed", 0), ("seed", 0), ("draws", 1), ("probes", 1)):
            require_integer(name, getattr(self, name), at_least=least)

    @property
    def label(self) -> str:
        """Tile and chip."""
        return f"stability {self.crossbar.tile[0]}x{self.crossbar.tile[1]} #{self.chip_seed}"

    def run(self, store: Store) -> NoiseStability:
        """Both networks side by side."""
        software = store.network(self.network, self.device)
        chip = store.chip(self.network, self.crossbar, self.chip_seed, self.calibration, device=self.device)
        return noise_stability(
            software=software, chip=chip, data=store.split(self.images), batch_size=self.batch_size,
            draws=self.draws, probes=self.probes, seed=self.seed,
        )  # fmt: skip
