"""The cell of one audit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from ..attacks.norms import require_radius
from ..evaluation import Budget, audit
from ..records import Audit
from ..records.record import fraction
from .cell import Loader
from .chip_cell import AbstractChipCell
from .image_inputs import AbstractImages


@final
@dataclass(frozen=True, kw_only=True)
class AuditCell(AbstractChipCell):
    """`audit` of one chip. `unseen`: images for the batch-norm control; labels are not used."""

    eps: float
    budget: Budget = field(default_factory=Budget)
    unseen: AbstractImages
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_radius("eps", self.eps, above=0.0)

    @property
    def label(self) -> str:
        return f"audit {self.tile} {fraction(self.eps)}"

    def run(self, loader: Loader) -> Audit:
        software, chip, images = self.load(loader)
        return audit(
            chip=chip, software=software, data=images, eps=self.eps, budget=self.budget,
            calibration=self.unseen.load(loader), seed=self.seed, batch_size=self.batch_size,
        )  # fmt: skip
