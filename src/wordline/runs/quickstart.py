"""The quickstart on the embedded digits: three tile sizes, two gains, FGSM and PGD."""

from __future__ import annotations

from pathlib import Path

from ..attacks import FGSM, PGD, AbstractAttack
from ..datasets import load_dataset
from ..mapping import Crossbar, LeastSquaresGain, UnitGain
from ..models import load_model
from ..progress import AbstractProgress
from ..records.record import Record
from .grid import Grid, run_grid
from .journal import Journal

EPS = (0.05, 0.1, 0.15, 0.2)  # of the full grey range; 8 x 8 digits are still readable at 0.2
TILES = (16, 32, 64)


def quickstart_grid() -> Grid:
    """Return the grid: two attacks at four epsilons on six crossbars, one chip of each."""
    attacks: list[AbstractAttack] = [FGSM(eps=eps, loss="margin") for eps in EPS]
    attacks += [PGD(eps=eps, steps=10, step_size=eps / 4, loss="margin") for eps in EPS]
    crossbars = tuple(
        Crossbar.preset(f"rethinking-{tile}", gain=gain)
        for gain in (UnitGain(), LeastSquaresGain())
        for tile in TILES
    )
    return Grid(crossbars=crossbars, attacks=tuple(attacks))


def quickstart(
    out: Path, *, limit: int = 500, progress: AbstractProgress | None = None
) -> list[Record]:
    """Run the grid on the first `limit` test digits and write `records.jsonl` into `out`."""
    data, software = load_dataset("digits"), load_model("digits-cnn")
    journal = Journal(out / "records.jsonl")
    return run_grid(software, data.test.take(limit), quickstart_grid(), journal, progress=progress)
