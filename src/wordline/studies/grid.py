"""Crossbars x seeds x attacks x settings: the grid behind most tables, resumable cell by cell."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..attacks import AbstractAttack
from ..evaluation import Conditions, craft, party, score
from ..evaluation.party import require_evaluation_mode, require_fit
from ..mapping import Crossbar
from ..nn import calibrate, map_model
from ..progress import AbstractProgress, Silent
from ..records import Party, Record, Software, describe_attack
from ..values import Value, require_choice, require_integer
from ..zoo import ImageSplit
from .journal import Journal

SETTINGS = ("SW", "SH", "HH")


@dataclass(frozen=True)
class Cell(Value):
    """Everything that decides one record; its hash is the cell's name in a journal."""

    setting: str
    software: Party
    crossbar: Value
    chip_seed: int
    attack: AbstractAttack
    fingerprint: str
    images: int
    conditions: tuple[str, int, int, int, int]  # data, seed, draws, batch size, threads
    calibration: str = ""  # images that the chip's converters were set on

    @property
    def key(self) -> str:
        """Twenty hex digits of the content."""
        return hashlib.sha256(self.identity().encode()).hexdigest()[:20]


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


def run_grid(
    software: nn.Module,
    split: ImageSplit,
    grid: Grid,
    journal: Journal,
    *,
    calibration: ImageSplit | None = None,
    progress: AbstractProgress | None = None,
) -> list[Record]:
    """Run what the journal does not hold yet; all records of the grid, in its order.

    `calibration`: all images that chips with `Calibrated` converter ranges are set on.
    """
    require_evaluation_mode("software", software)
    require_fit("software", software, split)
    cells = list(_cells(software, split, grid, calibration))
    transfer: dict[AbstractAttack, Tensor] = {}  # images crafted on software serve every chip
    with (progress or Silent()).task("grid", len(cells)) as advance:
        chip: nn.Module | None = None
        held: tuple[Value, int] | None = None
        for cell in cells:
            if cell.key not in journal.records:
                if cell.setting != "SW" and held != (cell.crossbar, cell.chip_seed):
                    chip, held = _chip(software, cell, calibration), (cell.crossbar, cell.chip_seed)
                journal.append(cell.key, _run(cell, software, chip, split, grid, transfer))
            record = journal.records[cell.key]
            advance(1, f"{cell.setting} {describe_attack(cell.attack)}: AA {100 * record.adversarial_accuracy:.1f} %")
    return [journal.records[cell.key] for cell in cells]


def _chip(software: nn.Module, cell: Cell, calibration: ImageSplit | None) -> nn.Module:
    chip = map_model(software, _crossbar(cell), cell.chip_seed)
    return chip if calibration is None else calibrate(chip, calibration, limit=0)


def _cells(software: nn.Module, split: ImageSplit, grid: Grid, calibration: ImageSplit | None) -> Iterator[Cell]:
    who, content = party(software), split.fingerprint()
    conditions = (split.name, grid.seed, grid.draws, grid.batch_size, torch.get_num_threads())
    words = "" if calibration is None else f"{len(calibration)} {calibration.name} {calibration.fingerprint()}"
    if "SW" in grid.settings:
        for attack in grid.attacks:
            yield Cell("SW", who, Software(), 0, attack, content, len(split), conditions)
    for crossbar in grid.crossbars:
        for seed in grid.seeds:
            for setting in grid.settings:
                if setting != "SW":
                    for attack in grid.attacks:
                        used = attack if setting == "HH" else attack.for_transfer()
                        set_on = words if crossbar.calibrated else ""
                        yield Cell(setting, who, crossbar, seed, used, content, len(split), conditions, set_on)


def _run(
    cell: Cell,
    software: nn.Module,
    chip: nn.Module | None,
    split: ImageSplit,
    grid: Grid,
    transfer: dict[AbstractAttack, Tensor],
) -> Record:
    victim = software if chip is None or cell.setting == "SW" else chip
    source = victim if cell.setting == "HH" else software
    if cell.setting == "SH":
        if cell.attack not in transfer:
            transfer[cell.attack] = craft(software, cell.attack, split, seed=grid.seed, batch_size=grid.batch_size)
        images = transfer[cell.attack]
    else:
        images = craft(source, cell.attack, split, seed=grid.seed, batch_size=grid.batch_size)
    return score(victim, party(source), cell.attack, split, images, Conditions(grid.seed, grid.draws, grid.batch_size))


def _crossbar(cell: Cell) -> Crossbar:
    if not isinstance(cell.crossbar, Crossbar):
        raise TypeError(f"`crossbar` of a {cell.setting} cell must be a Crossbar, got {cell.crossbar!r}")
    return cell.crossbar
