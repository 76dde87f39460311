"""The cell of one gradient deviation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from ..attacks import Loss
from ..attacks.norms import require_radius
from ..evaluation import gradient_deviation
from ..records import GradientDeviation
from ..records.record import fraction
from .cell import Loader
from .chip_cell import AbstractChipCell


@final
@dataclass(frozen=True, kw_only=True)
class DeviationCell(AbstractChipCell):
    """`gradient_deviation` of one chip (Fig 2 of arXiv 2008.11298)."""

    eps: float
    loss: Loss = "cross-entropy"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_radius("eps", self.eps, above=0.0)

    @property
    def label(self) -> str:
        return f"deviation {self.tile} {fraction(self.eps)}"

    def run(self, loader: Loader) -> GradientDeviation:
        software, chip, images = self.load(loader)
        return gradient_deviation(
            chip=chip, software=software, data=images, eps=self.eps, loss=self.loss,
            batch_size=self.batch_size,
        )  # fmt: skip
