"""A grid of evaluations: crossbars x seeds x attacks x settings, the base of most tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import nn

from ..attacks import AbstractAttack
from ..datasets import Pairs, as_split
from ..evaluation import identify
from ..evaluation.requirements import require_evaluation_mode, require_fit
from ..mapping import Crossbar
from ..progress import AbstractProgress
from ..records.record import Record
from ..values import require_choice, require_instance, require_integer
from .evaluation_cell import CHIP_TO_CHIP, SETTINGS, EvaluationCell
from .executors import Serial
from .image_inputs import AbstractImages, NoImages
from .journal import Journal
from .network_inputs import AbstractNetwork, InMemoryNetwork
from .run_cells import run_cells
from .stand_ins import ScaledWeights, StandIn, Twin
from .store import Store


@dataclass(frozen=True)
class Grid:
    """The evaluations of one software network on one split.

    SW cells are run once per attack; SH and HH for every crossbar and seed. An attack with
    `early_stop` saves most of the cost of white-box cells; images that are to be transferred (SH)
    are always attacked to the end.

    `twins`: behind every chip its attenuated twin. `crafted_on`: seeds of further chips of each
    crossbar, whose images are scored on every chip (chip-to-chip), as if variation were drawn anew
    between crafting and scoring; a chip's own seed is left out.
    """

    crossbars: tuple[Crossbar, ...]
    attacks: tuple[AbstractAttack, ...]
    seeds: tuple[int, ...] = (0,)
    settings: tuple[str, ...] = SETTINGS
    batch_size: int = 100
    seed: int = 0
    draws: int = 1
    twins: bool = False
    crafted_on: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        require_instance("twins", self.twins, bool)
        for setting in self.settings:
            require_choice("settings", setting, SETTINGS)
        require_integer("batch_size", self.batch_size, at_least=1)
        require_integer("draws", self.draws, at_least=1)
        for seed in (self.seed, *self.seeds):
            require_integer("seeds", seed, at_least=0)
        require_instance("crafted_on", self.crafted_on, tuple)
        for seed in self.crafted_on:
            require_integer("crafted_on", seed, at_least=0)

    def cells(
        self,
        network: AbstractNetwork,
        images: AbstractImages,
        *,
        calibration: AbstractImages | NoImages = NoImages(),  # noqa: B008 - a value without state
        threads: int = 1,
    ) -> tuple[EvaluationCell, ...]:
        """Return every evaluation as a cell of its own, those of one chip together."""
        if not self.attacks:
            return ()
        software = EvaluationCell(
            setting="SW", network=network, images=images, attack=self.attacks[0], seed=self.seed,
            draws=self.draws, batch_size=self.batch_size, threads=threads,
        )  # fmt: skip
        found = [replace(software, attack=a) for a in self.attacks if "SW" in self.settings]
        found += [
            replace(
                software, setting=setting, attack=attack, crossbar=crossbar, chip_seed=chip_seed,
                calibration=calibration, source_seed=source_seed,
            )
            for crossbar, chip_seed in self._victims()
            for setting, source_seed in self._threats(crossbar, chip_seed)
            for attack in self.attacks
        ]  # fmt: skip
        return tuple(found)

    def _threats(self, place: Crossbar | StandIn, seed: int) -> Iterator[tuple[str, int]]:
        """Yield the settings of a victim, each with the seed of another chip as source, or -1."""
        yield from ((setting, -1) for setting in self.settings if setting != "SW")
        if isinstance(place, Crossbar):
            yield from ((CHIP_TO_CHIP, other) for other in self.crafted_on if other != seed)

    def _victims(self) -> Iterator[tuple[Crossbar | StandIn, int]]:
        """Yield every place with the seed of its chip, a twin behind its chip."""
        for place in self.crossbars:
            for seed in self.seeds[:1] if isinstance(place, ScaledWeights) else self.seeds:
                yield place, seed
                if self.twins and isinstance(place, Crossbar):
                    yield Twin(place), seed


def run_grid(
    software: nn.Module,
    split: Pairs,
    grid: Grid,
    journal: Journal,
    *,
    calibration: Pairs | None = None,
    progress: AbstractProgress | None = None,
) -> list[Record]:
    """Run the evaluations that the journal lacks and return all records, in the order of the grid.

    `calibration`: all images on which chips with `Calibrated` converter ranges are set, and twins
    of chips without matrices measured. An error of an evaluation is raised.
    """
    require_evaluation_mode("software", software)
    images = as_split(split, "split")
    require_fit("software", software, images)
    store = Store()
    set_on: AbstractImages | NoImages = NoImages()
    network = InMemoryNetwork(content=identify(software))
    store.hold(network, software)
    if calibration is not None:
        set_on = store.hold_images(as_split(calibration, "calibration"))
    named, threads = store.hold_images(images), torch.get_num_threads()
    cells = grid.cells(network, named, calibration=set_on, threads=threads)
    executor = Serial(store, stop_at_error=True)
    run_cells(cells, journal, store, executor=executor, title="grid", progress=progress)
    return [cast(Record, journal.results[cell.key]) for cell in cells]
