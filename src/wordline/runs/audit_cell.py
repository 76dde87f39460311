"""Cells about a chip and its software network: an audit, a gradient deviation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..attacks import Loss
from ..attacks.norms import require_radius
from ..records import GradientDeviation
from ..records import Audit
from ..evaluation import Budget, audit, gradient_deviation
from ..mapping import Crossbar
from ..records.record import fraction
from ..values import require_instance, require_integer
from .cell import AbstractCell
from .inputs import AbstractNetwork, Images, NoImages

if TYPE_CHECKING:
    from torch import nn

    from ..datasets import ImageSplit
    from .store import Store


@dataclass(frozen=True, kw_only=True)
class AbstractChipCell(AbstractCell):
    """What a cell about one chip names. `calibration`: what converters with a calibrated range are set on."""

    network: AbstractNetwork
    images: Images
    crossbar: Crossbar
    eps: float
    chip_seed: int = 0
    calibration: Images | NoImages = field(default_factory=NoImages)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_instance("network", self.network, AbstractNetwork)
        require_instance("images", self.images, Images)
        require_instance("crossbar", self.crossbar, Crossbar)
        require_radius("eps", self.eps, above=0.0)
        require_integer("chip_seed", self.chip_seed, at_least=0)

    def _parties(self, store: Store) -> tuple[nn.Module, nn.Module, ImageSplit]:
        software = store.network(self.network, self.device)
        chip = store.chip(self.network, self.crossbar, self.chip_seed, self.calibration, device=self.device)
        return software, chip, store.split(self.images)

    def _label(self, what: str) -> str:
        return f"{what} {self.crossbar.tile[0]}x{self.crossbar.tile[1]} {fraction(self.eps)}"


@dataclass(frozen=True, kw_only=True)
class AuditCell(AbstractChipCell):
    """`audit` of one chip. `unseen`: images for the batch-norm control, whose labels nobody reads."""

    budget: Budget = field(default_factory=Budget)
    unseen: Images
    seed: int = 0

    @property
    def label(self) -> str:
        """Tile and eps."""
        return self._label("audit")

    def run(self, store: Store) -> Audit:
        """Doubt it."""
        software, chip, images = self._parties(store)
        return audit(
            chip=chip, software=software, data=images, eps=self.eps, budget=self.budget,
            calibration=store.split(self.unseen), seed=self.seed, batch_size=self.batch_size,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DeviationCell(AbstractChipCell):
    """`gradient_deviation` of one chip (Fig 2 of arXiv 2008.11298)."""

    loss: Loss = "cross-entropy"

    @property
    def label(self) -> str:
        """Tile and eps."""
        return self._label("deviation")

    def run(self, store: Store) -> GradientDeviation:
        """Compare the gradients."""
        software, chip, images = self._parties(store)
        return gradient_deviation(
            chip=chip, software=software, data=images, eps=self.eps, loss=self.loss, batch_size=self.batch_size
        )
