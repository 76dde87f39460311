"""Crossbars x seeds x attacks x settings: the grid behind most tables, resumable cell by cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from ..attacks import AbstractAttack
from ..evaluation import identify
from ..evaluation.requirements import require_evaluation_mode, require_fit
from ..mapping import Crossbar
from ..progress import AbstractProgress, Silent
from ..records.record import Record, describe_attack
from ..values import require_choice, require_integer
from ..datasets import Pairs, as_split
from .evaluation_cell import SETTINGS, EvaluationCell
from .inputs import AbstractNetwork, Given, Images, NoImages
from .journal import Journal
from .store import Store


@dataclass(frozen=True)
class Grid:
    """Which evaluations to run of one software network on one split.

    SW cells are run once per attack; SH and HH for every crossbar and seed. An attack with `early_stop` saves most of
    the cost of white-box cells; images that are to be transferred (SH) are always attacked to the end.
    """

    crossbars: tuple[Crossbar, ...]
    attacks: tuple[AbstractAttack, ...]
    seeds: tuple[int, ...] = (0,)
    settings: tuple[str, ...] = SETTINGS
    batch_size: int = 100
    seed: int = 0
    draws: int = 1

    def __post_init__(self) -> None:
        for setting in self.settings:
            require_choice("settings", setting, SETTINGS)
        require_integer("batch_size", self.batch_size, at_least=1)
        require_integer("draws", self.draws, at_least=1)
        for seed in (self.seed, *self.seeds):
            require_integer("seeds", seed, at_least=0)

    def cells(
        self,
        network: AbstractNetwork,
        images: Images,
        *,
        calibration: Images | NoImages = NoImages(),  # noqa: B008 - a value without state
        threads: int = 1,
    ) -> tuple[EvaluationCell, ...]:
        """Every evaluation of the grid as a cell of its own, those of one chip together."""
        return tuple(self._cells(network, images, calibration, threads))

    def _cells(
        self, network: AbstractNetwork, images: Images, calibration: Images | NoImages, threads: int
    ) -> Iterator[EvaluationCell]:
        if "SW" in self.settings:
            for attack in self.attacks:
                yield EvaluationCell(
                    setting="SW", network=network, images=images, attack=attack, seed=self.seed, draws=self.draws,
                    batch_size=self.batch_size, threads=threads,
                )  # fmt: skip
        for crossbar in self.crossbars:
            for chip_seed in self.seeds:
                for setting in self.settings:
                    for attack in self.attacks if setting != "SW" else ():
                        yield EvaluationCell(
                            setting=setting, network=network, images=images, attack=attack, crossbar=crossbar,
                            chip_seed=chip_seed, calibration=calibration, seed=self.seed, draws=self.draws,
                            batch_size=self.batch_size, threads=threads,
                        )  # fmt: skip


def run_grid(
    software: nn.Module,
    split: Pairs,
    grid: Grid,
    journal: Journal,
    *,
    calibration: Pairs | None = None,
    progress: AbstractProgress | None = None,
) -> list[Record]:
    """Run what the journal does not hold yet; all records of the grid, in its order.

    `calibration`: all images that chips with `Calibrated` converter ranges are set on.
    """
    require_evaluation_mode("software", software)
    images = as_split(split, "split")
    require_fit("software", software, images)
    store = Store()
    network = Given(party=identify(software))
    store.hold(network, software)
    set_on = NoImages() if calibration is None else store.hold_images(as_split(calibration, "calibration"))
    cells = grid.cells(network, store.hold_images(images), calibration=set_on, threads=torch.get_num_threads())
    with (progress or Silent()).task("grid", len(cells)) as advance:
        for cell in cells:
            if cell.key not in journal.results:
                journal.append(cell.key, cell.run(store))
            record = cast(Record, journal.results[cell.key])
            advance(1, f"{cell.setting} {describe_attack(cell.attack)}: AA {100 * record.adversarial_accuracy:.1f} %")
    return [cast(Record, journal.results[cell.key]) for cell in cells]
