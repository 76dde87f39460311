"""The cell of one noise stability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from ..evaluation import noise_stability
from ..records import NoiseStability
from ..values import require_integer
from .cell import Loader
from .chip_cell import AbstractChipCell


@final
@dataclass(frozen=True, kw_only=True)
class StabilityCell(AbstractChipCell):
    """`noise_stability` of one chip beside its software network, on clean images.

    Source: arXiv 2109.09060.
    """

    draws: int = 20
    probes: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("seed", 0), ("draws", 1), ("probes", 1)):
            require_integer(name, getattr(self, name), at_least=least)

    @property
    def label(self) -> str:
        return f"stability {self.tile} #{self.chip_seed}"

    def run(self, loader: Loader) -> NoiseStability:
        software, chip, images = self.load(loader)
        return noise_stability(
            software=software, chip=chip, data=images, batch_size=self.batch_size,
            draws=self.draws, probes=self.probes, seed=self.seed,
        )  # fmt: skip
